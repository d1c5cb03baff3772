/** `PersistentSubscriptions`: groups are managed here, and consumers join them. */
import type { Call, Handler, Identity } from '../../grpc/grpc-server.ts'
import { frame, unary } from '../../grpc/grpc-server.ts'
import { Code, RpcError, accessDenied, invalidArgument } from '../../grpc/status.ts'
import type { Consumer } from './group-consumer.ts'
import type { Group } from './consumer-group.ts'
import type { Registry } from './consumer-groups.ts'
import { randomUUID } from 'node:crypto'
import { Writer } from '../../wire/protobuf.ts'
import type { ConnectionInfo, GroupName, SubscriptionInfo } from './messages.ts'
import {
  readDelete,
  readGetInfo,
  readGroupSettings,
  readList,
  readReadMessage,
  readReplayParked,
  subscriptionConfirmation,
  writeInfo,
} from './messages.ts'
import { ReadResponses } from '../../services/stream-responses.ts'
import { compile } from '../../services/streams-read.ts'
import type { Store } from '../../services/service-context.ts'

const EMPTY = Buffer.alloc(0)
const MOST_SLOTS = 5000

export function persistentSubscriptionHandlers(store: Store, registry: Registry): [path: string, handler: Handler][] {
  const service = '/event_store.client.persistent_subscriptions.PersistentSubscriptions'
  const operated = (answer: (request: Buffer) => Buffer | Promise<Buffer>) =>
    unary((request, call) => {
      store.assertLeads()
      if (!store.isOperator(store.identify(call))) throw accessDenied()
      return answer(request)
    })
  const existing = ({ stream, group }: GroupName): Group => {
    const found = registry.find(stream, group)
    if (!found) throw doesNotExist(stream, group)
    return found
  }
  return [
    [
      `${service}/Create`,
      operated(async (request) => {
        const { stream, group, settings } = readGroupSettings(request)
        if (stream === '' || group === '') throw invalidArgument('A persistent subscription needs a stream and a group')
        if (settings.filter) compile(store.log, settings.filter)
        if (!(await registry.create(stream, group, settings))) throw exists(stream, group)
        return EMPTY
      }),
    ],
    [
      `${service}/Update`,
      operated(async (request) => {
        const asked = readGroupSettings(request)
        // A filter cannot be changed, and is not sent again.
        await registry.update(existing(asked), ({ filter }) => ({ ...asked.settings, filter }))
        return EMPTY
      }),
    ],
    [
      `${service}/Delete`,
      operated(async (request) => {
        await registry.delete(existing(readDelete(request)))
        return EMPTY
      }),
    ],
    [`${service}/GetInfo`, operated((request) => info([existing(readGetInfo(request))]))],
    [
      `${service}/List`,
      operated((request) => {
        const stream = readList(request)
        const groups = registry.list(stream)
        if (stream !== undefined && groups.length === 0) throw doesNotExist(stream, '')
        return info(groups)
      }),
    ],
    [
      `${service}/ReplayParked`,
      operated((request) => {
        const asked = readReplayParked(request)
        existing(asked).replayParked(asked.stopAt)
        return EMPTY
      }),
    ],
    [
      `${service}/RestartSubsystem`,
      operated(() => {
        registry.restart()
        return EMPTY
      }),
    ],
    [`${service}/Read`, (call) => read(store, registry, call)],
  ]
}

function read(store: Store, registry: Registry, call: Call): void {
  store.assertLeads()
  const identity = store.identify(call)
  let joined: { group: Group; consumer: Consumer } | undefined
  call.onMessage = (bytes) => {
    const message = readReadMessage(bytes)
    if (message.kind === 'options') {
      if (joined) throw invalidArgument('This call has joined a group already')
      const { stream, group: name } = message.name
      const group = registry.find(stream, name)
      if (!group) throw doesNotExist(stream, name)
      store.assertMayRead(identity, stream)
      if (group.isFull) throw maximumSubscribersReached(stream, name)
      const consumer = consumerOf(call, identity, message.slots, message.structuredIds, () =>
        call.fail(dropped(stream, name)),
      )
      joined = { group, consumer }
      call.onClose(() => group.leave(consumer))
      call.write(frame(subscriptionConfirmation(`${stream}::${name}`)))
      group.join(consumer)
    } else if (!joined) throw invalidArgument('The first message must name the group')
    else if (message.kind === 'ack') joined.group.ack(joined.consumer, message.ids)
    else joined.group.nack(joined.consumer, message.ids, message.action, message.reason)
  }
  call.onRequestsEnded = () => {
    if (joined) joined.group.leave(joined.consumer)
    call.end()
  }
}

