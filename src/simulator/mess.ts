/** What goes wrong in real exports, planted on purpose: records an import must refuse or count as duplicates. */
import { dayNumbered } from '../domain/calendar.ts'
import type { Chance } from './chance.ts'
import type { ContactRecord } from './contact-record.ts'
import { minutesInDay, isAttended, type Path, type Step } from './journey-path.ts'

/** The reasons an import gives for refusing a record, and `duplicate`. One is planted in every fourth journey, in turn. */
export const kindsOfMess = [
  // Wrong in themselves, whatever came before: these four may stand in place of a good record.
  'bad_crn',
  'bad_date',
  'unknown_contact',
  'recorded_before_occurred',
  // Wrong because of what came before.
  'duplicate',
  'already_referred',
  'no_referral',
  'wrong_participant',
  'journey_ended',
  'unknown_session',
  'unknown_outcome',
  'not_allocated',
  'already_recorded',
  'nothing_to_correct',
  'unknown_reason',
  'nothing_to_recategorise',
  'not_started',
] as const
export type KindOfMess = (typeof kindsOfMess)[number]

export interface Plant {
  kind: KindOfMess
  /** The step the bad record is made from. */
  at: number
  /** The good record was never sent: the bad one stands in its place. Otherwise it follows the good one. */
  instead: boolean
}

/** About one record in a hundred, as in the sample logs we were given. */
export function plantIn(path: Path, journey: number, chance: Chance): Plant | null {
  if (journey % 4 !== 0) return null
  const turn = (journey / 4) % kindsOfMess.length
  for (let tried = 0; tried < kindsOfMess.length; tried++) {
    const kind = kindsOfMess[(turn + tried) % kindsOfMess.length]!
    const places = placesFor(kind, path.steps)
    if (places.length === 0) continue
    const at = chance.pick(places)
    const replaceable = kindsOfMess.indexOf(kind) < 4 && path.steps[at]!.contact === 'Session'
    return { kind, at, instead: replaceable && chance.happens(0.5) }
  }
  return null
}

/** Steps right after which a record of the kind would be refused for exactly that reason. */
function placesFor(kind: KindOfMess, steps: Step[]): number[] {
  const indexOf = (which: (step: Step) => boolean) => {
    const found = steps.findIndex(which)
    return found < 0 ? steps.length : found
  }
  const end = indexOf(({ contact }) => contact === 'Dropped out' || contact === 'Completed')
  const allocation = indexOf(({ contact }) => contact === 'Allocated to group')
  const attended = indexOf(({ contact, outcome }) => contact.startsWith('Session') && isAttended(outcome))
  const all = steps.map((_, index) => index)
  switch (kind) {
    case 'bad_crn':
    case 'bad_date':
    case 'unknown_contact':
    case 'recorded_before_occurred':
    case 'duplicate':
    case 'already_referred':
    case 'wrong_participant':
      return all
    case 'no_referral':
      return all.slice(1) // the first is the referral itself, and would be one
    case 'journey_ended':
      return all.filter((index) => index >= end)
    case 'unknown_session':
    case 'unknown_outcome':
    case 'already_recorded':
    case 'nothing_to_correct':
      return all.filter((index) => steps[index]!.contact === 'Session')
    case 'not_allocated':
      return all.filter((index) => index < Math.min(allocation, end))
    case 'unknown_reason':
    case 'nothing_to_recategorise':
      return all.filter((index) => index < end)
    case 'not_started':
      return all.filter((index) => index < Math.min(attended, end))
  }
}

