/**
 * The rules of a journey a second time, written from the rules as people write them and sharing nothing with the domain:
 * no fold, no state, only the list of what was accepted, read from the beginning for every question. Slow and obvious.
 */
export interface ReferenceCommand {
  readonly type: string
  readonly commandId: string
  readonly occurredOn: string
  readonly recordedOn: string
  readonly data: object
  readonly adultFrom?: string
  readonly copied?: true
  /** Where the log holds what it was told by, where that is not its place among what is believed. */
  readonly revision?: number
}

/** What the model reads of any command's data. */
interface Words {
  readonly sessionId?: string
  readonly outcome?: string
  readonly reason?: string
  readonly to?: string
  readonly startedAt?: string
  readonly endedAt?: string
  readonly decision?: string
  readonly groupId?: string
  readonly provider?: string
  readonly programme?: { readonly key: string; readonly version: number }
  readonly actualFacilitators?: readonly string[]
}

export type ReferenceAnswer = { refused: string } | { written: readonly { type: string; data: object }[] }

const group = (letter: string) => [1, 2, 3, 4, 5, 6].map((n) => letter + n)
const sessions = [
  'PG1',
  'PG2',
  'PG3',
  ...group('F'),
  ...group('T'),
  ...group('E'),
  ...group('R'),
  'IF',
  'IT',
  'IE',
  'IR',
  'MR',
  'FR',
]
const attendedCodes = ['ATTC', 'AFTC']
const excusedCodes = 'AAAA AAME AARE AASD AAHO AAEM AAFC AACL AARC CO05 CO10'.split(' ')
const codes = [...attendedCodes, ...excusedCodes, 'ATSH', 'ATSS', 'UAAB', 'RSSR', 'RSOF', 'IAPSD']
const reasons = (
  'missed_sessions motivation attitude behaviour_in_group behaviour_outside_group alcohol_or_drugs health risk_reassessed recalled ' +
  'remanded_or_sentenced order_expired order_revoked requirement_removed moved_area work family transferred_programme died ' +
  'duplicate_referral entered_in_error other'
).split(' ')

/** The event that each command writes. */
export const writtenAs: Record<string, string> = {
  Refer: 'ReferralReceived',
  AssessEligibility: 'EligibilityAssessed',
  DecideSuitability: 'SuitabilityDecided',
  PlaceOnWaitingList: 'PlacedOnWaitingList',
  AllocateToGroup: 'AllocatedToGroup',
  HoldThreeWayMeeting: 'ThreeWayMeetingHeld',
  CompleteProgrammeReview: 'ProgrammeReviewCompleted',
  AcceptProviderTransfer: 'ProviderTransferAccepted',
  RecordAttendance: 'AttendanceRecorded',
  CorrectAttendance: 'AttendanceCorrected',
  IssueWarning: 'WarningIssued',
  InitiateBreach: 'BreachInitiated',
  ResolveBreach: 'BreachResolved',
  RecordRecall: 'RecallRecorded',
  DropOut: 'ParticipantDroppedOut',
  Complete: 'ProgrammeCompleted',
  RecategoriseOutcome: 'OutcomeRecategorised',
  ReinstateJourney: 'JourneyReinstated',
}

const words = (command: ReferenceCommand) => command.data as Words

export class ReferenceJourney {
  /** Every accepted command wrote one event, so its place here is its revision. */
  private readonly told: ReferenceCommand[]

  constructor(told: readonly ReferenceCommand[] = []) {
    this.told = [...told]
  }

  tell(command: ReferenceCommand): ReferenceAnswer {
    if (this.told.some(({ commandId }) => commandId === command.commandId)) return { written: [] }
    const refused = this.refusalOf(command) ?? this.misplacedBy(command)
    if (refused) return { refused }
    const written = { type: writtenAs[command.type]!, data: { ...command.data, ...this.added(command) } }
    this.told.push(command)
    return { written: [written] }
  }

  private misplacedBy(command: ReferenceCommand): string | null {
    const placed = (told: readonly ReferenceCommand[]): Placed[] =>
      told.map((one, n) => {
        const { sessionId } = words(one)
        const held = told.findIndex(
          (other) => other.type === 'RecordAttendance' && words(other).sessionId === sessionId,
        )
        const left = told.slice(0, n).findLastIndex(({ type }) => type === 'DropOut')
        const root = one.type === 'CorrectAttendance' ? held : one.type === 'RecategoriseOutcome' ? left : n
        return { ...one, revision: n, root }
      })
    const now = placed([...this.told, command])
    return freshlyMisplaced(placed(this.told), now, now.at(-1)!)
  }

