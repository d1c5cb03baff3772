/** A seeded, wholly synthetic contact log, as a legacy case system would export it. No person or record in it is real. */
import { dayNumbered, dayNumberOf, isDay } from '../domain/calendar.ts'
import { Chance } from './chance.ts'
import type { ContactRecord } from './contact-record.ts'
import { JourneyPlanner, minutesInDay, type Step } from './journey-path.ts'
import { messyNotes, oddNames, type Plant, plantIn, spoil } from './mess.ts'

export { contactLogColumns, type ContactRecord, csvOf, writeCsv } from './contact-record.ts'

export interface ContactLogOptions {
  seed: number
  /** How many referrals, spread evenly from first day to last; 240 unless `records` asks for more or fewer. */
  journeys?: number
  /** Exactly so many records, from as many journeys as that takes. */
  records?: number
  /** First and last day, yyyy-mm-dd. Nothing occurs or is recorded outside them: who has not ended by then is still open. */
  from: string
  until: string
  /** Plants every kind of record an import must refuse, duplicates, odd names and unruly notes. */
  messy: boolean
  /** What every journey reference begins with, so that several logs can be imported side by side. */
  refPrefix?: string
}

/**
 * Clean or messy records, in order of recording. Lazy: what is kept in memory is the journeys under way, never the log.
 *
 * Clean means that an import accepts every record. Messy records are also in order of recording, but what they say is wrong,
 * so a planted date may lie outside the log or not exist at all.
 */
export function* simulateContactLog(options: ContactLogOptions): Generator<ContactRecord> {
  const { seed, messy, refPrefix = 'R-01' } = options
  const from = numberOf(options.from)
  const until = numberOf(options.until)
  if (until < from) throw new RangeError('A contact log cannot end before it begins.')
  const journeys = options.journeys ?? (options.records === undefined ? 240 : journeysFor(options.records, options))
  const planner = new JourneyPlanner({ seed, from, until, journeys })
  const write = recordWriter(from, messy)
  let left = options.records ?? Infinity

  const underWay = new SoonestFirst()
  for (let journey = 0; left > 0;) {
    // A journey has nothing to say before its referral, so it need not be thought of before then.
    while (journey < journeys && planner.startOf(journey) * minutesInDay <= underWay.nextAt) {
      const path = planner.path(journey)
      const plant = messy ? plantIn(path, journey, chanceOfMess(seed, journey)) : null
      const steps = path.steps.toReversed()
      const ref = `${refPrefix}-${String(path.participant).padStart(5, '0')}-${path.referral}`
      const whose = { ref, ...invent(seed, path.participant, messy) }
      if (steps.length > 0) underWay.add({ whose, steps, told: 0, at: steps.at(-1)!.recordedAt, order: journey, plant })
      journey++
    }
    const current = underWay.soonest
    if (!current) return
    const step = current.steps.at(-1)!
    const good = write(current.whose, step)
    const plant = current.plant?.at === current.told ? current.plant : null
    if (!plant?.instead && left-- > 0) yield good
    if (plant && left-- > 0) yield spoil(plant.kind, good, step, chanceOfMess(seed, current.order, 1))
    underWay.moveOn()
  }
}

/** Little more than the journeys it takes to give the records asked for, so that the log nearly reaches its last day. */
function journeysFor(records: number, { seed, messy, ...days }: ContactLogOptions): number {
  const from = numberOf(days.from)
  const until = numberOf(days.until)
  const recordsIn = (journeys: number) => {
    const planner = new JourneyPlanner({ seed, from, until, journeys })
    let sum = 0
    for (let journey = 0; journey < journeys; journey++) {
      const path = planner.path(journey)
      const plant = messy ? plantIn(path, journey, chanceOfMess(seed, journey)) : null
      sum += path.steps.length + (plant && !plant.instead ? 1 : 0)
    }
    return sum
  }
  const sample = Math.min(2000, Math.ceil(records / 10))
  let journeys = Math.ceil((records / recordsIn(sample)) * sample)
  for (let found = recordsIn(journeys); found < records; found = recordsIn(journeys)) {
    journeys += Math.ceil(((records - found) / found) * journeys * 1.1) + 1
  }
  return journeys
}

interface UnderWay {
  whose: Whose
  /** What is still to be told, latest first: what has been told is let go. */
  steps: Step[]
  told: number
  /** When the next step was recorded, kept at hand because it is compared so often. */
  at: number
  order: number
  plant: Plant | null
}

/** Journeys under way, the one with the next record first: a binary heap. */
class SoonestFirst {
  private readonly heap: UnderWay[] = []

  get soonest(): UnderWay | undefined {
    return this.heap[0]
  }

