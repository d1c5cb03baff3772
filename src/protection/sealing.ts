/** Between the domain and the log: personal fields are sealed on the way in and opened only for who may read them. */
import { sealedFieldsOf, type DomainEvent } from '../domain/events.ts'
import type { Recorded } from '../domain/history.ts'
import { KeyMissing, type Vault } from './vault.ts'

/** Where a sealed text belongs. Moved to another event, it does not open. */
export const aboutEvent = (event: { stream: string; id: string }): string => `${event.stream}/${event.id}`

/** The fields of an event, parted into those the log may hold plain and those that are sealed. */
export function partedFields(event: DomainEvent): {
  open: Record<string, unknown>
  personal: Record<string, unknown>
} {
  const open: Record<string, unknown> = { ...event.data }
  const personal: Record<string, unknown> = {}
  for (const field of sealedFieldsOf(event.type)) {
    if (open[field] !== undefined) personal[field] = open[field]
    delete open[field]
  }
  if (event.type === 'RecordCorrected') {
    const { of, data } = event.data
    const told = partedFields({ type: of, data } as unknown as DomainEvent)
    open.data = told.open
    if (Object.keys(told.personal).length > 0) personal.data = told.personal
  }
  return { open, personal }
}

/** The fields of an event as the log may hold them: the open ones plain, the others together under `sealed`. */
export function sealedData(
  vault: Vault,
  keyId: string | undefined,
  at: { stream: string; id: string },
  event: DomainEvent,
): Record<string, unknown> {
  const { open, personal } = partedFields(event)
  if (Object.keys(personal).length > 0) {
    if (!keyId) throw new Error(`${event.type} has personal fields and no key to seal them under.`)
    open.sealed = vault.seal(keyId, aboutEvent(at), JSON.stringify(personal))
  }
  return open
}

/**
 * The personal fields of one event, or nothing where there are none. Where the key is missing nothing can
 * be read: `keyMissing` says so.
 * @throws SealBroken when the sealed text was altered or moved
 */
export function openedFields(
  vault: Vault,
  at: { stream: string; id: string; keyId: string | null | undefined; sealed: string | null | undefined },
): { fields: Record<string, unknown>; keyMissing: boolean } {
  if (!at.sealed || !at.keyId) return { fields: {}, keyMissing: false }
  try {
    return {
      fields: JSON.parse(vault.open(at.keyId, aboutEvent(at), at.sealed)) as Record<string, unknown>,
      keyMissing: false,
    }
  } catch (error) {
    if (error instanceof KeyMissing) return { fields: {}, keyMissing: true }
    throw error
  }
}

/** The event with its personal fields readable again. */
export function opened<E extends DomainEvent>(vault: Vault, event: Recorded<E>): Recorded<E> {
  const { fields } = openedFields(vault, {
    stream: event.stream,
    id: event.id,
    keyId: event.metadata.keyId,
    sealed: (event.data as { sealed?: string }).sealed,
  })
  const { sealed: _, ...open } = event.data as Record<string, unknown>
  return { ...event, data: joinedFields(event.type, open, fields) } as unknown as Recorded<E>
}

/** The fields of an event, whole again: the counterpart of {@link partedFields}. */
const joinedFields = (
  type: DomainEvent['type'],
  open: Readonly<Record<string, unknown>>,
  personal: Readonly<Record<string, unknown>>,
): Record<string, unknown> =>
  type === 'RecordCorrected'
    ? { ...open, ...personal, data: { ...(open.data as object), ...(personal.data as object | undefined) } }
    : { ...open, ...personal }
