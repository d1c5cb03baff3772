/** Which consumer gets the next message. */
import { crc32 } from 'node:zlib'
import { decodeBody } from '../../storage/log-record.ts'
import type { Consumer, Message } from './group-consumer.ts'
import type { StrategyName } from './group-settings.ts'

export interface Strategy {
  /** Undefined: the message has to wait. */
  choose(message: Message, consumers: readonly Consumer[]): Consumer | undefined
  /** Whether later messages may go to other consumers while one waits for its own. */
  mayOvertake: boolean
}

const hasRoom = (consumer: Consumer) => consumer.inFlight.size < consumer.slots

export function strategyOf(name: StrategyName): Strategy {
  switch (name) {
    case 'DispatchToSingle':
      return { mayOvertake: false, choose: (_message, consumers) => consumers.find(hasRoom) }
    case 'RoundRobin':
      return roundRobin()
    case 'Pinned':
      return pinnedBy(sourceStream)
    case 'PinnedByCorrelation':
      return pinnedBy((message) => correlationOf(message) ?? sourceStream(message))
  }
}

function roundRobin(): Strategy {
  let turn = 0
  return {
    mayOvertake: false,
    choose(_message, consumers) {
      for (let i = 0; i < consumers.length; i++) {
        const consumer = consumers[(turn + i) % consumers.length]!
        if (!hasRoom(consumer)) continue
        turn = (turn + i + 1) % consumers.length
        return consumer
      }
      return undefined
    },
  }
}

/** Messages with one key go to one consumer; when consumers come and go, as few keys as possible move. */
function pinnedBy(keyOf: (message: Message) => string): Strategy {
  return {
    mayOvertake: true,
    choose(message, consumers) {
      const key = keyOf(message)
      let best: Consumer | undefined
      let bestWeight = -1
      for (const consumer of consumers) {
        const weight = crc32(`${key}/${consumer.id}`)
        if (weight > bestWeight) [best, bestWeight] = [consumer, weight]
      }
      return best && hasRoom(best) ? best : undefined
    },
  }
}

const sourceStream = ({ event, link }: Message) => (event ?? link)!.stream

function correlationOf({ event, link }: Message): string | undefined {
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
