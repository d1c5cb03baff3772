/** What belongs to a group, found by reading the log through. */
import type { EventStore } from '../../event-store/event-store.ts'

/**
 * The streams of a group: its own, its sessions, and the journeys of whoever was given a place in it or allocated to it.
 * @param group its code, such as `G101`, or the id of its stream
 */
export async function groupStreams(store: Pick<EventStore, 'readAll'>, group: string): Promise<readonly string[]> {
  const streams = new Set<string>()
  const called = new Set([group])
  for await (const { type, stream, data } of store.readAll(['group', 'session', 'journey'])) {
    const { code, groupId, groupCode, journeyId } = (data ?? {}) as Record<string, unknown>
    const id = stream.slice(stream.indexOf('-') + 1)
    switch (type) {
      case 'GroupFormed':
        if (code === group || id === group) {
          called.add(id).add(String(code))
          streams.add(stream)
        }
        break
      case 'GroupMemberJoined':
        if (streams.has(stream)) streams.add(`journey-${String(journeyId)}`)
        break
      case 'SessionScheduled':
        if (called.has(String(groupId)) || called.has(String(groupCode))) streams.add(stream)
        break
      case 'AllocatedToGroup':
        if (called.has(String(groupId))) streams.add(stream)
        break
    }
  }
  return [...streams]
}
