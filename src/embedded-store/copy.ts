/**
 * Migration between servers: copies every event of users' streams through the protocol in the order of the log, then compares
 * both logs event by event. Either server may be this store or an EventStoreDB cluster. After an interruption it can be run
 * again: events that are already there are recognised by their ids.
 */
import type { EventData, EventStoreDBClient, RecordedEvent } from '@eventstore/db-client'
import { StreamDeletedError, WrongExpectedVersionError } from '@eventstore/db-client'

export interface CopyReport {
  events: number
  /** Streams whose metadata were written to the target. */
  metadata: number
  tombstones: number
}

/** Limits of one append, which takes consecutive events of one stream. */
const MAX_RUN = { events: 200, bytes: 512 * 1024 }

/** @param onProgress called after each append with the number of events copied */
export async function copyEvents(
  from: EventStoreDBClient,
  to: EventStoreDBClient,
  onProgress?: (events: number) => void,
): Promise<CopyReport> {
  const copied: CopyReport = { events: 0, metadata: 0, tombstones: 0 }
  let run: RecordedEvent[] = []
  let bytes = 0
  const flush = async () => {
    if (run.length === 0) return
    const [first] = run as [RecordedEvent]
    const expectedRevision = first.revision === 0n ? ('no_stream' as const) : first.revision - 1n
    await to.appendToStream(first.streamId, run.map(toEventData), { expectedRevision })
    copied.events += run.length
    onProgress?.(copied.events)
    run = []
    bytes = 0
  }
  for await (const { event } of from.readAll()) {
    if (!event || event.streamId.startsWith('$') || event.type === '$streamDeleted') continue
    const size = JSON.stringify(event.data ?? null).length
    if (run[0] && (run[0].streamId !== event.streamId || run.length >= MAX_RUN.events || bytes + size > MAX_RUN.bytes))
      await flush()
    run.push(event)
    bytes += size
  }
  await flush()
  // Metadata and deletions are copied last, because they would hide events or refuse appends.
  for await (const { event } of from.readAll()) {
    if (!event) continue
    if (event.type === '$streamDeleted' && !event.streamId.startsWith('$')) {
      await ignoreIfDeleted(to.tombstoneStream(event.streamId))
      copied.tombstones++
    } else if (event.streamId.startsWith('$$') && !event.streamId.startsWith('$$$')) {
      if (await copyMetadata(from, to, event)) copied.metadata++
    }
  }
  return copied
}

/** Copies the newest metadata of a stream, not those that it replaced. */
async function copyMetadata(from: EventStoreDBClient, to: EventStoreDBClient, event: RecordedEvent): Promise<boolean> {
  try {
    const newest = await from
      .readStream(event.streamId, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })
      [Symbol.asyncIterator]()
      .next()
    if (newest.done || newest.value.event?.id !== event.id) return false
    const { $tb: truncateBefore, ...rules } = event.data as Record<string, unknown>
    // The `$tb` of a deleted stream exceeds the safe integers of JavaScript, so the target deletes the stream instead.
    const isDeleted = typeof truncateBefore === 'number' && truncateBefore > Number.MAX_SAFE_INTEGER
    const carried = isDeleted ? { ...event, data: rules } : event
    if (Object.keys(carried.data as object).length > 0)
      await to.appendToStream(event.streamId, toEventData(carried as RecordedEvent), { expectedRevision: 'any' })
    if (isDeleted) await ignoreIfDeleted(to.deleteStream(event.streamId.slice(2)))
    return true
  } catch (error) {
    if (error instanceof StreamDeletedError) return false // a tombstoned stream has no metadata
    throw error
  }
}

/** The target already has the deletion when an interrupted copy is run again. */
async function ignoreIfDeleted(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion
  } catch (error) {
    if (!(error instanceof StreamDeletedError || error instanceof WrongExpectedVersionError)) throw error
  }
}

const toEventData = (event: RecordedEvent): EventData =>
  ({
    id: event.id,
    type: event.type,
    contentType: event.isJson ? 'application/json' : 'application/octet-stream',
    data: event.data,
    metadata: event.metadata,
  }) as unknown as EventData

/**
 * @returns the number of events in users' streams, equal on both servers
 * @throws at the first difference, which the message describes
 */
export async function compareEvents(one: EventStoreDBClient, other: EventStoreDBClient): Promise<number> {
  const left = userEvents(one)
  const right = userEvents(other)
  for (let count = 0; ; count++) {
    const [a, b] = await Promise.all([left.next(), right.next()])
    if (a.done && b.done) return count
    if (a.done || b.done)
      throw new Error(
        `One server has more events than the other: ${nameOf((a.done ? b.value : a.value)!)} is on one only`,
      )
    if (fingerprint(a.value) !== fingerprint(b.value))
      throw new Error(`The servers differ: ${nameOf(a.value)} on the first, ${nameOf(b.value)} on the second`)
  }
}

async function* userEvents(client: EventStoreDBClient): AsyncGenerator<RecordedEvent, undefined> {
  for await (const { event } of client.readAll())
    if (event && !event.streamId.startsWith('$') && event.type !== '$streamDeleted') yield event
  return undefined
}

const nameOf = (event: RecordedEvent) => `revision ${event.revision} of stream '${event.streamId}' (${event.id})`

const fingerprint = ({ streamId, revision, id, type, isJson, data, metadata }: RecordedEvent) =>
  JSON.stringify([streamId, String(revision), id, type, isJson, data, metadata])
