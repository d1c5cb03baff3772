/** One event as the auditor reads it: whole, in the order the log holds it. */
import type { Metadata } from '../../domain/history.ts'
import { daysLate, isLate } from '../../domain/journey/replay.ts'
import type { LogRecord } from '../../queries/journeys.ts'

export interface HistoryEvent {
  readonly revision: number
  readonly eventId: string
  readonly type: string
  readonly sentence: string
  readonly receivedAt: string
  readonly position: string
  readonly occurredOn: string | null
  readonly recordedAt: string | null
  readonly who: string | null
  readonly source: string | null
  readonly late: string | null
  readonly commandId: string | null
  readonly payload: readonly { readonly field: string; readonly text: string }[]
  /** As the log holds it, personal fields sealed. */
  readonly stored: string
}

const sourceInWords = ({ source, importedBy }: Metadata): string =>
  `${sources[source] ?? source}${importedBy ? ` (sent by ${importedBy.id})` : ''}`

const sources: Readonly<Record<string, string>> = {
  ui: 'Typed into this service',
  api: 'Sent by another system',
  import: 'Imported from a contact log',
  simulator: 'Demonstration record',
}

export function historyEvent({
  revision,
  eventId,
  type,
  sentence,
  receivedAt,
  position,
  event,
  stored,
}: LogRecord): HistoryEvent {
  const metadata = event?.metadata
  return {
    revision,
    eventId,
    type,
    sentence,
    receivedAt,
    position,
    occurredOn: metadata?.occurredAt ?? null,
    recordedAt: metadata?.recordedAt ?? null,
    who: metadata
      ? [metadata.actor.id, roleInWords(metadata.actor.role), metadata.actor.organisation].filter(Boolean).join(', ')
      : null,
    source: metadata ? sourceInWords(metadata) : null,
    late: event && isLate(event) ? `${daysLate(event)} days late` : null,
    commandId: metadata?.commandId ?? null,
    payload: event
      ? Object.entries(event.data)
          .filter(([, value]) => value !== undefined)
          .map(([field, value]) => ({ field, text: inWords(value) }))
      : [],
    stored: JSON.stringify(stored, null, 2),
  }
}

const roleInWords = (role: string): string => (role === 'not-stated' ? 'role not stated' : role.replaceAll('_', ' '))

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(inWords).join(', ')
  if (value === '') return 'not given'
  if (value !== null && typeof value === 'object') {
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${inWords(inner)}`)
      .join(', ')
  }
  return String(value)
}
