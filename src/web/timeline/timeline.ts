/** A journey in the order it happened, in the chapters of its programme, with every correction beside what it corrected. */
import { wordsOf } from '../../domain/event-words.ts'
import { isReason, outcomes, reasons } from '../../domain/journey/outcomes.ts'
import { programmeAt, sessionOf, type ProgrammeDefinition } from '../../domain/programme.ts'
import type { JourneyHeader, TimelineEntry } from '../../queries/journeys.ts'
import { suitabilityNames, type Suitability } from '../../domain/journey/referral.ts'
import { sayDayShort } from '../layout/dates.ts'
import { factsIn, saidNext, type FactEntries } from '../forms/believed-entries.ts'
import { glyphOf, glyphOfType, standInsOf, type Glyph } from '../replay/marks.ts'

export interface TimelineItem {
  readonly revision: number
  readonly name: string
  /** The code practitioners write, for a session. */
  readonly code: string | null
  readonly glyph: Glyph
  readonly occurredOn: string
  readonly recordedAt: string
  readonly recordedBy: string
  readonly source: string
  readonly late: boolean
  readonly daysLate: number
  readonly says: string
  /** What was said before, oldest first. */
  readonly was: readonly string[]
  /** It was recorded in error, and is believed no more. */
  readonly withdrawn: boolean
  readonly corrections: readonly TimelineChange[]
  readonly planned: readonly string[]
  readonly actual: readonly { readonly id: string; readonly standIn: boolean }[]
  readonly absent: readonly string[]
  readonly note: string | null
  readonly asWritten: readonly { readonly column: string; readonly text: string }[]
  /** The revisions that can be corrected and withdrawn; null where that cannot be done. */
  readonly correct: number | null
  readonly withdraw: number | null
}

/** What corrected, recategorised or withdrew a record. */
export interface TimelineChange {
  readonly revision: number
  readonly glyph: Glyph
  readonly did: string
  /** What it says since; empty for a withdrawal. */
  readonly to: string
  readonly why: string | null
  readonly who: string
  readonly recordedAt: string
  readonly late: boolean
  readonly daysLate: number
  /** The event it put right, and the withdrawal that took it back. */
  readonly about: number | null
  readonly withdrawnBy: number | null
  /** Whether it can be taken back: it stands, and nothing was recorded about the same since. */
  readonly withdraw: boolean
}

export interface Chapter {
  readonly title: string
  readonly rows: readonly TimelineItem[]
  readonly sessions: number
}

const sources: Readonly<Record<string, string>> = {
  ui: '',
  api: 'by the API',
  import: 'imported',
  simulator: 'demonstration',
}

export function timelineView(
  header: Pick<JourneyHeader, 'programmeKey' | 'programmeVersion'>,
  entries: readonly TimelineEntry[],
): readonly Chapter[] {
  const programme = programmeAt(header.programmeKey, header.programmeVersion)
  const facts = factsIn(entries).toSorted(
    ({ believed: a }, { believed: b }) =>
      (a.occurredOn < b.occurredOn ? -1 : a.occurredOn > b.occurredOn ? 1 : 0) || a.revision - b.revision,
  )
  const chapters: { key: string; title: string; rows: TimelineItem[]; sessions: number }[] = []
  for (const fact of facts) {
    const { believed, withdrawn } = fact
    // What happens between two sessions belongs to the chapter he is in.
    const key = believed.module ?? chapters.at(-1)?.key ?? ''
    if (chapters.at(-1)?.key !== key)
      chapters.push({ key, title: titleOf(key, programme, chapters), rows: [], sessions: 0 })
    const chapter = chapters.at(-1)!
    chapter.rows.push(rowOf(fact, programme))
    if (believed.sessionId && !withdrawn) chapter.sessions++
  }
  return chapters
}

function titleOf(key: string, programme: ProgrammeDefinition | undefined, before: readonly { key: string }[]): string {
  if (key === '') return 'Referral and allocation'
  const name = programme?.modules.find((module) => module.key === key)?.name ?? key
  return before.some((chapter) => chapter.key === key) ? `${name}, continued` : name
}

