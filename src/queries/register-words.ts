/** What each register is called and means, and what one of its rows says in words. */
import { isOddityCode, oddities } from '../domain/journey/oddities.ts'
import { isRole, roles } from '../access/policy.ts'
import { isEventType } from '../domain/events.ts'
import { wordsOf } from '../domain/event-words.ts'
import { isOutcome, isReason, outcomes, reasons } from '../domain/journey/outcomes.ts'
import type { Day } from '../domain/calendar.ts'
import { exportKinds, isEvidenceScope, isExportKind, type EvidenceScope } from '../domain/evidence-pack.ts'
import { lateAfterDays } from '../domain/journey/replay.ts'
import { isRegisterName, type AuditRow, type RegisterName } from './registers.ts'

interface RegisterWords {
  readonly title: string
  readonly meaning: string
  /** The heading of the column that says how long it took, and what stands in it. */
  readonly span: { readonly heading: string; readonly of: (row: AuditRow) => string }
  readonly says: (row: AuditRow) => string
}

const daysLate = {
  heading: 'Recorded after',
  of: ({ daysLate }: AuditRow) => (daysLate > 0 ? days(daysLate) : 'The same day'),
}

const lag = {
  heading: 'Stood for',
  of: ({ lagDays }: AuditRow) => (lagDays === null ? 'Not known' : lagDays === 0 ? 'Less than a day' : days(lagDays)),
}

export const registerWords: Readonly<Record<RegisterName, RegisterWords>> = {
  corrections: {
    title: 'Corrections',
    meaning: 'Every record that was corrected or withdrawn, who did it, and how long the earlier record had stood.',
    span: lag,
    says: (row) =>
      row.type === 'ParticipantDetailsCorrected'
        ? 'Personal details corrected'
        : `${nameOf(row.of)} ${row.type === 'RecordWithdrawn' ? 'withdrawn' : 'corrected'}${changeIn(row)}${row.takenBackBy !== null ? ', and this was taken back' : ''}`,
  },
  'late-recording': {
    title: 'Late recording',
    meaning: `Everything that was recorded more than ${lateAfterDays} days after the day it happened. Corrections are not among them: they always come later.`,
    span: daysLate,
    says: ({ type, occurredOn }) => `${nameOf(type)} of ${shortDay(occurredOn)}`,
  },
  'recategorised-outcomes': {
    title: 'Outcomes recategorised',
    meaning:
      'Every change of the reason on record for somebody’s leaving. Nobody who left ever leaves the count: the register says how many that are, whatever was recorded of them since.',
    span: daysLate,
    says: ({ was, became }) => `${codeName(was) || 'Reason not known'} became ${lowered(codeName(became))}`,
  },
  'withdrawn-endings': {
    title: 'Endings withdrawn',
    meaning: 'Every record that somebody left or finished and that was later withdrawn as recorded in error.',
    span: lag,
    says: (row) =>
      `${nameOf(row.of)}${row.was ? ` (${lowered(codeName(row.was))})` : ''} withdrawn${row.takenBackBy !== null ? ', and this was taken back: the ending stands' : ''}`,
  },
  reinstatements: {
    title: 'Reinstatements',
    meaning: 'Every decision that a journey goes on although it had ended.',
    span: daysLate,
    says: () => 'The journey goes on',
  },
  'confirmed-oddities': {
    title: 'Oddities confirmed',
    meaning: 'Everything that the service asked about because it looked odd, and that somebody confirmed deliberately.',
    span: daysLate,
    says: ({ type, detail }) => `${nameOf(type)}: ${(detail ?? '').split(' ').map(oddityName).join('; ')}`,
  },
  'taken-away': {
    title: 'Taken away',
    meaning:
      'Everything that left the service as a file or by the API: evidence packs, histories, pictures and registers, with how much it held and whether personal details were in it.',
    span: {
      heading: 'Of',
      of: ({ of, detail, records }) => {
        const what = isEvidenceScope(of)
          ? takenOf[of](detail ?? '')
          : isRegisterName(detail)
            ? takenOf.register(detail)
            : takenOf.journey('')
        return records === null ? what : `${what}: ${records} ${records === 1 ? 'record' : 'records'}`
      },
    },
    says: ({ of, became }) =>
      `${isExportKind(of) ? exportKinds[of] : 'Evidence pack'}, ${became === 'opened' ? 'with' : 'without'} personal details`,
  },
}

const takenOf: Readonly<Record<EvidenceScope, (detail: string) => string>> = {
  journey: () => 'One journey',
  group: () => 'One group',
  days: (days) => days.replace('/', ' to '),
  register: (name) => `Register: ${isRegisterName(name) ? registerWords[name].title.toLowerCase() : name}`,
  log: () => 'The whole log',
}

export const roleName = (role: string): string => (isRole(role) ? roles[role].name : spaced(role).replaceAll('-', ' '))

export const reasonName = (code: string): string => codeName(code) || 'Not known'

const nameOf = (type: string | null): string => (type !== null && isEventType(type) ? wordsOf(type).name : 'A record')

const codeName = (code: string | null): string =>
  code === null ? '' : isOutcome(code) ? outcomes[code] : isReason(code) ? reasons[code] : spaced(code)

const oddityName = (code: string): string => (isOddityCode(code) ? lowered(oddities[code]) : spaced(code))

const changeIn = ({ was, became }: AuditRow): string =>
  became === null || was === became
    ? ''
    : `: ${was === null ? '' : `${lowered(codeName(was))} became `}${lowered(codeName(became))}`

const lowered = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1)

const shortDayFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})

/** `12 Mar 2024`, in the narrow columns of a register. */
const shortDay = (day: Day): string => shortDayFormat.format(new Date(`${day}T00:00:00Z`)).replace('Sept', 'Sep')

const days = (count: number): string => `${count} ${count === 1 ? 'day' : 'days'}`

const spaced = (code: string): string => code.replaceAll('_', ' ')
