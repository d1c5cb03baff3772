/** The one loop that reads events to an end, and the deadlines that keep a silent log from holding anybody up. */
import { StreamNotFoundError, type ResolvedEvent, type StreamingRead } from '@eventstore/db-client'
import { StoreUnavailable, storeErrorFrom } from './store-errors.ts'
import { storedEventFrom, type StoredEvent } from './stored-event.ts'

/**
 * How long the log may be silent before a read or an append is given up, in milliseconds. A person looks at a page that loads
 * for about as long; a healthy server answers in under a hundredth of it.
 */
export const answerDeadlineMs = 15_000

/** @throws StoreUnavailable where there is no answer in time; what is asked may still happen */
export async function answeredInTime<T>(answer: Promise<T>, deadlineMs = answerDeadlineMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable()), deadlineMs)
  })
  answer.catch(() => undefined) // it may fail after nobody waits for it any more
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The events of one read, in its order; none where there is no such stream. The deadline is for the silence before each event,
 * so that a long stream is read to its end, and stands still while the caller works on an event.
 * @throws StoreUnavailable when the log is away, or silent for longer than the deadline
 */
export async function* eventsOf(
  reading: StreamingRead<ResolvedEvent>,
  deadlineMs = answerDeadlineMs,
): AsyncGenerator<StoredEvent> {
  // The connection may be lost after the last event, when nobody waits for this read any more.
  reading.on('error', () => undefined)
  let isWaiting = true
  const silence = setTimeout(() => {
    if (isWaiting) void giveUp(reading)
  }, deadlineMs)
  try {
    for await (const resolved of reading.iterator({ destroyOnReturn: false })) {
      const event = storedEventFrom(resolved)
      isWaiting = false
      if (event) yield event
      isWaiting = true
      silence.refresh()
    }
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw storeErrorFrom(error)
  } finally {
    clearTimeout(silence)
    leave(reading)
  }
}

/**
 * The first event of a read that is wanted; null where there is none. The deadline is for the whole look-up. The read is one of a
 * few events and is read to its end: a server ends the connection of a client that breaks off many reads in a short time.
 */
export function firstOf(
  reading: StreamingRead<ResolvedEvent>,
  isWanted: (event: StoredEvent) => boolean = () => true,
  deadlineMs = answerDeadlineMs,
): Promise<StoredEvent | null> {
  const lookUp = async () => {
    let first: StoredEvent | null = null
    for await (const event of eventsOf(reading, deadlineMs)) if (isWanted(event)) first ??= event
    return first
  }
  return answeredInTime(lookUp(), deadlineMs)
}

/** Ends the call, so that neither side keeps anything of it, and the wait for its next event. */
function giveUp(reading: StreamingRead<ResolvedEvent>): void {
  void reading.cancel().catch(() => undefined)
  reading.destroy(new StoreUnavailable())
}

/**
 * A read that is left early has to be cancelled, and what has already come dropped: the client does neither, and waits for the
 * rest to be read, without end, when it is closed.
 */
function leave(reading: StreamingRead<ResolvedEvent>): void {
  if (reading.readableEnded || reading.destroyed) return
  void reading.cancel().catch(() => undefined)
  reading.resume()
}
