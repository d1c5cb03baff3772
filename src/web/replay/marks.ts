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
import { standingOf, type Linked } from '../../domain/journey/believed.ts'
import { isFactType } from '../../domain/journey/correctable.ts'
import { versionsIn, type FactVersion, type Versions } from '../../domain/journey/versions.ts'
import { believedNow, daysLate, lateAfterDays } from '../../domain/journey/replay.ts'
import { programmeAt, sessionOf } from '../../domain/programme.ts'
import { sayDayShort } from '../layout/dates.ts'

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

/** One mark an event, in the order of the log; what puts another right stands on its own and is also the next version of that. */
export function marksOf(events: readonly Recorded<JourneyEvent>[]): readonly Mark[] {
  const pinned = believedNow(events).programme
  const programme = pinned && programmeAt(pinned.key, pinned.version)
  const sessionName = (id: string) => (programme && sessionOf(programme, id)?.name) ?? id
  const versions = versionsIn(events)
  const shown = versionsShown(events, versions)
  return events.map((event): Mark => {
    const { revision, type, metadata } = event
    const days = daysLate(event)
    const { name } = wordsOf(type)
    const fact = versions.factOf.get(revision)!
    const mark = {
      revision,
      label: name,
      name,
      module: null,
      happenedOn: metadata.occurredAt,
      recordedAt: metadata.recordedAt,
      recordedBy: metadata.actor.id,
      late: days > lateAfterDays,
      daysLate: days,
      planned: [],
      actual: [],
      standIns: [],
      corrects: null,
      versions: [{ revision, glyph: glyphOfType(type), says: detailOf(event), code: null }],
    }
    if (!isFactType(type)) {
      const about = versions.said.get(fact)
      const sessionId = about?.data.sessionId as string | undefined
      const of = sessionId ?? (about ? wordsOf(about.of).name : '')
      const did = didOf(event, versions)
      return {
        ...mark,
        kind: type === 'OutcomeRecategorised' ? 'recategorisation' : 'correction',
        label: of ? `${of}: ${did.toLowerCase()}` : did,
        name: of ? `${of}: ${did.toLowerCase()}` : did,
        corrects: fact === revision ? null : fact,
        versions: mark.versions.map((version) => ({ ...version, says: saidSince(event, versions) })),
      }
    }
    // It stands where it is believed to have happened, as whatever it is now believed to be.
    const believed = versions.said.get(versions.current.get(fact) ?? lastOf(versions, fact)) ?? versions.said.get(fact)!
    const kind = type === 'ParticipantDroppedOut' || type === 'ProgrammeCompleted' ? 'ending' : 'contact'
    const told = { ...mark, kind, happenedOn: believed.on, versions: shown.get(fact)! } as const
    if (type !== 'AttendanceRecorded') return told
    const data = believed.data as Extract<JourneyEvent, { type: 'AttendanceRecorded' }>['data']
    const { sessionId, plannedFacilitators: planned, actualFacilitators: actual } = data
    return {
      ...told,
      kind: 'session',
      label: sessionId,
      name: sessionName(sessionId),
      module: (programme && sessionOf(programme, sessionId)?.module) ?? null,
      planned,
      actual,
      standIns: standInsOf(planned, actual),
    }
  })
}

/** What a correction or a withdrawal did, in the timeline's words. */
function didOf({ type, data, revision }: Recorded<JourneyEvent>, { said, factOf }: Versions): string {
  if (type === 'OutcomeRecategorised') return 'Recategorised to'
  if (type !== 'RecordWithdrawn') return 'Corrected to'
  if (data.withdraws === factOf.get(revision)) return 'Withdrawn as recorded in error'
  return said.has(data.withdraws) ? 'Correction withdrawn' : 'Put back'
}

/** What the fact says since a correction: only what differs from the version it corrects. */
function saidSince(event: Recorded<JourneyEvent>, { said, factOf }: Versions): string {
  const now = said.get(event.revision)
  if (!now) return ''
  if (event.type !== 'RecordCorrected') return wholeOf(now)
  const before = said.get(event.data.corrects) ?? said.get(factOf.get(event.revision)!)
  const staff = (of: FactVersion, field: string) => ((of.data[field] as readonly string[] | undefined) ?? []).join(', ')
  const differs = (text: (of: FactVersion) => string) => (before && text(before) === text(now) ? '' : text(now))
  return [
    differs(({ on }) => sayDayShort(on)),
    differs(({ data }) => String(data.sessionId ?? '')),
    differs(wholeOf),
    now.of === 'AttendanceRecorded' ? differs(({ data }) => `group ${String(data.groupId || 'not named')}`) : '',
    differs((of) => (staff(of, 'actualFacilitators') ? `in the room ${staff(of, 'actualFacilitators')}` : '')),
    differs((of) => (staff(of, 'plannedFacilitators') ? `planned ${staff(of, 'plannedFacilitators')}` : '')),
    differs(({ data }) => (data.note ? 'another note' : '')),
  ]
    .filter(Boolean)
    .join(', ')
}

const wholeOf = (version: FactVersion): string => {
  const { says, code } = lookOf(version)
  return code ? `${says} (${code})` : says
}

/** Of a fact that was withdrawn: the last version that was said of it. */
const lastOf = ({ said }: Versions, fact: number): number =>
  [...said].findLast(([, version]) => version.fact === fact)?.[0] ?? fact

/** By fact, how it was shown after each event about it, in the order of the log. */
function versionsShown(events: readonly Recorded<JourneyEvent>[], versions: Versions): Map<number, Version[]> {
  const shown = new Map<number, Version[]>()
  const soFar = new Map<number, Linked>()
  for (const event of events) {
    const { revision, type, data } = event
    const fact = versions.factOf.get(revision)!
    soFar.set(revision, { type, fact, data: data as Linked['data'] })
    if (!shown.has(fact)) shown.set(fact, [])
    const top = type === 'RecordWithdrawn' ? (standingOf(soFar).current.get(fact) ?? -1) : revision
    const said = versions.said.get(top)
    shown
      .get(fact)!
      .push(
        said
          ? { revision, ...lookOf(said) }
          : { revision, glyph: 'withdrawal', says: 'Withdrawn as recorded in error', code: null },
      )
  }
  return shown
}

function lookOf({ of, data }: FactVersion): Omit<Version, 'revision'> {
  const outcome = data.outcome as Outcome | undefined
  if (of === 'AttendanceRecorded' && outcome) return { glyph: glyphOf(outcome), says: outcomes[outcome], code: outcome }
  if (of === 'ParticipantDroppedOut')
    return { glyph: glyphOfType(of), says: reasons[data.reason as keyof typeof reasons], code: null }
  const text = (name: string) => (typeof data[name] === 'string' ? data[name] : '')
  const said = of === 'ReferralReceived' ? text('provider') : detailOf({ type: of, data } as Recorded<JourneyEvent>)
  // What somebody wrote in words of his own, as the timeline says it.
  const says = [said, text('result') || text('about') || text('because')].filter(Boolean).join(', ')
  return { glyph: glyphOfType(of), says, code: null }
}

/** Which version of a mark is believed where only these revisions count; -1 where the mark is not there yet. */
export const versionShown = (mark: Mark, included: ReadonlySet<number>): number =>
  included.has(mark.revision) ? mark.versions.findLastIndex(({ revision }) => included.has(revision)) : -1
