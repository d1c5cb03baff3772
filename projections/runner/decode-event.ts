/** From an event as the log has it to one that handlers understand, or to the reason why its stream is parked. */
import type { DomainEvent } from '../../src/domain/events.ts'
import type { Recorded } from '../../src/domain/history.ts'
import { PoisonEvent, recordedFrom } from '../../src/domain/codec.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'

/** The largest event that is projected, in characters. The log itself takes no more than a mebibyte in one append. */
const largestEvent = 900_000

export function decodedEvent(stored: StoredEvent): Recorded<DomainEvent> | Error {
  const { stream, revision, type, data, metadata } = stored
  try {
    const size = sizeOf(stream) + sizeOf(type) + sizeOf(data) + sizeOf(metadata)
    if (size > largestEvent) return new PoisonEvent(stream, revision, 'it is too large')
    if (Number.isNaN(size)) return new PoisonEvent(stream, revision, 'it holds what no database can keep')
    return recordedFrom(stored)
  } catch (error) {
    return error as Error
  }
}

/**
 * The approximate length as text. NaN where a value is beyond one of the databases (a NUL character, half a surrogate pair, an
 * unsafe integer): writing it would fail at every attempt, and stop the projection.
 */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0') ? value.length : Number.NaN
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value) ? 1 : Number.NaN
  if (value === null || typeof value !== 'object') return 1
  let size = 1
  if (Array.isArray(value)) for (const inside of value) size += sizeOf(inside)
  else for (const field in value) size += field.length + sizeOf((value as Record<string, unknown>)[field])
  return size
}
