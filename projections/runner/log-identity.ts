/**
 * Whether the log is the one that the checkpoints were written for. After the log was copied into another store, or put back from
 * an older copy, the same position stands for another event: whoever went on from it would leave events out without a sign.
 */
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import type { EventStore } from '../../src/event-store/event-store.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { categories, type Projection } from '../projection.ts'
import type { CheckpointTable } from '../storage/bookkeeping.ts'
import type { Database } from '../storage/database.ts'
import { lastEventFrom, type CheckpointStore } from './checkpoint-store.ts'

interface Sources {
  readonly store: EventStore
  readonly readModels: { readonly checkpointStore: CheckpointStore }
  readonly log: { warn(about: object, message: string): void }
}

/** In place of the fingerprint of tables that were built from another log: it is that of no release. */
const ofAnotherLog = 'of another log'

/**
 * Discards the checkpoints that do not stand on an event of this log. Live tables are served as they are until a rebuild replaces
 * them, and a rebuild that was interrupted begins again.
 * @throws StoreUnavailable
 */
export async function discardCheckpointsOfOtherLogs(
  { store, readModels, log }: Sources,
  projections: readonly Projection[],
): Promise<void> {
  const { checkpointStore } = readModels
  const names = projections.map(({ name }) => name)
  // Read before the log is asked: no checkpoint is ahead of what the log then holds.
  const checkpoints = (await checkpointStore.all()).filter(({ projection }) => names.includes(projection))
  const answers = new Map<string, boolean>()
  const discarded = new Set<string>()
  for (const checkpoint of checkpoints) {
    const { position, event_id: eventId, partition, projection } = checkpoint
    const key = `${position} ${eventId} ${partition}`
    const stands = answers.get(key) ?? (await standsIn(store, checkpoint))
    answers.set(key, stands)
    if (!stands && (await discard(checkpointStore.database, checkpoint))) discarded.add(projection)
  }
  if (discarded.size > 0)
    log.warn(
      { projections: [...discarded] },
      'These read models were not built from this log. They are rebuilt from it while the present ones are served.',
    )
}

/** Whether the log holds the last event of the checkpoint at its position, and none of ours from there up to the checkpoint. */
async function standsIn(store: EventStore, checkpoint: CheckpointTable): Promise<boolean> {
  if (checkpoint.position === '') return true
  const upTo = BigInt(checkpoint.position)
  if (upTo > (await store.headPosition())) return false
  const last = lastEventFrom(checkpoint)
  let found: StoredEvent[]
  try {
    found = await store.eventsFrom(categories, last?.position ?? null, 2)
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    return false // EventStoreDB fails a read from a position at which there is no event
  }
  if (last) {
    const event = found.shift()
    if (event?.id !== last.id || event.position !== last.position) return false
  }
  // A partition has not read the streams of the others.
  return checkpoint.partition !== '' || (found[0]?.position ?? upTo + 1n) > upTo
}

/** @returns false where another process has moved the checkpoint meanwhile */
function discard(database: Database, checkpoint: CheckpointTable): Promise<boolean> {
  const { projection, table_set: tableSet, partition, fencing_token: token, position } = checkpoint
  return database.transaction(async ({ run }) => {
    const isAsRead = await run(
      `UPDATE checkpoint SET fingerprint = ?
       WHERE projection = ? AND table_set = ? AND partition = ? AND fencing_token = ? AND position = ?`,
      [ofAnotherLog, projection, tableSet, partition, token, position],
    )
    if (isAsRead !== 1) return false
    await run(
      `UPDATE checkpoint SET fingerprint = ?, position = '', event_id = '', event_position = '', fencing_token = fencing_token + 1
       WHERE projection = ? AND table_set = ?`,
      [ofAnotherLog, projection, tableSet],
    )
    return true
  })
}
