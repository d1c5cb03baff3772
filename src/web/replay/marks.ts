/** What stands on the line: one mark for everything that was recorded, with every version of it that was ever believed. */
import type { Day, Instant } from '../../domain/calendar.ts'
import type { Recorded } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import {
  outcomes,
  reasons,
  attendanceCategoryOf,
  type Outcome,
  type AttendanceCategory,
} from '../../domain/journey/outcomes.ts'
import { believedNow, daysLate, lateAfterDays } from '../../domain/journey/replay.ts'
import { programmeAt, sessionOf } from '../../domain/programme.ts'

export type Glyph =
  | AttendanceCategory
  | 'failed_to_comply'
  | 'milestone'
  | 'warning'
  | 'breach'
  | 'completed'
  | 'dropped_out'
  | 'correction'
  | 'recategorisation'

/** What was said of one thing, once: the shape it has on the line and the words for it. */
export interface Version {
  readonly revision: number
  readonly glyph: Glyph
  readonly says: string
  /** The code practitioners write, where there is one. */
  readonly code: string | null
}

export interface Mark {
  readonly kind: 'session' | 'contact' | 'ending' | 'correction' | 'recategorisation'
  readonly revision: number
  /** The few words written on the line. */
  readonly label: string
  /** What it is called in full. */
  readonly name: string
  readonly module: string | null
  readonly happenedOn: Day
  readonly recordedAt: Instant
  readonly recordedBy: string
  readonly versions: readonly Version[]
  readonly late: boolean
  readonly daysLate: number
  readonly planned: readonly string[]
  readonly actual: readonly string[]
  readonly standIns: readonly string[]
  /** The revision of the mark that this one puts right. */
  readonly corrects: number | null
}

export const standInsOf = (planned: readonly string[], actual: readonly string[]): readonly string[] =>
  planned.length === 0 ? [] : actual.filter((staff) => !planned.includes(staff))

export const glyphOf = (outcome: Outcome): Glyph =>
  outcome === 'AFTC' ? 'failed_to_comply' : attendanceCategoryOf(outcome)

const contacts: Record<
  Exclude<JourneyEvent['type'], 'AttendanceRecorded' | 'AttendanceCorrected' | 'OutcomeRecategorised'>,
  [Glyph, string, string]
> = {
  ReferralReceived: ['milestone', 'Referred', 'Referral'],
  EligibilityAssessed: ['milestone', 'Assessed', 'Eligibility assessed'],
  SuitabilityDecided: ['milestone', 'Suitability', 'Suitability decided'],
  PlacedOnWaitingList: ['milestone', 'Waiting list', 'Placed on waiting list'],
  AllocatedToGroup: ['milestone', 'Allocated', 'Allocated to group'],
  ThreeWayMeetingHeld: ['milestone', '3-way meeting', 'Three-way meeting'],
  ProgrammeReviewCompleted: ['milestone', 'Review', 'Programme review'],
  ProviderTransferAccepted: ['milestone', 'New provider', 'Provider transfer'],
  WarningIssued: ['warning', 'Warning', 'Warning'],
  BreachInitiated: ['breach', 'Breach', 'Breach initiated'],
  BreachResolved: ['milestone', 'Breach resolved', 'Breach resolved'],
  RecallRecorded: ['breach', 'Recall', 'Recall'],
  ParticipantDroppedOut: ['dropped_out', 'Dropped out', 'Dropped out'],
  ProgrammeCompleted: ['completed', 'Completed', 'Programme complete'],
}

