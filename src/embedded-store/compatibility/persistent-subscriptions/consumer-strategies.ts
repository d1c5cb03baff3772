/** EventStoreDB's consumer strategies: which consumer gets the next message. */
import { crc32 } from 'node:zlib'
import { decodeBody } from '../../storage/event-record.ts'
import type { GroupConsumer, GroupMessage } from './group-consumer.ts'
import type { ConsumerStrategyName } from './group-settings.ts'

export interface ConsumerStrategy {
  /** Undefined: no consumer can take the message now. */
  choose(message: GroupMessage, consumers: readonly GroupConsumer[]): GroupConsumer | undefined
  /** Whether later messages may be dispatched while one waits for its consumer. */
  mayOvertake: boolean
}

const hasFreeSlot = (consumer: GroupConsumer) => consumer.inFlight.size < consumer.slots

export function strategyOf(name: ConsumerStrategyName): ConsumerStrategy {
  switch (name) {
    case 'DispatchToSingle':
      return { mayOvertake: false, choose: (_message, consumers) => consumers.find(hasFreeSlot) }
    case 'RoundRobin':
      return roundRobin()
    case 'Pinned':
      return pinnedBy(sourceStream)
    case 'PinnedByCorrelation':
      return pinnedBy((message) => correlationOf(message) ?? sourceStream(message))
  }
}

function roundRobin(): ConsumerStrategy {
  let turn = 0
  return {
    mayOvertake: false,
    choose(_message, consumers) {
      for (let i = 0; i < consumers.length; i++) {
        const consumer = consumers[(turn + i) % consumers.length]!
        if (!hasFreeSlot(consumer)) continue
        turn = (turn + i + 1) % consumers.length
        return consumer
      }
      return undefined
    },
  }
}

/** Rendezvous hashing: messages with one key go to one consumer, and few keys move when consumers connect or leave. */
function pinnedBy(keyOf: (message: GroupMessage) => string): ConsumerStrategy {
  return {
    mayOvertake: true,
    choose(message, consumers) {
      const key = keyOf(message)
      let best: GroupConsumer | undefined
      let bestWeight = -1
      for (const consumer of consumers) {
        const weight = crc32(`${key}/${consumer.id}`)
        if (weight > bestWeight) [best, bestWeight] = [consumer, weight]
      }
      return best && hasFreeSlot(best) ? best : undefined
    },
  }
}

const sourceStream = ({ event, link }: GroupMessage) => (event ?? link)!.stream

function correlationOf({ event, link }: GroupMessage): string | undefined {
  try {
    const { $correlationId } = JSON.parse(decodeBody((event ?? link)!.body).metadata.toString('utf8')) as Record<
      string,
      unknown
    >
    return typeof $correlationId === 'string' ? $correlationId : undefined
  } catch {
    return undefined
  }
}
