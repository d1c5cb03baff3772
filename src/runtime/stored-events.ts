/**
 * Every event of the store for who compares it with something else: of the embedded store from its file, so that what the store
 * would refuse to serve is seen too, and of any other store as it serves it.
 */
import { join } from 'node:path'
import { eventsFile, rowsAsWritten, type WrittenRow } from '../embedded-store/embedded-store.ts'
import { EventStore } from '../event-store/event-store.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import type { Config } from './config.ts'

export interface FoundEvent extends Pick<StoredEvent, 'stream' | 'revision' | 'position'> {
  /** Absent where it cannot be read. */
  readonly content: Pick<StoredEvent, 'id' | 'type' | 'data' | 'metadata'> | undefined
  /** What keeps readers from being given it as it was stored; absent where nothing does. */
  readonly problem: string | undefined
}

/**
 * In the order of the log: the streams of the categories only.
 * @throws StoreUnavailable, or the error of SQLite where the file cannot be opened at all
 */
export async function* storedEvents(
  { dataDir, eventStoreUrl }: Pick<Config, 'dataDir' | 'eventStoreUrl'>,
  categories: readonly string[],
): AsyncGenerator<FoundEvent[]> {
  let batch: FoundEvent[] = []
  if (eventStoreUrl === undefined) {
    for (const row of rowsAsWritten(join(dataDir, 'store', eventsFile))) {
      if (!categories.includes(row.stream.slice(0, row.stream.indexOf('-')))) continue
      batch.push(foundIn(row))
      if (batch.length >= batchSize) yield batch.splice(0)
    }
  } else {
    const store = EventStore.connect(eventStoreUrl)
    try {
      await store.reach()
      for await (const { stream, revision, position, ...content } of store.readAll(categories)) {
        batch.push({ stream, revision, position, content, problem: undefined })
        if (batch.length >= batchSize) {
          yield batch
          batch = []
        }
      }
    } finally {
      await store.close()
    }
  }
  if (batch.length > 0) yield batch
}

/** Events handed over at once. */
const batchSize = 500

/** As the client of EventStoreDB reads what the store sends. */
function foundIn({ stream, revision, position, event, problem }: WrittenRow): FoundEvent {
  if (!event) return { stream, revision, position, content: undefined, problem }
  const { id, type, isJson, data, metadata } = event
  const content = {
    id,
    type,
    data: isJson ? readJson(data, data.toString()) : data,
    metadata: metadata.length === 0 ? undefined : readJson(metadata, metadata),
  }
  return { stream, revision, position, content, problem }
}

function readJson(bytes: Buffer, otherwise: unknown): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return otherwise
  }
}
