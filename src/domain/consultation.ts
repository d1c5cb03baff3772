/**
 * Looks at records, as the consultation log keeps them (Data Protection Act 2018, section 62: consultation and disclosure).
 * Nothing personal is in them: people are opaque ids, and so are journeys.
 */
import type { Instant } from './calendar.ts'
import type { Actor } from './history.ts'

/** The streams of one journey: every look at that record. */
export const consultationCategory = 'consultation'
/** The streams of one person: every look of his, and every list he was shown. */
export const consultationByCategory = 'consultation_by'

/** The streams of alerts, one for each person: he reached for more records than is usual. */
export const consultationAlertCategory = 'consultation_alert'

export type ConsultationType =
  /** Somebody was shown one record. */
  | 'RecordConsulted'
  /** Somebody took a whole record away: as a file, or by the API. */
  | 'RecordDisclosed'
  /** Somebody was shown a list that several records stand in. */
  | 'RecordsListed'

/** Names and values are the stored format: add to them, never rename them. */
export const consultationViews = {
  caseload: 'Case load',
  today: 'What needs doing today',
  search: 'Search of the case load',
  timeline: 'Timeline',
  replay: 'Replay',
  comparison: 'What changed between two moments',
  record_at_moment: 'The record at one moment',
  history: 'History',
  form: 'A form to record something',
  group: 'A group',
  register: 'The register of a session',
  facilitators: 'Facilitators',
  summary: 'Summary',
  download: 'The whole record, taken away',
  live: 'Told of changes',
  rights: 'Rights of the person',
  subject_access: 'What is recorded about the person, made for him',
  looks: 'Who looked at the record',
  access: 'Who may see the record',
  audit: 'A search of the auditor’s desk',
  stream: 'A stream, to the byte',
  pack: 'An evidence pack',
  audit_register: 'A register across journeys',
  audit_register_download: 'A register across journeys, taken away',
  audit_question: 'A question across journeys',
  own_looks: 'What he had looked at himself',
} as const

export type ConsultationView = keyof typeof consultationViews

/** One look, before it is written down. */
export interface Look {
  readonly type: ConsultationType
  readonly view: ConsultationView
  /** The journeys shown. */
  readonly subjects: readonly string[]
  readonly by: Actor
  readonly source: 'ui' | 'api'
  /** The request that was answered, as its trace and its log lines name it. */
  readonly requestId: string
}

export interface ConsultationData {
  readonly view: ConsultationView
  readonly subjects: readonly string[]
  /** How many records were shown. */
  readonly records: number
}

export interface ConsultationMetadata {
  readonly actor: Actor
  readonly recordedAt: Instant
  readonly schemaVersion: 1
  readonly correlationId: string
  readonly source: 'ui' | 'api'
}

/** One look, as it was read back. */
export interface RecordedLook extends ConsultationData, ConsultationMetadata {
  readonly id: string
  readonly type: ConsultationType
}

const types = ['RecordConsulted', 'RecordDisclosed', 'RecordsListed'] as const satisfies readonly ConsultationType[]

/** @returns null for an event that is no look, or that cannot be understood */
export function lookFrom({
  id,
  type,
  data,
  metadata,
}: {
  id: string
  type: string
  data: unknown
  metadata: unknown
}): RecordedLook | null {
  const known = types.find((one) => one === type)
  if (known === undefined || typeof data !== 'object' || typeof metadata !== 'object' || !data || !metadata) return null
  const { view, subjects, records } = data as Partial<ConsultationData>
  const { actor, recordedAt, correlationId, source } = metadata as Partial<ConsultationMetadata>
  if (!view || !Object.hasOwn(consultationViews, view) || !Array.isArray(subjects)) return null
  if (typeof recordedAt !== 'string' || typeof actor?.id !== 'string' || typeof actor.role !== 'string') return null
  return {
    id,
    type: known,
    view,
    subjects,
    records: records ?? subjects.length,
    actor,
    recordedAt,
    schemaVersion: 1,
    correlationId: correlationId ?? '',
    source: source === 'api' ? 'api' : 'ui',
  }
}

/** How somebody can reach for more records than is usual. */
export const alertKinds = ['opened', 'listed', 'taken'] as const
export type AlertKind = (typeof alertKinds)[number]

/** What an alert says. The names are the stored format: add to them, never rename them. */
export interface AlertData {
  readonly kind: AlertKind
  /** How many different records it would have been, in how many minutes, and how many are let pass. */
  readonly records: number
  readonly minutes: number
  readonly limit: number
}

/** One alert, as it was read back. */
export interface RecordedAlert extends AlertData {
  readonly actor: Actor
  readonly recordedAt: Instant
}

export const alertType = 'UnusualReachRefused'

/** @returns null for an event that is no alert, or that cannot be understood */
export function alertFrom({
  type,
  data,
  metadata,
}: {
  type: string
  data: unknown
  metadata: unknown
}): RecordedAlert | null {
  if (type !== alertType || typeof data !== 'object' || typeof metadata !== 'object' || !data || !metadata) return null
  const { kind, records, minutes, limit } = data as Partial<AlertData>
  const { actor, recordedAt } = metadata as Partial<ConsultationMetadata>
  if (!alertKinds.some((one) => one === kind) || typeof recordedAt !== 'string' || typeof actor?.id !== 'string')
    return null
  return { kind: kind!, records: records ?? 0, minutes: minutes ?? 0, limit: limit ?? 0, actor, recordedAt }
}
