/** Whether a record may be corrected or withdrawn: what is believed after it must be possible by the rules for every record. */
import { dayInWords, type Day } from '../calendar.ts'
import { refusalOfDate, type DatedFact, type DateFrame } from '../dates.ts'
import { Refusal, type CommandContext } from '../history.ts'
import { believedOf, factChangedBy, standingOf, type Believed, type Standing, type FactEvent } from './believed.ts'
import { fieldRulesOf, nounOf } from './correctable.ts'
import type { CorrectionCommand, CorrectionEvent } from './correction.ts'
import { learn, ownFacts } from './fold.ts'
import { nothingKnown, type Journey, type JourneyFacts, type RecordedVersion } from './state.ts'

/** A rule that judges one fact on what is believed before it. @throws Refusal where the fact is impossible there */
type Judge = (before: Journey, fact: Believed) => void

/**
 * @param judge the rules by which a fact is recorded
 * @throws Refusal `no_such_record`, `no_longer_stands`, `nothing_to_correct`, `not_correctable`, `wrong_value`,
 *   `makes_impossible`; and whatever the rules say of the corrected fact itself
 */
export function decideCorrection(
  journey: Journey,
  command: CorrectionCommand,
  judge: Judge,
): readonly CorrectionEvent[] {
  const event = command.type === 'CorrectRecord' ? corrected(journey, command) : withdrawn(journey, command)
  const { recorded } = journey
  const fact = factChangedBy(journey, event)!
  const on = command.type === 'CorrectRecord' ? command.occurredOn : recorded.get(fact)!.on
  const version: RecordedVersion = { type: event.type, on, fact, data: event.data }
  const after = new Map([...recorded, [nextRevision(recorded), version]])
  const impossible = (records: JourneyFacts['recorded']) => impossibleIn(records, judge, command.adultFrom)
  refuseFresh(impossible(recorded), impossible(after), fact)
  return [event]
}

function corrected(
  journey: Journey,
  { data, occurredOn }: Extract<CorrectionCommand, { type: 'CorrectRecord' }>,
): CorrectionEvent {
  const { corrects, changes, said } = data
  const standing = standingOf(journey.recorded)
  const version = recordOf(journey, corrects)
  if (version.type === 'RecordWithdrawn')
    throw new Refusal('not_correctable', 'That took a record back. Withdraw it, and the record can be corrected.')
  refuseFallen(journey, standing, corrects)
  const now = standing.current.get(version.fact)
  if (now !== corrects)
    throw new Refusal(
      'no_longer_stands',
      `Event ${corrects} no longer stands: event ${now} has corrected it. Correct event ${now} instead.`,
    )
  const because = reasonGiven(data.because)
  const becomes = changed(said.of, said.data, changes)
  const day = standing.saidAnew.get(version.fact) ?? version.fact
  if (occurredOn === journey.recorded.get(day)!.on && sameData(said.data, becomes))
    throw new Refusal('nothing_to_correct', 'That is what the record already says. There is nothing to correct.')
  return { type: 'RecordCorrected', data: { corrects, of: said.of, version: said.version, data: becomes, because } }
}

function withdrawn(
  journey: Journey,
  { data }: Extract<CorrectionCommand, { type: 'WithdrawRecord' }>,
): CorrectionEvent {
  const { withdraws } = data
  const standing = standingOf(journey.recorded)
  const { type, fact } = recordOf(journey, withdraws)
  if (type === 'RecordWithdrawn') {
    const by = standing.withdrawnBy.get(withdraws)
    if (by !== undefined) throw fallen(withdraws, by)
  } else refuseFallen(journey, standing, withdraws)
  const latest = standing.latest.get(fact)!
  // The record itself may be withdrawn however often it was corrected; of what was done to it since, the last first.
  if (withdraws !== fact && latest !== withdraws)
    throw new Refusal(
      'no_longer_stands',
      `Event ${withdraws} no longer stands: event ${latest} came after it. Withdraw event ${latest} first.`,
    )
  return { type: 'RecordWithdrawn', data: { withdraws, because: reasonGiven(data.because) } }
}

function recordOf({ recorded }: Journey, revision: number): RecordedVersion {
  const version = recorded.get(revision)
  if (!version) throw new Refusal('no_such_record', `There is no event ${revision} on this journey.`)
  return version
}

const fallen = (revision: number, by: number) =>
  new Refusal('no_longer_stands', `Event ${revision} no longer stands: it was withdrawn by event ${by}.`)

function refuseFallen({ recorded }: Journey, { withdrawnBy }: Standing, revision: number): void {
  const by = withdrawnBy.get(revision) ?? withdrawnBy.get(recorded.get(revision)!.fact)
  if (by !== undefined) throw fallen(revision, by)
}

function reasonGiven(because: string): string {
  if (because.trim() === '') throw new Refusal('no_reason', 'Say why the record is wrong.')
  return because
}