function rowOf(
  { first, believed, changes, withdrawn }: FactEntries,
  programme: ProgrammeDefinition | undefined,
): TimelineItem {
  const session = programme && believed.sessionId ? sessionOf(programme, believed.sessionId) : undefined
  const standIns = standInsOf(believed.plannedFacilitators, believed.actualFacilitators)
  return {
    revision: first.revision,
    name: session?.name ?? believed.sessionId ?? wordsOf(first.type).name,
    code: believed.sessionId,
    glyph: withdrawn ? 'withdrawal' : believed.outcome ? glyphOf(believed.outcome) : glyphOfType(first.type),
    occurredOn: believed.occurredOn,
    recordedAt: first.recordedAt,
    recordedBy: first.recordedBy,
    source: sources[first.source] ?? first.source,
    late: first.late,
    daysLate: first.daysLate,
    says: saysOf(believed),
    was: saidBefore(first, changes),
    withdrawn,
    corrections: changes.map((change) => changeOf(change, changes, first)),
    planned: believed.plannedFacilitators,
    actual: believed.actualFacilitators.map((id) => ({ id, standIn: standIns.includes(id) })),
    absent:
      believed.actualFacilitators.length === 0
        ? []
        : believed.plannedFacilitators.filter((id) => !believed.actualFacilitators.includes(id)),
    note: believed.note,
    asWritten: Object.entries(first.asWritten).map(([column, text]) => ({ column, text })),
    correct: first.current,
    withdraw: withdrawn ? null : first.revision,
  }
}

const stands = ({ withdrawnBy, withdraws }: TimelineEntry) => withdrawnBy === null && withdraws === null

/** What each version that stands took the place of: only what is no longer said. */
function saidBefore(first: TimelineEntry, changes: readonly TimelineEntry[]): readonly string[] {
  const was: string[] = []
  let said = first
  for (const change of changes.filter(stands)) {
    const next = saidNext(said, change)
    was.push(differences(said, next).was)
    said = next
  }
  return was.filter(Boolean)
}

/** In words, what differs between two versions of a fact. */
function differences(said: TimelineEntry, next: TimelineEntry): { readonly was: string; readonly is: string } {
  const parts = (entry: TimelineEntry, other: TimelineEntry): string =>
    [
      entry.occurredOn === other.occurredOn ? '' : sayDayShort(entry.occurredOn),
      entry.sessionId === other.sessionId ? '' : entry.sessionId,
      saysOf(entry) === saysOf(other) ? '' : saysOf(entry) || 'nothing more said',
      entry.type === 'AttendanceRecorded' && entry.groupId !== other.groupId
        ? `group ${entry.groupId ?? 'not named'}`
        : '',
      String(entry.actualFacilitators) === String(other.actualFacilitators)
        ? ''
        : `in the room ${entry.actualFacilitators.join(', ') || 'nobody named'}`,
      String(entry.plannedFacilitators) === String(other.plannedFacilitators)
        ? ''
        : `planned ${entry.plannedFacilitators.join(', ') || 'nobody named'}`,
      entry.note === other.note ? '' : entry.note ? `note “${entry.note}”` : 'no note',
    ]
      .filter(Boolean)
      .join(', ')
  return { was: parts(said, next), is: parts(next, said) }
}

function changeOf(change: TimelineEntry, changes: readonly TimelineEntry[], first: TimelineEntry): TimelineChange {
  const before = changes.filter((one) => one.revision < change.revision && stands(one)).reduce(saidNext, first)
  const about = change.withdraws ?? change.corrects
  return {
    revision: change.revision,
    glyph: glyphOfType(change.type),
    did: didOf(change, changes, first),
    to: change.withdraws === null ? differences(before, saidNext(before, change)).is : '',
    why: change.because ?? change.note,
    who: change.recordedBy,
    recordedAt: change.recordedAt,
    late: change.late,
    daysLate: change.daysLate,
    about,
    withdrawnBy: change.withdrawnBy,
    withdraw: change.withdrawnBy === null && change.latest,
  }
}

function didOf(change: TimelineEntry, changes: readonly TimelineEntry[], first: TimelineEntry): string {
  if (change.type === 'OutcomeRecategorised') return 'Recategorised to'
  if (change.withdraws === null) return 'Corrected to'
  if (change.withdraws === first.revision) return 'Withdrawn as recorded in error'
  const what = changes.find(({ revision }) => revision === change.withdraws)
  return what?.withdraws === null ? 'Correction withdrawn' : 'Put back'
}

function saysOf(entry: TimelineEntry): string {
  if (entry.outcome) return `${outcomes[entry.outcome]} (${entry.outcome})`
  if (entry.reason) {
    if (isReason(entry.reason)) return reasons[entry.reason]
    return [suitabilityNames[entry.reason as Suitability] ?? entry.reason, entry.detail].filter(Boolean).join(', ')
  }
  return [
    entry.groupId,
    entry.type === 'ReferralReceived' || entry.type === 'ProviderTransferAccepted' ? entry.provider : null,
    entry.type === 'JourneyReinstated' ? entry.because : entry.detail,
  ]
    .filter(Boolean)
    .join(', ')
}
