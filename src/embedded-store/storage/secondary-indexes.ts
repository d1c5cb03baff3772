/**
 * The lists of events of each category and each type, from which filters are answered. They are written many events at a time: an entry with
 * every append would be two more pages in every commit. Events after {@link EventLog.indexedUpTo} are in no list yet, and are few enough to be
 * looked at one by one.
 */
import type { EventLog } from './event-log.ts'
import { ordinalOf, positionOf } from './position.ts'

/** Events that may wait to be listed. */
const MAX_UNINDEXED = 1000n
/** Events listed in one transaction, so that nobody waits long for it. */
const MAX_PER_TRANSACTION = 10_000n

/** Lists what was committed, once it is worth it. Within the writer's transaction. */
export function indexNewEvents(log: EventLog): void {
  const [listed, head] = [ordinalOf(log.indexedUpTo), ordinalOf(log.head)]
  if (head - listed < MAX_UNINDEXED) return
  const upTo = head - listed > MAX_PER_TRANSACTION ? positionOf(listed + MAX_PER_TRANSACTION) : log.head
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