/** One mark an event, in the order of the log; corrections stand on their own and are also the next version of what they correct. */
export function marksOf(events: readonly Recorded<JourneyEvent>[]): readonly Mark[] {
  const pinned = believedNow(events).programme
  const programme = pinned && programmeAt(pinned.key, pinned.version)
  const session = (id: string) => programme && sessionOf(programme, id)
  const corrections = Map.groupBy(
    events.filter((event) => event.type === 'AttendanceCorrected'),
    ({ data }) => data.sessionId,
  )
  const recategorisations = events.filter((event) => event.type === 'OutcomeRecategorised')
  const first = new Map<string, number>()
  for (const event of events)
    if (event.type === 'AttendanceRecorded' && !first.has(event.data.sessionId))
      first.set(event.data.sessionId, event.revision)
  const left = events.find(({ type }) => type === 'ParticipantDroppedOut')?.revision ?? null
  const said = (outcome: Outcome, revision: number): Version => ({
    revision,
    glyph: glyphOf(outcome),
    says: outcomes[outcome],
    code: outcome,
  })

  return events.map((event): Mark => {
    const days = daysLate(event)
    const mark = {
      revision: event.revision,
      module: null,
      happenedOn: event.metadata.occurredAt,
      recordedAt: event.metadata.recordedAt,
      recordedBy: event.metadata.actor.id,
      late: days > lateAfterDays,
      daysLate: days,
      planned: [],
      actual: [],
      standIns: [],
      corrects: null,
    }
    switch (event.type) {
      case 'AttendanceRecorded': {
        const { sessionId, outcome, plannedFacilitators: planned, actualFacilitators: actual } = event.data
        return {
          ...mark,
          kind: 'session',
          label: sessionId,
          name: session(sessionId)?.name ?? sessionId,
          module: session(sessionId)?.module ?? null,
          planned,
          actual,
          standIns: standInsOf(planned, actual),
          versions: [
            said(outcome, event.revision),
            ...(corrections.get(sessionId) ?? []).map((later) => said(later.data.outcome, later.revision)),
          ],
        }
      }
      case 'AttendanceCorrected': {
        const { sessionId, was, outcome } = event.data
        return {
          ...mark,
          kind: 'correction',
          label: `${sessionId} corrected`,
          name: `Correction of ${session(sessionId)?.name ?? sessionId}`,
          corrects: first.get(sessionId) ?? null,
          versions: [
            {
              revision: event.revision,
              glyph: 'correction',
              says: `${outcomes[was]} (${was}) became ${outcomes[outcome]}`,
              code: outcome,
            },
          ],
        }
      }
      case 'OutcomeRecategorised':
        return {
          ...mark,
          kind: 'recategorisation',
          label: 'Recategorised',
          name: 'Reason for leaving recategorised',
          corrects: left,
          versions: [
            {
              revision: event.revision,
              glyph: 'recategorisation',
              says: `${reasons[event.data.from]} became ${reasons[event.data.to].toLowerCase()}`,
              code: null,
            },
          ],
        }
      case 'ParticipantDroppedOut': {
        const [glyph, label, name] = contacts[event.type]
        const gone = (revision: number, reason: keyof typeof reasons): Version => ({
          revision,
          glyph,
          says: reasons[reason],
          code: null,
        })
        return {
          ...mark,
          kind: 'ending',
          label,
          name,
          versions: [
            gone(event.revision, event.data.reason),
            ...recategorisations.map((later) => gone(later.revision, later.data.to)),
          ],
        }
      }
      default: {
        const [glyph, label, name] = contacts[event.type]
        const kind = event.type === 'ProgrammeCompleted' ? 'ending' : 'contact'
        return {
          ...mark,
          kind,
          label,
          name,
          versions: [{ revision: event.revision, glyph, says: detailOf(event), code: null }],
        }
      }
    }
  })
}

function detailOf(event: Recorded<JourneyEvent>): string {
  switch (event.type) {
    case 'ReferralReceived':
      return event.data.provider ? `to ${event.data.provider}` : ''
    case 'SuitabilityDecided':
      return {
        suitable: 'Suitable',
        not_ready: 'Suitable but not ready',
        not_suitable: 'Not suitable',
        not_stated: '',
      }[event.data.decision]
    case 'AllocatedToGroup':
      return event.data.groupId
    case 'ProviderTransferAccepted':
      return event.data.provider
    default:
      return ''
  }
}

/** Which version of a mark is believed where only these revisions count; -1 where the mark is not there yet. */
export const versionShown = (mark: Mark, included: ReadonlySet<number>): number =>
  included.has(mark.revision) ? mark.versions.findLastIndex(({ revision }) => included.has(revision)) : -1
