/** One event as the auditor reads it: whole, in the order the log holds it. */
import type { Metadata, Recorded, Source } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { isOddityCode, oddities } from '../../domain/journey/oddities.ts'
import { daysLate, isLate } from '../../domain/journey/replay.ts'
import { versionsIn } from '../../domain/journey/versions.ts'
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
  /** Why the time at which it was recorded cannot be believed; null where nothing speaks against it. */
  readonly doubt: string | null
  readonly who: string | null
  readonly source: string | null
  readonly late: string | null
  readonly commandId: string | null
  /** What was unusual about it, and confirmed by whoever recorded it; empty where nothing was. */
  readonly confirmed: string
  /** How it and other events put each other right, both ways. */
  readonly links: readonly { readonly says: string; readonly revision: number }[]
  /** It was corrected or withdrawn, and what it says is believed no more. */
  readonly fallen: boolean
  /** `opaque`: an id that says nothing to a reader, and is not printed. */
  readonly payload: readonly { readonly field: string; readonly text: string; readonly opaque: boolean }[]
  /** As the log holds it, personal fields sealed. */
  readonly stored: string
}

/** Where an event came from, and who sent it where somebody sent it for others. */
export const sourceInWords = ({ source, importedBy }: Metadata): string =>
  `${sourceNames[source] ?? source}${importedBy ? ` (sent by ${importedBy.id})` : ''}`

/** Where events come from, in words. */
export const sourceNames: Readonly<Record<Source, string>> = {
  ui: 'Typed into this service',
  api: 'Sent by another system',
  import: 'Imported from a contact log',
  simulator: 'Demonstration record',
  terminal: 'A command at the terminal',
}

/** How the events of a journey put each other right. */
export function historyLinks(events: readonly Recorded<JourneyEvent>[]) {
  const links = new Map<number, { says: string; revision: number }[]>()
  const add = (at: number, says: string, revision: number) => {
    if (!links.has(at)) links.set(at, [])
    links.get(at)!.push({ says, revision })
  }
  const { factOf, current, withdrawnBy } = versionsIn(events)
  const put = (event: Recorded<JourneyEvent>, about: number, does: string, done: string) => {
    add(event.revision, does, about)
    add(about, done, event.revision)
  }
  for (const event of events) {
    if (event.type === 'AttendanceCorrected' || event.type === 'RecordCorrected')
      put(event, event.data.corrects, 'Corrects', 'Corrected by')
    if (event.type === 'RecordWithdrawn') put(event, event.data.withdraws, 'Withdraws', 'Withdrawn by')
    if (event.type === 'OutcomeRecategorised' && factOf.get(event.revision) !== event.revision)
      put(event, factOf.get(event.revision)!, 'Recategorises', 'Recategorised by')
  }
  const fallen = new Set<number>()
  for (const { revision, type } of events) {
    const fact = factOf.get(revision)!
    const isLast = type === 'RecordWithdrawn' || current.get(fact) === revision
    const taken = withdrawnBy.has(revision) || (type !== 'RecordWithdrawn' && withdrawnBy.has(fact))
    if (taken || !isLast) fallen.add(revision)
  }
  return { of: (revision: number) => links.get(revision) ?? [], fallen }
}

export function historyEvent(
  { revision, eventId, type, sentence, receivedAt, position, event, stored }: LogRecord,
  links: ReturnType<typeof historyLinks>,
  doubt: string | null,
): HistoryEvent {
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
    doubt,
    who: metadata ? recorderInWords(metadata) : null,
    source: metadata ? sourceInWords(metadata) : null,
    late: event && isLate(event) ? `${daysLate(event)} days late` : null,
    commandId: metadata?.commandId ?? null,
    confirmed: (metadata?.oddities ?? []).map((code) => (isOddityCode(code) ? oddities[code] : code)).join(', '),
    links: links.of(revision),
    fallen: links.fallen.has(revision),
    payload: event
      ? Object.entries(event.data)
          .filter(([, value]) => value !== undefined)
          .map(([field, value]) => ({ field, text: valueInWords(value), opaque: opaqueId.test(valueInWords(value)) }))
      : [],
    stored: JSON.stringify(stored, null, 2),
  }
}

const opaqueId = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/

const roleInWords = (role: string): string => (role === 'not-stated' ? 'role not stated' : role.replaceAll('_', ' '))

/** `F001, facilitator, North`: the id, role and organisation of who recorded it. */
export const recorderInWords = ({ actor }: Metadata): string =>
  [actor.id, roleInWords(actor.role), actor.organisation].filter(Boolean).join(', ')

/** The value of a field of an event as a person reads it. */
export function valueInWords(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(valueInWords).join(', ')
  if (value === '') return 'not given'
  if (value !== null && typeof value === 'object') {
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${valueInWords(inner)}`)
      .join(', ')
  }
  return String(value)
}
