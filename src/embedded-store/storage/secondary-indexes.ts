/**
 * The category index and the event-type index, from which filters are answered: tables `listed_by_category` and `listed_by_type` in
 * the file. They are written in batches: an entry with every append would add two pages to every commit. The events after
 * {@link EventLog.indexedUpTo} are not indexed yet; they are few, and filters scan them.
 */
import type { EventLog } from './event-log.ts'
import { ordinalOf, positionOf } from './position.ts'

/** Events that may be left unindexed. */
const MAX_UNINDEXED = 1000n
/** Events indexed in one transaction, which bounds how long its writes wait. */
const MAX_PER_TRANSACTION = 10_000n

/** Indexes committed events when enough have accumulated. To be called inside the writer's transaction. */
export function indexNewEvents(log: EventLog): void {
  const indexed = ordinalOf(log.indexedUpTo)
  const head = ordinalOf(log.head)
  if (head - indexed < MAX_UNINDEXED) return
  const upTo = head - indexed > MAX_PER_TRANSACTION ? positionOf(indexed + MAX_PER_TRANSACTION) : log.head
  for (const kind of ['category', 'type'])
    log
      .prepare(
        `INSERT INTO listed_by_${kind} (${kind}, position)
         SELECT ${kind}, position FROM event WHERE position > ? AND position <= ? ORDER BY ${kind}, position`,
      )
      .run(log.indexedUpTo, upTo)
  log.prepare('UPDATE log SET listed_up_to = ?').run(upTo)
  log.indexedUpTo = upTo
}