  /** The table of rules, from the top; the first that applies is the answer. */
  refusalOf({ type, occurredOn, recordedOn, ...command }: ReferenceCommand): string | null {
    const { sessionId = '', outcome = '', reason, to, startedAt, endedAt } = command.data as Words
    const aboutSession = type === 'RecordAttendance' || type === 'CorrectAttendance'
    const ends = type === 'DropOut' || type === 'Complete'
    const isReferred = this.all('Refer').length > 0
    const end = this.end()
    if (occurredOn > recordedOn) return 'recorded_before_occurred'
    if (type === 'Refer' && isReferred) return 'already_referred'
    if (type !== 'Refer' && !isReferred) return 'no_referral'
    const aboutTheEnd = type === 'CorrectAttendance' || type === 'RecategoriseOutcome' || type === 'ReinstateJourney'
    if (end && !aboutTheEnd && (ends || occurredOn > end.occurredOn)) return 'journey_ended'
    if (aboutSession && !(this.followsBbr() && sessions.includes(sessionId))) return 'unknown_session'
    if (aboutSession && !codes.includes(outcome)) return 'unknown_outcome'
    if (type === 'RecordAttendance' && this.all('AllocateToGroup').length === 0) return 'not_allocated'
    if (type === 'RecordAttendance' && this.about(sessionId).length > 0) return 'already_recorded'
    if (type === 'RecordAttendance' && startedAt && endedAt && endedAt < startedAt) return 'unknown_time'
    if (type === 'CorrectAttendance' && (this.about(sessionId).length === 0 || this.outcomeOf(sessionId) === outcome))
      return 'nothing_to_correct'
    if (type === 'DropOut' && !reasons.includes(reason ?? '')) return 'unknown_reason'
    if (type === 'RecategoriseOutcome' && !reasons.includes(to ?? '')) return 'unknown_reason'
    if (type === 'RecategoriseOutcome' && end?.type !== 'DropOut') return 'nothing_to_recategorise'
    const everAttended = this.told.some((one) => isAboutSession(one) && attendedCodes.includes(words(one).outcome!))
    if (type === 'Complete' && !everAttended) return 'not_started'
    if (type === 'ReinstateJourney' && !end) return 'not_ended'
    if (type === 'ReinstateJourney' && occurredOn < end!.occurredOn) return 'before_the_end'
    return null
  }

  /** What the journey adds to the teller's own words: what was believed until now, and where that was said. */
  added({ type, data }: ReferenceCommand): object {
    const { sessionId = '' } = data as Words
    if (type === 'RecategoriseOutcome') return { from: this.reason() }
    if (type !== 'CorrectAttendance') return {}
    const last = this.told.findLastIndex((one) => isAboutSession(one) && words(one).sessionId === sessionId)
    return { was: this.outcomeOf(sessionId), corrects: this.told[last]?.revision ?? last }
  }

  figures() {
    const held = this.sessionsHeld()
    const count = (of: readonly string[]) => held.filter(({ outcome }) => of.includes(outcome)).length
    const end = this.end()
    return {
      outcome: end ? (end.type === 'DropOut' ? 'dropped_out' : 'completed') : 'open',
      reason: this.reason(),
      attended: count(attendedCodes),
      acceptable_absences: count(excusedCodes),
      unacceptable_absences: count(['UAAB']),
      corrections: this.all('CorrectAttendance').length,
      recategorisations: this.all('RecategoriseOutcome').length,
      facilitators_met: new Set(this.all('RecordAttendance').flatMap((one) => words(one).actualFacilitators!)).size,
    }
  }

  status(): string {
    const end = this.end()
    if (end) return end.type === 'Complete' ? 'completed' : 'withdrawn'
    const last = (type: string) => this.inOrderOfDays(type).at(-1)
    const attendedDays = this.sessionsHeld()
      .filter(({ outcome }) => attendedCodes.includes(outcome))
      .map(({ on }) => on)
    const recalled = last('RecordRecall')
    if (recalled && attendedDays.every((day) => day <= recalled.occurredOn)) return 'recall'
    const breach = last('InitiateBreach')
    const resolved = last('ResolveBreach')
    if (breach && (!resolved || resolved.occurredOn < breach.occurredOn)) return 'breach'
    if (attendedDays.length > 0) return 'on_programme'
    if (last('AllocateToGroup')) return 'scheduled'
    const decided = last('DecideSuitability')
    const waiting = last('PlaceOnWaitingList')
    const ready = decided && ['suitable', 'not_stated'].includes(words(decided).decision!)
    if (decided && !ready && !(waiting && waiting.occurredOn > decided.occurredOn)) return 'suitable_not_ready'
    if (waiting || ready) return 'awaiting_allocation'
    return this.all('Refer').length > 0 ? 'awaiting_assessment' : 'not_referred'
  }