  get nextAt(): number {
    return this.heap[0]?.at ?? Infinity
  }

  add(journey: UnderWay): void {
    const { heap } = this
    let place = heap.push(journey) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!before(journey, heap[parent]!)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = journey
  }

  /** The first journey's record has been told: it queues again for its next one, or leaves. */
  moveOn(): void {
    const { heap } = this
    const first = heap[0]!
    first.steps.pop()
    first.told++
    const next = first.steps.at(-1)
    if (next) first.at = next.recordedAt
    const sinking = next ? first : heap.pop()!
    if (heap.length === 0) return
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, sinking)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = sinking
  }
}

const before = (one: UnderWay, other: UnderWay) => one.at < other.at || (one.at === other.at && one.order < other.order)

const chanceOfMess = (seed: number, journey: number, more = 0) => new Chance(seed, journey, 11 + more)

/** Turns steps into records: dates as the export writes them, and an invented person behind each participant. */
function recordWriter(from: number, messy: boolean) {
  const dates = new Map<number, string>()
  const ukDate = (day: number) => {
    let text = dates.get(day)
    if (text === undefined) {
      const [year, month, date] = dayNumbered(day).split('-')
      text = `${date}/${month}/${year}`
      dates.set(day, text)
    }
    return text
  }

  return (whose: Whose, step: Step): ContactRecord => {
    const unruly = messy && step.contact === 'Session' && step.recordedAt % 5 < 2
    return {
      journey_ref: whose.ref,
      crn: whose.crn,
      family_name: whose.familyName,
      given_names: whose.givenNames,
      date_of_birth: ukDate(from - whose.daysOldAtStart),
      recorded_at: `${ukDate(Math.floor(step.recordedAt / minutesInDay))} ${clock[step.recordedAt % minutesInDay]}`,
      occurred_on: ukDate(step.occurredOn),
      contact: step.contact,
      programme: step.contact === 'Referral' ? 'bbr' : '',
      group: step.group,
      session: step.session,
      outcome: step.outcome,
      planned_facilitators: step.room?.planned ?? '',
      actual_facilitators: step.room?.actual ?? '',
      provider: step.provider,
      recorded_by: step.recordedBy,
      note: unruly ? messyNotes[Math.floor(step.recordedAt / 5) % messyNotes.length]! : step.note,
    }
  }
}

/** A journey's reference and the invented person it belongs to. */
interface Whose extends Person {
  ref: string
}

interface Person {
  crn: string
  familyName: string
  givenNames: string
  daysOldAtStart: number
}

function invent(seed: number, participant: number, messy: boolean): Person {
  const chance = new Chance(seed, participant, 7)
  const odd = messy && chance.happens(0.08) ? chance.pick(oddNames) : null
  return {
    crn: crnOf(seed, participant),
    familyName: odd?.[0] ?? chance.pick(familyNames),
    givenNames:
      odd?.[1] ??
      (chance.happens(0.2) ? `${chance.pick(givenNames)} ${chance.pick(givenNames)}` : chance.pick(givenNames)),
    daysOldAtStart: chance.between(19 * 365 + 5, 64 * 365),
  }
}

/** A letter and six digits, different for every participant of a log: stepping by a number coprime to 26 million meets each once. */
function crnOf(seed: number, participant: number): string {
  const all = 26_000_000
  const first = new Chance(seed, 13).between(0, all - 1)
  const place = (first + participant * 9_973_211) % all
  return String.fromCharCode(65 + Math.floor(place / 1_000_000)) + String(place % 1_000_000).padStart(6, '0')
}

const clock = Array.from(
  { length: minutesInDay },
  (_, minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`,
)

function numberOf(day: string): number {
  if (!isDay(day)) throw new RangeError(`Not a date (yyyy-mm-dd): ${day}`)
  return dayNumberOf(day)
}

const familyNames = (
  "Smith Jones Walker Patel Khan Nowak Okafor Evans-Pryce O'Neill García Müller Lewis Ng Begum Ó~Briain de~la~Cruz Campbell " +
  'Hughes Ahmed Kowalski Adeyemi Murphy Thompson Robertson Singh Clarke Baker Mensah Ferreira Wójcik Osei Rees Fraser'
)
  .split(' ')
  .map((name) => name.replaceAll('~', ' '))

const givenNames = (
  'Liam Dean Mark Owen Imran Tyrone Wei Chidi Seán José Zoltán Piotr Gethin Ricky Lee Darren Kofi Amir Craig Stephen Joseph ' +
  'Callum Rhys Tomasz Marlon Gary Hassan Ewan Luis Nathan'
).split(' ')
