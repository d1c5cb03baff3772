/** Service `PersistentSubscriptions`: manages consumer groups and connects consumers to them. */
import type { GrpcCall, GrpcHandler, CallerIdentity } from '../../grpc/grpc-server.ts'
import { frameMessage, unaryHandler } from '../../grpc/grpc-server.ts'
import { StatusCode, RpcError, accessDeniedError, invalidArgumentError } from '../../grpc/status.ts'
import type { GroupConsumer } from './group-consumer.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerGroups } from './consumer-groups.ts'
import { randomUUID } from 'node:crypto'
import { ProtobufWriter } from '../../wire/protobuf.ts'
import type { ConsumerInfo, GroupName, GroupInfo } from './messages.ts'
import {
  readDeleteGroupRequest,
  readGetInfoRequest,
  readGroupSettingsRequest,
  readListGroupsRequest,
  readConsumerMessage,
  readReplayParkedRequest,
  groupConfirmation,
  writeGroupInfo,
} from './messages.ts'
import type { GroupSettings } from './group-settings.ts'
import { settingsProblem } from './group-settings.ts'
import { ReadResponseBuffer } from '../../services/stream-responses.ts'
import { compileFilter } from '../../services/streams-read.ts'
import type { ServiceContext } from '../../services/service-context.ts'

const EMPTY = Buffer.alloc(0)
const MAX_SLOTS = 5000

export function persistentSubscriptionHandlers(
  store: ServiceContext,
  consumerGroups: ConsumerGroups,
): [path: string, handler: GrpcHandler][] {
  const service = '/event_store.client.persistent_subscriptions.PersistentSubscriptions'
  const operatorHandler = (answer: (request: Buffer, by: string) => Buffer | Promise<Buffer>) =>
    unaryHandler((request, call) => {
      store.assertLeads()
      const identity = store.identify(call)
      if (!store.isOperator(identity)) throw accessDeniedError()
      return answer(request, identity.name)
    })
  const groupNamed = ({ stream, group }: GroupName): ConsumerGroup => {
    const found = consumerGroups.find(stream, group)
    if (!found) throw groupNotFoundError(stream, group)
    return found
  }
  const assertValid = (stream: string, group: string, settings: GroupSettings, prepare: bigint | undefined) => {
    const problem = settingsProblem(settings, stream, prepare, store.log.head)
    if (problem !== undefined) throw groupFailedError(stream, group, problem)
  }
  return [
    [
      `${service}/Create`,
      operatorHandler(async (request, by) => {
        const { stream, group, settings, prepare } = readGroupSettingsRequest(request)
        if (stream === '' || group === '')
          throw invalidArgumentError('A persistent subscription needs a stream and a group')
        if (settings.filter) compileFilter(store.log, settings.filter)
        if (consumerGroups.find(stream, group)) throw groupExistsError(stream, group)
        assertValid(stream, group, settings, prepare)
        if (!(await consumerGroups.create(stream, group, settings, by))) throw groupExistsError(stream, group)
        return EMPTY
      }),
    ],
    [
      `${service}/Update`,
      operatorHandler(async (request, by) => {
        const asked = readGroupSettingsRequest(request)
        const found = groupNamed(asked)
        assertValid(asked.stream, asked.group, asked.settings, asked.prepare)
        // A filter cannot be changed, and clients do not send it in an update.
        await consumerGroups.update(found, ({ filter }) => ({ ...asked.settings, filter }), by)
        return EMPTY
      }),
    ],
    [
      `${service}/Delete`,
      operatorHandler(async (request, by) => {
        await consumerGroups.delete(groupNamed(readDeleteGroupRequest(request)), by)
        return EMPTY
      }),
    ],
    [`${service}/GetInfo`, operatorHandler((request) => info([groupNamed(readGetInfoRequest(request))]))],
    [
      `${service}/List`,
      operatorHandler((request) => {
        const stream = readListGroupsRequest(request)
        const groups = consumerGroups.list(stream)
        if (stream !== undefined && groups.length === 0) throw groupNotFoundError(stream, '')
        return info(groups)
      }),
    ],
    [
      `${service}/ReplayParked`,
      operatorHandler((request) => {
        const asked = readReplayParkedRequest(request)
        groupNamed(asked).replayParked(asked.stopAt)
        return EMPTY
      }),
    ],
    [
      `${service}/RestartSubsystem`,
      operatorHandler(() => {
        consumerGroups.restart()
        return EMPTY
      }),
    ],
    [`${service}/Read`, (call) => read(store, consumerGroups, call)],
  ]
}

