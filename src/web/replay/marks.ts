/** What stands on the line: one mark for everything that was recorded, with every version of it that was ever believed. */
import type { Day, Instant } from '../../domain/calendar.ts'
import { detailOf, wordsOf, type Weight } from '../../domain/event-words.ts'
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

export type Glyph = AttendanceCategory | 'failed_to_comply' | Exclude<Weight, 'session' | 'none'>

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

/** The shape of an event on the line; a session has that of its outcome. */
export function glyphOfType(type: JourneyEvent['type']): Glyph {
  const { weight } = wordsOf(type)
  return weight === 'session' || weight === 'none' ? 'milestone' : weight
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
    const { name, shortName: label } = wordsOf(event.type)
    const glyph = glyphOfType(event.type)
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
        const { sessionId, outcome } = event.data
        return {
          ...mark,
          kind: 'correction',
          label: `${sessionId} ${label.toLowerCase()}`,
          name: `${name} of ${session(sessionId)?.name ?? sessionId}`,
          corrects: first.get(sessionId) ?? null,
          versions: [
            {
              revision: event.revision,
              glyph,
              says: detailOf(event),
              code: outcome,
            },
          ],
        }
      }
      case 'OutcomeRecategorised':
        return {
          ...mark,
          kind: 'recategorisation',
          label,
          name,
          corrects: left,
          versions: [
            {
              revision: event.revision,
              glyph,
              says: detailOf(event),
              code: null,
            },
          ],
        }
      case 'ParticipantDroppedOut': {
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

/** Which version of a mark is believed where only these revisions count; -1 where the mark is not there yet. */
export const versionShown = (mark: Mark, included: ReadonlySet<number>): number =>
  included.has(mark.revision) ? mark.versions.findLastIndex(({ revision }) => included.has(revision)) : -1
