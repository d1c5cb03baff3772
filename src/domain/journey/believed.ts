/** Which of the recorded events stand, and what they come to: a fact is believed as its last version that stands says it was. */
import type { Day } from '../calendar.ts'
import type { AttendanceEvent } from './attendance.ts'
import type { DeliveryEvent } from './delivery.ts'
import type { EndingEvent } from './ending.ts'
import type { EnforcementEvent } from './enforcement.ts'
import type { ReferralEvent } from './referral.ts'
import type { JourneyFacts, RecordedVersion } from './state.ts'

/** Every event that says something about the world. */
export type FactEvent = ReferralEvent | DeliveryEvent | AttendanceEvent | EnforcementEvent | EndingEvent

/** The two of them that change another's fact: they are read as versions of it. */
export type ChangeType = 'AttendanceCorrected' | 'OutcomeRecategorised'

/** Every event type that tells a fact of its own. */
export type FactType = Exclude<FactEvent['type'], ChangeType>

/** What one of them says, as far as the fold reads it. */
export type Believed = FactEvent & {
  readonly on: Day
  /** The event that says so: the last version that stands. */
  readonly revision: number
  /** The event that told the fact first. */
  readonly fact: number
}

type Recorded = JourneyFacts['recorded']

export interface Standing {
  /** By revision: the revision of the withdrawal that took it back. A withdrawal that was itself withdrawn takes nothing back. */
  readonly withdrawnBy: ReadonlyMap<number, number>
  /** By the revision of a fact that stands: the revision of its last version that does. */
  readonly current: ReadonlyMap<number, number>
  /** The same, of those versions only that say the whole fact anew. */
  readonly saidAnew: ReadonlyMap<number, number>
  /** By the revision of a fact, whether it stands or not: the last event about it that stands, a withdrawal among them. */
  readonly latest: ReadonlyMap<number, number>
}

/** What links one event to another. */
export type Linked = Pick<RecordedVersion, 'type' | 'fact'> & { readonly data: { readonly withdraws?: unknown } }

/** @param recorded in the order of the log */
export function standingOf(recorded: ReadonlyMap<number, Linked>): Standing {
  const withdrawnBy = new Map<number, number>()
  // A withdrawal is always recorded after what it takes back, so the last of them is judged first.
  for (const [revision, { type, data }] of [...recorded].reverse())
    if (type === 'RecordWithdrawn' && !withdrawnBy.has(revision)) withdrawnBy.set(data.withdraws as number, revision)
  const current = new Map<number, number>()
  const saidAnew = new Map<number, number>()
  const latest = new Map<number, number>()
  for (const [revision, { type, fact }] of recorded) {
    if (withdrawnBy.has(revision)) continue
    latest.set(fact, revision)
    if (type === 'RecordWithdrawn' || withdrawnBy.has(fact)) continue
    current.set(fact, revision)
    if (type === 'RecordCorrected') saidAnew.set(fact, revision)
  }
  return { withdrawnBy, current, saidAnew, latest }
}

/** What is believed, in the order in which it was first told; and how many corrections and recategorisations of it stand. */
export function believedOf(recorded: Recorded): {
  readonly believed: readonly Believed[]
  readonly corrections: number
  readonly recategorisations: number
} {
  const { withdrawnBy, saidAnew } = standingOf(recorded)
  const believed: Believed[] = []
  let [corrections, recategorisations] = [0, 0]
  for (const [revision, { type, on, fact, data }] of recorded) {
    if (type === 'RecordWithdrawn' || withdrawnBy.has(revision) || withdrawnBy.has(fact)) continue
    if (type === 'AttendanceCorrected') corrections++
    if (type === 'OutcomeRecategorised') recategorisations++
    const anew = saidAnew.get(fact)
    if (type === 'RecordCorrected') {
      if (fact !== revision) corrections++
    } else if (anew === undefined || anew < revision)
      believed.push({ type, on, data, revision, fact } as unknown as Believed)
    else if (fact === revision) {
      const version = recorded.get(anew)!
      const said = { type, on: version.on, data: version.data.data, revision: anew, fact }
      believed.push(said as unknown as Believed)
    }
  }
  return { believed, corrections, recategorisations }
}

/** The fact of which an event will be a version once it is added to these; undefined where it tells a fact of its own. */
export function factChangedBy(
  facts: JourneyFacts,
  { type, data }: { readonly type: string; readonly data: object },
): number | undefined {
  const given = data as { corrects?: number; withdraws?: number; sessionId?: string }
  const about = (revision: number | undefined) =>
    revision === undefined ? undefined : facts.recorded.get(revision)?.fact
  const ofType = (fact: number | undefined, told: FactType) =>
    fact !== undefined && facts.recorded.get(fact)?.type === told ? fact : undefined
  switch (type) {
    case 'RecordCorrected':
      return about(given.corrects)
    case 'RecordWithdrawn':
      return about(given.withdraws)
    case 'AttendanceCorrected':
      return ofType(
        about(given.corrects) ?? about(facts.sessions.get(given.sessionId!)?.revision),
        'AttendanceRecorded',
      )
    case 'OutcomeRecategorised':
      return ofType(about(facts.ending?.revision), 'ParticipantDroppedOut')
    default:
      return undefined
  }
}