function read(store: ServiceContext, consumerGroups: ConsumerGroups, call: GrpcCall): void {
  store.assertLeads()
  const identity = store.identify(call)
  let joined: { group: ConsumerGroup; consumer: GroupConsumer } | undefined
  call.onMessage = (bytes) => {
    const message = readConsumerMessage(bytes)
    if (message.kind === 'options') {
      if (joined) throw invalidArgumentError('This call has joined a group already')
      const { stream, group: name } = message.name
      const group = consumerGroups.find(stream, name)
      if (!group) throw groupNotFoundError(stream, name)
      store.assertMayRead(identity, stream)
      if (group.isFull) throw maximumSubscribersReachedError(stream, name)
      const consumer = consumerOf(call, identity, message.slots, message.structuredIds, () =>
        call.fail(groupDroppedError(stream, name)),
      )
      joined = { group, consumer }
      call.onClose(() => group.leave(consumer))
      call.write(frameMessage(groupConfirmation(`${stream}::${name}`)))
      group.join(consumer)
    } else if (!joined) throw invalidArgumentError('The first message must name the group')
    else if (message.kind === 'ack') joined.group.ack(joined.consumer, message.ids)
    else joined.group.nack(joined.consumer, message.ids, message.action, message.reason)
  }
  call.onRequestsEnded = () => {
    if (joined) joined.group.leave(joined.consumer)
    call.end()
  }
}

function consumerOf(
  call: GrpcCall,
  identity: CallerIdentity,
  slots: number,
  structuredIds: boolean,
  drop: () => void,
): GroupConsumer {
  const responses = new ReadResponseBuffer(structuredIds)
  return {
    id: randomUUID(),
    from: call.peer,
    username: identity.name,
    connectionName: String(call.headers['connection-name'] ?? ''),
    slots: Math.min(Math.max(1, slots), MAX_SLOTS),
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

function info(groups: readonly ConsumerGroup[]): Buffer {
  const writer = new ProtobufWriter(1024)
  for (const group of groups) writeGroupInfo(writer, 1, infoOf(group))
  return writer.finish()
}

function infoOf(group: ConsumerGroup): GroupInfo {
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

function connectionOf(consumer: GroupConsumer, extraStatistics: boolean): ConsumerInfo {
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

const trailersOf = (exception: string, stream: string, group: string) => ({
  exception,
  'stream-name': stream,
  'group-name': group,
})

const groupNotFoundError = (stream: string, group: string) =>
  new RpcError(
    StatusCode.NOT_FOUND,
    `Subscription group ${group} on stream ${stream} does not exist.`,
    trailersOf('persistent-subscription-does-not-exist', stream, group),
  )

const groupExistsError = (stream: string, group: string) =>
  new RpcError(
    StatusCode.ALREADY_EXISTS,
    `Subscription group ${group} on stream ${stream} exists.`,
    trailersOf('persistent-subscription-exists', stream, group),
  )

const groupFailedError = (stream: string, group: string, reason: string) =>
  new RpcError(StatusCode.INTERNAL, `Subscription group ${group} on stream ${stream} failed: '${reason}'`, {
    ...trailersOf('persistent-subscription-failed', stream, group),
    reason,
  })

const maximumSubscribersReachedError = (stream: string, group: string) =>
  new RpcError(
    StatusCode.FAILED_PRECONDITION,
    `Maximum subscriptions reached for subscription group ${group} on stream ${stream}.`,
    trailersOf('maximum-subscribers-reached', stream, group),
  )

const groupDroppedError = (stream: string, group: string) =>
  new RpcError(
    StatusCode.CANCELLED,
    `Subscription group ${group} on stream ${stream} was dropped.`,
    trailersOf('persistent-subscription-dropped', stream, group),
  )