/** The whole fact as it will be said. */
function changed(
  of: FactEvent['type'],
  said: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const rules = fieldRulesOf(of as Parameters<typeof fieldRulesOf>[0])
  const becomes: Record<string, unknown> = { ...said }
  for (const [field, value] of Object.entries(changes)) {
    const rule = Object.hasOwn(rules, field) ? rules[field] : undefined
    if (!rule) throw new Refusal('not_correctable', `The ${nounOf(of, said)} has no field ${field}.`)
    if ('instead' in rule) {
      if (same(said[field], value)) continue
      throw new Refusal('not_correctable', rule.instead)
    }
    if (rule.correct === 'any' && (value === '' || value === undefined)) {
      // What the rules need to be there stays there, empty.
      if (Object.hasOwn(said, field) && emptyStays.has(field)) becomes[field] = ''
      else delete becomes[field]
      continue
    }
    const wrong = same(said[field], value) ? null : rule.wrong(value)
    if (wrong) throw new Refusal('wrong_value', `The ${field} ${wrong}.`)
    becomes[field] = value
  }
  return becomes
}

/** Open fields that an event always has, filled in or not. */
const emptyStays: ReadonlySet<string> = new Set(['groupId', 'provider'])

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const sameData = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>) =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].every((field) => same(one[field], other[field]))

/**
 * What was possible and would be no longer: the corrected fact itself is refused for what is wrong with it, any other by name.
 * What was recorded although a rule of today forbids it (a contact log is read more leniently) stands in nobody's way.
 */
function refuseFresh(then: readonly Impossible[], now: readonly Impossible[], fact: number): void {
  const fresh = now.filter(
    ({ believed, refusal }) =>
      !then.some((known) => known.believed.fact === believed.fact && known.refusal.code === refusal.code),
  )
  const own = fresh.find(({ believed }) => believed.fact === fact)
  if (own) throw own.refusal
  const [other] = fresh
  if (!other) return
  const { believed, refusal } = other
  throw new Refusal(
    'makes_impossible',
    `Another record would become impossible: the ${nounOf(believed.type, believed.data)} of ${dayInWords(believed.on)} (event ${believed.revision}). ${refusal.message}`,
  )
}

interface Impossible {
  readonly believed: Believed
  readonly refusal: Refusal
}

function impossibleIn(
  recorded: JourneyFacts['recorded'],
  judge: Judge,
  adultFrom: Day | undefined,
): readonly Impossible[] {
  const impossible: Impossible[] = []
  const { believed } = believedOf(recorded)
  const own = { ...ownFacts(nothingKnown), handled: new Set<string>() }
  for (const fact of believed) {
    try {
      judge(own, fact)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      impossible.push({ believed: fact, refusal: error })
    }
    learn(own, fact)
  }
  return [...impossible, ...misplacedIn(believed, adultFrom)]
}

/** The records that the rule of dates does not allow, whatever the order in which they were made. */
function misplacedIn(believed: readonly Believed[], adultFrom: Day | undefined): readonly Impossible[] {
  const facts = believed.map(datedFact)
  const days = (type: FactEvent['type']) => facts.filter((fact) => fact.type === type).map(({ on }) => on)
  const last = believed.findLast(({ type }) => isEnding(type) || type === 'JourneyReinstated')
  const frame: DateFrame = {
    referredOn: days('ReferralReceived').at(-1) ?? null,
    allocatedOn: days('AllocatedToGroup').toSorted()[0] ?? null,
    ending: last && isEnding(last.type) ? last : null,
    adultFrom,
    timed: facts.filter(({ startedAt, endedAt }) => startedAt && endedAt),
  }
  return believed.flatMap((fact, n) => {
    const refusal = refusalOfDate(facts[n]!, frame)
    return refusal ? [{ believed: fact, refusal }] : []
  })
}

const isEnding = (type: string) => type === 'ParticipantDroppedOut' || type === 'ProgrammeCompleted'

function datedFact({ type, on, revision, data }: Believed): DatedFact {
  const { startedAt, endedAt } = data as { readonly startedAt?: string; readonly endedAt?: string }
  return { type, on, revision, startedAt, endedAt }
}

/**
 * What is recorded of the world must be of a day on which it can have happened, and leave every other record one.
 * @throws Refusal of the rule of dates for the event itself; `makes_impossible` for another record
 */
export function refuseMisplaced(
  { recorded, ...journey }: Journey,
  { type, data }: FactEvent,
  { occurredOn, adultFrom }: CommandContext,
): void {
  const next = nextRevision(recorded)
  const fact = factChangedBy({ recorded, ...journey }, { type, data }) ?? next
  const version: RecordedVersion = { type, on: occurredOn, fact, data: { ...data } }
  const misplaced = (records: JourneyFacts['recorded']) => misplacedIn(believedOf(records).believed, adultFrom)
  refuseFresh(misplaced(recorded), misplaced(new Map([...recorded, [next, version]])), fact)
}

const nextRevision = (recorded: JourneyFacts['recorded']) => 1 + Math.max(-1, ...recorded.keys())
