/** A journey in the order it happened, in the chapters of its programme, with every correction beside what it corrected. */
import { wordsOf } from '../../domain/event-words.ts'
import { isReason, outcomes, reasons } from '../../domain/journey/outcomes.ts'
import { programmeAt, sessionOf, type ProgrammeDefinition } from '../../domain/programme.ts'
import type { JourneyHeader, TimelineEntry } from '../../queries/journeys.ts'
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
  readonly corrections: readonly {
    readonly revision: number
    readonly to: string
    readonly why: string | null
    readonly who: string
    readonly recordedAt: string
    readonly late: boolean
    readonly daysLate: number
  }[]
  readonly planned: readonly string[]
  readonly actual: readonly { readonly id: string; readonly standIn: boolean }[]
  readonly absent: readonly string[]
  readonly note: string | null
  readonly asWritten: readonly { readonly column: string; readonly text: string }[]
  readonly canCorrect: string | null
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
  const changes = entries.filter(({ type }) => type === 'AttendanceCorrected' || type === 'OutcomeRecategorised')
  const chapters: { key: string; title: string; rows: TimelineItem[]; sessions: number }[] = []
  for (const entry of entries) {
    if (changes.includes(entry)) continue
    // What happens between two sessions belongs to the chapter he is in.
    const key = entry.module ?? chapters.at(-1)?.key ?? ''
    if (chapters.at(-1)?.key !== key)
      chapters.push({ key, title: titleOf(key, programme, chapters), rows: [], sessions: 0 })
    const chapter = chapters.at(-1)!
    chapter.rows.push(rowOf(entry, changes, programme))
    if (entry.sessionId) chapter.sessions++
  }
  return chapters
}

function titleOf(key: string, programme: ProgrammeDefinition | undefined, before: readonly { key: string }[]): string {
  if (key === '') return 'Referral and allocation'
  const name = programme?.modules.find((module) => module.key === key)?.name ?? key
  return before.some((chapter) => chapter.key === key) ? `${name}, continued` : name
}

function rowOf(
  entry: TimelineEntry,
  changes: readonly TimelineEntry[],
  programme: ProgrammeDefinition | undefined,
): TimelineItem {
  const mine = changes
    .filter((change) =>
      entry.sessionId
        ? change.sessionId === entry.sessionId
        : entry.type === 'ParticipantDroppedOut' && change.type === 'OutcomeRecategorised',
    )
    .sort((a, b) => a.revision - b.revision)
  const last = mine.at(-1) ?? entry
  const session = programme && entry.sessionId ? sessionOf(programme, entry.sessionId) : undefined
  const standIns = standInsOf(entry.plannedFacilitators, entry.actualFacilitators)
  return {
    revision: entry.revision,
    name: session?.name ?? entry.sessionId ?? wordsOf(entry.type).name,
    code: entry.sessionId,
    glyph: last.outcome ? glyphOf(last.outcome) : glyphOfType(entry.type),
    occurredOn: entry.occurredOn,
    recordedAt: entry.recordedAt,
    recordedBy: entry.recordedBy,
    source: sources[entry.source] ?? entry.source,
    late: entry.late,
    daysLate: entry.daysLate,
    says: saysOf(last, entry),
    was: [entry, ...mine].slice(0, -1).map((said) => saysOf(said, entry)),
    corrections: mine.map((change) => ({
      revision: change.revision,
      to: saysOf(change, entry),
      why: change.note,
      who: change.recordedBy,
      recordedAt: change.recordedAt,
      late: change.late,
      daysLate: change.daysLate,
    })),
    planned: entry.plannedFacilitators,
    actual: entry.actualFacilitators.map((id) => ({ id, standIn: standIns.includes(id) })),
    absent:
      entry.actualFacilitators.length === 0
        ? []
        : entry.plannedFacilitators.filter((id) => !entry.actualFacilitators.includes(id)),
    note: entry.note,
    asWritten: Object.entries(entry.asWritten).map(([column, text]) => ({ column, text })),
    canCorrect: entry.sessionId,
  }
}

function saysOf(entry: TimelineEntry, first: TimelineEntry): string {
  if (entry.outcome) return `${outcomes[entry.outcome]} (${entry.outcome})`
  if (entry.reason) return isReason(entry.reason) ? reasons[entry.reason] : entry.reason
  return [
    first.groupId,
    first.type === 'ReferralReceived' || first.type === 'ProviderTransferAccepted' ? first.provider : null,
    first.detail,
  ]
    .filter(Boolean)
    .join(', ')
}