function consumerOf(call: Call, identity: Identity, slots: number, structuredIds: boolean, drop: () => void): Consumer {
  const responses = new ReadResponses(structuredIds)
  return {
    id: randomUUID(),
    from: call.peer,
    username: identity.name,
    connectionName: String(call.headers['connection-name'] ?? ''),
    slots: Math.min(Math.max(1, slots), MOST_SLOTS),
    inFlight: new Set(),
    totalItems: 0n,
    itemsAtLastMeasurement: 0n,
    latencies: [],
    deliver({ event, link, retryCount }) {
      responses.event({ event, link, retryCount })
      call.write(responses.take())
    },
    drop,
  }
}

function info(groups: readonly Group[]): Buffer {
  const writer = new Writer(1024)
  for (const group of groups) writeInfo(writer, 1, infoOf(group))
  return writer.finish()
}

function infoOf(group: Group): SubscriptionInfo {
  const { stream, name, settings, begin, next } = group.record
  const text = (at: bigint) => (stream === '$all' ? `C:${at}/P:${at}` : String(at))
  const { startFrom } = settings
  return {
    stream,
    group: name,
    status: group.isLive ? 'Live' : 'Behind',
    connections: group.consumers.map((consumer) => connectionOf(consumer, settings.extraStatistics)),
    averagePerSecond: group.perSecond,
    totalItems: group.totalItems,
    countSinceLastMeasurement: group.totalItems - group.itemsAtLastMeasurement,
    lastCheckpointed: next === begin ? '' : text(next - 1n),
    lastKnown: group.lastKnown === undefined ? '' : text(group.lastKnown),
    startFrom: text(startFrom === 'start' ? 0n : startFrom === 'end' ? -1n : startFrom),
    settings,
    parked: group.parkedCount,
    ...group.counts,
  }
}

function connectionOf(consumer: Consumer, extraStatistics: boolean): ConnectionInfo {
  const sinceLast = consumer.totalItems - consumer.itemsAtLastMeasurement
  return {
    from: consumer.from,
    username: consumer.username,
    connectionName: consumer.connectionName,
    averagePerSecond: Number(sinceLast),
    totalItems: consumer.totalItems,
    countSinceLastMeasurement: sinceLast,
    measurements: extraStatistics ? measurementsOf(consumer.latencies) : [],
    availableSlots: consumer.slots - consumer.inFlight.size,
    inFlight: consumer.inFlight.size,
  }
}

function measurementsOf(latencies: readonly number[]): [key: string, value: number][] {
  const sorted = [...latencies].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const mean = sorted.length === 0 ? 0 : sorted.reduce((sum, one) => sum + one, 0) / sorted.length
  return [
    ['Mean', mean],
    ['Median', at(0.5)],
    ['Fastest', at(0)],
    ...[1, 2, 3, 4, 5].map((quintile): [string, number] => [`Quintile ${quintile}`, at(quintile / 5)]),
    ['90%', at(0.9)],
    ['95%', at(0.95)],
    ['99%', at(0.99)],
    ['99.5%', at(0.995)],
    ['99.9%', at(0.999)],
  ]
}

const named = (exception: string, stream: string, group: string) => ({
  exception,
  'stream-name': stream,
  'group-name': group,
})

const doesNotExist = (stream: string, group: string) =>
  new RpcError(
    Code.NOT_FOUND,
    `Subscription group ${group} on stream ${stream} does not exist.`,
    named('persistent-subscription-does-not-exist', stream, group),
  )

const exists = (stream: string, group: string) =>
  new RpcError(
    Code.ALREADY_EXISTS,
    `Subscription group ${group} on stream ${stream} exists.`,
    named('persistent-subscription-exists', stream, group),
  )

const maximumSubscribersReached = (stream: string, group: string) =>
  new RpcError(
    Code.FAILED_PRECONDITION,
    `Maximum subscriptions reached for subscription group ${group} on stream ${stream}.`,
    named('maximum-subscribers-reached', stream, group),
  )

const dropped = (stream: string, group: string) =>
  new RpcError(
    Code.CANCELLED,
    `Subscription group ${group} on stream ${stream} was dropped.`,
    named('persistent-subscription-dropped', stream, group),
  )