  /** The last place and the last provider that were named, by the days on which they became so. */
  group = (): string | null =>
    this.inOrderOfDays('AllocateToGroup')
      .map((one) => words(one).groupId!)
      .findLast(Boolean) ?? null

  provider = (): string | null =>
    [...this.all('Refer'), ...this.inOrderOfDays('AcceptProviderTransfer')]
      .map((one) => words(one).provider!)
      .findLast(Boolean) ?? null

  private all = (type: string) => this.told.filter((one) => one.type === type)

  private inOrderOfDays = (type: string) =>
    this.all(type).toSorted((a, b) => (a.occurredOn < b.occurredOn ? -1 : a.occurredOn > b.occurredOn ? 1 : 0))

  private about = (sessionId: string) =>
    this.told.filter((one) => isAboutSession(one) && words(one).sessionId === sessionId)

  private outcomeOf = (sessionId: string): string => words(this.about(sessionId).at(-1)!).outcome!

  private sessionsHeld = () =>
    this.all('RecordAttendance').map((one) => ({ on: one.occurredOn, outcome: this.outcomeOf(words(one).sessionId!) }))

  /** The last ending, unless the journey was reinstated since. */
  end = (): ReferenceCommand | undefined => {
    const last = this.told.findLast(({ type }) => isEnding(type) || type === 'ReinstateJourney')
    return last && isEnding(last.type) ? last : undefined
  }

  private reason(): string | null {
    const end = this.end()
    if (end?.type !== 'DropOut') return null
    const since = this.told.slice(this.told.indexOf(end))
    return words(since.findLast(({ type }) => type === 'RecategoriseOutcome') ?? end).to ?? words(end).reason!
  }

  private followsBbr(): boolean {
    const referral = this.all('Refer')[0]
    return (
      referral !== undefined && words(referral).programme!.key === 'bbr' && words(referral).programme!.version === 1
    )
  }
}

const isEnding = (type: string) => type === 'DropOut' || type === 'Complete'
const isAboutSession = ({ type }: ReferenceCommand) => type === 'RecordAttendance' || type === 'CorrectAttendance'

/** A line of what is believed, with its place in the log and that of what was told first of the same thing. */
export type Placed = ReferenceCommand & { readonly revision: number; readonly root: number }

/** What cannot be of its day beside the rest of the list, whichever came first. */
export function misplacedAmong(list: readonly Placed[], adultFrom = ''): { root: number; code: string }[] {
  const days = (type: string) => list.filter((one) => one.type === type).map(({ occurredOn }) => occurredOn)
  const referred = days('Refer').at(-1) ?? ''
  const placed = days('AllocateToGroup').toSorted()[0] ?? ''
  const last = list.findLast(({ type }) => isEnding(type) || type === 'ReinstateJourney')
  const end = last && isEnding(last.type) ? last : undefined
  return list.flatMap(({ root, type, occurredOn, revision, data }) => {
    const { startedAt, endedAt } = data as { startedAt?: string; endedAt?: string }
    const early = ['Refer', 'AssessEligibility', 'DecideSuitability'].includes(type)
    const changes = type === 'CorrectAttendance' || type === 'RecategoriseOutcome'
    const atOnce = list.some((other) => {
      const { startedAt: from, endedAt: to } = other.data as { startedAt?: string; endedAt?: string }
      if (other.revision === revision || other.occurredOn !== occurredOn) return false
      return !!(startedAt && endedAt && from && to) && startedAt < to && from < endedAt
    })
    const code =
      occurredOn < adultFrom
        ? 'before_adulthood'
        : occurredOn < referred && !early
          ? 'before_referral'
          : type === 'RecordAttendance' && occurredOn < placed
            ? 'before_allocation'
            : end && revision !== end.revision && occurredOn > end.occurredOn && !changes
              ? 'journey_ended'
              : atOnce
                ? 'two_at_one_time'
                : null
    return code ? [{ root, code }] : []
  })
}

/** What a new line is refused for by its day: what is wrong with itself, or with another that was right before. */
export function freshlyMisplaced(before: readonly Placed[], after: readonly Placed[], added: Placed): string | null {
  if (added.copied) return null
  const known = new Set(misplacedAmong(before, added.adultFrom).map(({ root, code }) => `${root} ${code}`))
  const fresh = misplacedAmong(after, added.adultFrom).filter(({ root, code }) => !known.has(`${root} ${code}`))
  return fresh.find(({ root }) => root === added.root)?.code ?? (fresh.length > 0 ? 'makes_impossible' : null)
}