/** The bad record, made from the good one; recorded in the same minute, so the log stays in order of recording. */
export function spoil(kind: KindOfMess, good: ContactRecord, step: Step, chance: Chance): ContactRecord {
  switch (kind) {
    case 'bad_crn':
      return {
        ...good,
        crn: chance.pick(['', '12345', `${good.crn}X`, good.crn.toLowerCase(), ` ${good.crn}`, good.crn.slice(1)]),
      }
    case 'bad_date': {
      const written = chance.pick([
        '',
        'yesterday',
        '31/02/2024',
        '29/02/2023',
        '00/00/0000',
        '2024-01-13',
        '1/2/2024',
        '12/13/2023',
      ])
      return chance.happens(0.7) ? { ...good, occurred_on: written } : { ...good, date_of_birth: written }
    }
    case 'unknown_contact':
      return { ...good, contact: chance.pick(['', 'Sesion', 'session', 'Home visit', 'Session ']) }
    case 'recorded_before_occurred':
      return { ...good, occurred_on: ukDate(Math.floor(step.recordedAt / minutesInDay) + chance.between(1, 14)) }
    case 'duplicate':
      return { ...good }
    case 'already_referred':
      return {
        ...contact(good, 'Referral'),
        programme: 'bbr',
        provider: 'North',
        note: 'Sent twice by the court team.',
      }
    case 'no_referral':
      return { ...good, journey_ref: good.journey_ref.replace(/-\d+-\d+$/, '-99999-9') }
    case 'wrong_participant':
      return {
        ...good,
        crn: good.crn.startsWith('Z') ? `A${good.crn.slice(1)}` : `Z${good.crn.slice(1)}`,
        note: 'Whose record is this?',
      }
    case 'journey_ended':
      return { ...contact(good, chance.pick(['Completed', 'Dropped out'])), outcome: 'other' }
    case 'unknown_session':
      return { ...good, session: chance.pick(['', 'F9', 'PG4', 'f1', 'T']) }
    case 'unknown_outcome':
      return { ...good, outcome: chance.pick(['', 'ATT', 'XXXX', 'attc', 'Attended']) }
    case 'not_allocated':
      return { ...contact(good, 'Session'), session: 'PG1', outcome: 'ATTC', actual_facilitators: good.recorded_by }
    case 'already_recorded':
      return { ...good, outcome: good.outcome === 'ATTC' ? 'UAAB' : 'ATTC' }
    case 'nothing_to_correct':
      return {
        ...contact(good, 'Session correction'),
        session: good.session,
        outcome: good.outcome,
        note: 'Recorded wrongly.',
      }
    case 'unknown_reason':
      return { ...contact(good, 'Dropped out'), outcome: chance.pick(['', 'Moved area', 'gave up', 'MOVED_AREA']) }
    case 'nothing_to_recategorise':
      return { ...contact(good, 'Outcome recategorised'), outcome: 'order_expired' }
    case 'not_started':
      return contact(good, 'Completed')
  }
}

/** Another contact by the same hand in the same minute. */
const contact = (good: ContactRecord, name: string): ContactRecord => ({
  ...good,
  contact: name,
  programme: '',
  group: '',
  session: '',
  outcome: '',
  planned_facilitators: '',
  actual_facilitators: '',
  provider: '',
  note: '',
})

const ukDate = (day: number) => {
  const [year, month, date] = dayNumbered(day).split('-')
  return `${date}/${month}/${year}`
}

/** Names as systems mangle or people bear them. All invented; [family name, given names]. */
export const oddNames: readonly (readonly [string, string])[] = [
  ['Mu\u0308ller', 'Jose\u0301'], // the same letters as Müller, José, in another Unicode form
  ['Łukaszewicz', 'Żaneł'],
  ['O’Neill', 'Séan “Red”'],
  ['Smith, "Junior"', 'Lee'],
  ['محمود', 'يوسف'],
  ['王', '小明'],
  ['Þórðarson', 'Ægir'],
  ['\u200bZero\u200dWidth', 'N\u00a0B\u00a0Space'],
  ['Ünal\tTab', 'İlker'],
  ['𠮷田', '翔 🙂'],
  [' leading and trailing ', 'x'],
  ['=1+1', '+44'],
]

export const messyNotes: readonly string[] = [
  'Said "it wasn\'t like that" twice; challenged, accepted.',
  'Quiet, low.\nSpoke afterwards about sleep.',
  'Three lines:\r\n  - one\r\n  - "two", three\r\n',
  '"',
  '""quoted twice""',
  'Comma, semicolon; tab\tand emoji 👍🏽',
  '=HYPERLINK("x")',
  ',,,',
  '\n',
  'Naïve façade — “curly” …',
]
