/** The messages of `event_store.client.persistent_subscriptions.PersistentSubscriptions`. */
import type { NackAction } from './consumer-group.ts'
import type { GroupSettings, ConsumerStrategyName } from './group-settings.ts'
import { CONSUMER_STRATEGIES } from './group-settings.ts'
import { ProtobufReader, ProtobufWriter } from '../../wire/protobuf.ts'
import { readBothPositions, readStreamIdentifier, readUuid, readUuidFormat } from '../../wire/common-messages.ts'
import { readFilter } from '../../services/stream-requests.ts'

export interface GroupName {
  /** `$all` or the name of a stream. */
  stream: string
  group: string
}

export const DEFAULT_GROUP_SETTINGS: GroupSettings = {
  resolveLinks: false,
  startFrom: 'start',
  extraStatistics: false,
  messageTimeout: 30_000,
  maxRetryCount: 10,
  checkpointAfter: 2000,
  minCheckpointCount: 10,
  maxCheckpointCount: 1000,
  maxSubscriberCount: 0,
  liveBufferSize: 500,
  readBatchSize: 20,
  historyBufferSize: 500,
  strategy: 'RoundRobin',
  filter: undefined,
}

const TICKS_PER_MILLISECOND = 10_000n

/** Fields of the request's one `options` message. */
function eachOption(request: Buffer, read: (field: number, options: ProtobufReader) => void): void {
  const outer = new ProtobufReader(request)
  for (let field = outer.next(); field !== 0; field = outer.next()) {
    if (field !== 1) {
      outer.skip()
      continue
    }
    const options = outer.message()
    for (let option = options.next(); option !== 0; option = options.next()) read(option, options)
  }
}

/** Create and Update have the same fields. */
export function readGroupSettingsRequest(
  request: Buffer,
): GroupName & { settings: GroupSettings; prepare: bigint | undefined } {
  const asked: GroupName = { stream: '', group: '' }
  let settings = { ...DEFAULT_GROUP_SETTINGS }
  let startFrom: GroupSettings['startFrom'] | undefined
  let filter: GroupSettings['filter']
  let prepare: bigint | undefined
  eachOption(request, (field, options) => {
    if (field === 1) asked.stream = readStreamIdentifier(options.message())
    else if (field === 2) asked.group = options.string()
    else if (field === 3) settings = readSettings(options.message())
    else if (field === 4) {
      const stream = options.message()
      for (let part = stream.next(); part !== 0; part = stream.next()) {
        if (part === 1) asked.stream = readStreamIdentifier(stream.message())
        else if (part === 2) startFrom = stream.uint64()
        else {
          startFrom = part === 3 ? 'start' : 'end'
          stream.skip()
        }
      }
    } else if (field === 5) {
      asked.stream = '$all'
      const all = options.message()
      for (let part = all.next(); part !== 0; part = all.next()) {
        if (part === 1) ({ commit: startFrom, prepare } = readBothPositions(all.message()))
        else if (part === 4) {
          const { on, prefixes, regex } = readFilter(all.message())
          filter = { on, prefixes, regex }
        } else {
          if (part === 2) startFrom = 'start'
          if (part === 3) startFrom = 'end'
          all.skip()
        }
      }
    } else options.skip()
  })
  return { ...asked, settings: { ...settings, startFrom: startFrom ?? settings.startFrom, filter }, prepare }
}

const END_OF_STREAM = 18446744073709551615n

function readSettings(reader: ProtobufReader): GroupSettings {
  const settings: GroupSettings = {
    ...DEFAULT_GROUP_SETTINGS,
    maxRetryCount: 0,
    minCheckpointCount: 0,
    maxCheckpointCount: 0,
  }
  settings.strategy = 'DispatchToSingle' // enum value 0, which clients do not send
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) settings.resolveLinks = reader.bool()
    else if (field === 2) {
      const revision = reader.uint64()
      settings.startFrom = revision === 0n ? 'start' : revision === END_OF_STREAM ? 'end' : revision
    } else if (field === 3) settings.extraStatistics = reader.bool()
    else if (field === 4) settings.messageTimeout = Number(reader.int64() / TICKS_PER_MILLISECOND)
    else if (field === 5) settings.maxRetryCount = reader.int32()
    else if (field === 6) settings.checkpointAfter = Number(reader.int64() / TICKS_PER_MILLISECOND)
    else if (field === 7) settings.minCheckpointCount = reader.int32()
    else if (field === 8) settings.maxCheckpointCount = reader.int32()
    else if (field === 9) settings.maxSubscriberCount = reader.int32()
    else if (field === 10) settings.liveBufferSize = reader.int32()
    else if (field === 11) settings.readBatchSize = reader.int32()
    else if (field === 12) settings.historyBufferSize = reader.int32()
    else if (field === 13) settings.strategy = CONSUMER_STRATEGIES[reader.uint()] ?? 'RoundRobin'
    else if (field === 14) settings.messageTimeout = reader.int32()
    else if (field === 15) settings.checkpointAfter = reader.int32()
    else if (field === 16) {
      const name = reader.string()
      settings.strategy = (CONSUMER_STRATEGIES as readonly string[]).includes(name)
        ? (name as ConsumerStrategyName)
        : settings.strategy
    } else reader.skip()
  }
  return settings
}

/** Delete: { stream 1, group 2, all 3 }. */
export function readDeleteGroupRequest(request: Buffer): GroupName {
  return readName(request, { stream: 1, group: 2, all: 3 })
}

/** GetInfo: { stream 1, all 2, group 3 }. */
export function readGetInfoRequest(request: Buffer): GroupName {
  return readName(request, { stream: 1, group: 3, all: 2 })
}

function readName(request: Buffer, fields: { stream: number; group: number; all: number }): GroupName {
  const asked: GroupName = { stream: '', group: '' }
  eachOption(request, (field, options) => {
    if (field === fields.stream) asked.stream = readStreamIdentifier(options.message())
    else if (field === fields.group) asked.group = options.string()
    else {
      if (field === fields.all) asked.stream = '$all'
      options.skip()
    }
  })
  return asked
}

export function readReplayParkedRequest(request: Buffer): GroupName & { stopAt: bigint | undefined } {
  const asked = { stream: '', group: '', stopAt: undefined as bigint | undefined }
  eachOption(request, (field, options) => {
    if (field === 1) asked.group = options.string()
    else if (field === 2) asked.stream = readStreamIdentifier(options.message())
    else if (field === 4) asked.stopAt = options.int64()
    else {
      if (field === 3) asked.stream = '$all'
      options.skip()
    }
  })
  return asked
}

/** The stream whose groups are listed; undefined: those of all streams. */
export function readListGroupsRequest(request: Buffer): string | undefined {
  let stream: string | undefined
  eachOption(request, (field, options) => {
    if (field !== 2) return options.skip()
    const wanted = options.message()
    for (let part = wanted.next(); part !== 0; part = wanted.next()) {
      if (part === 1) stream = readStreamIdentifier(wanted.message())
      else {
        if (part === 2) stream = '$all'
        wanted.skip()
      }
    }
  })
  return stream
}

export type ConsumerMessage =
  | { kind: 'options'; name: GroupName; slots: number; structuredIds: boolean }
  | { kind: 'ack'; ids: string[] }
  | { kind: 'nack'; ids: string[]; action: NackAction; reason: string }

const ACTIONS: readonly NackAction[] = ['retry', 'park', 'retry', 'skip', 'stop']

export function readConsumerMessage(buffer: Buffer): ConsumerMessage {
  const reader = new ProtobufReader(buffer)
  const field = reader.next()
  const message = reader.message()
  if (field === 1) {
    const options = { kind: 'options' as const, name: { stream: '', group: '' }, slots: 10, structuredIds: true }
    for (let part = message.next(); part !== 0; part = message.next()) {
      if (part === 1) options.name.stream = readStreamIdentifier(message.message())
      else if (part === 2) options.name.group = message.string()
      else if (part === 3) options.slots = message.int32()
      else if (part === 4) options.structuredIds = readUuidFormat(message.message()) === 'structured'
      else {
        if (part === 5) options.name.stream = '$all'
        message.skip()
      }
    }
    return options
  }
  const ids: string[] = []
  let action: NackAction = 'retry'
  let reason = ''
  for (let part = message.next(); part !== 0; part = message.next()) {
    if (part === 2) ids.push(readUuid(message.message()))
    else if (part === 3) action = ACTIONS[message.uint()] ?? 'retry'
    else if (part === 4) reason = message.string()
    else message.skip()
  }
  return field === 2 ? { kind: 'ack', ids } : { kind: 'nack', ids, action, reason }
}

export function groupConfirmation(id: string): Buffer {
  return new ProtobufWriter().message(2, (confirmed) => confirmed.string(1, id)).finish()
}

export interface ConsumerInfo {
  from: string
  username: string
  connectionName: string
  averagePerSecond: number
  totalItems: bigint
  countSinceLastMeasurement: bigint
  measurements: readonly [key: string, value: number][]
  availableSlots: number
  inFlight: number
}

export interface GroupInfo {
  stream: string
  group: string
  status: string
  connections: readonly ConsumerInfo[]
  averagePerSecond: number
  totalItems: bigint
  countSinceLastMeasurement: bigint
  /** Revisions and positions in EventStoreDB's text form; empty without a checkpoint. */
  lastCheckpointed: string
  lastKnown: string
  startFrom: string
  settings: GroupSettings
  readBuffer: number
  retryBuffer: number
  inFlight: number
  outstanding: number
  parked: bigint
}

export function writeGroupInfo(writer: ProtobufWriter, field: number, info: GroupInfo): void {
  const { settings } = info
  writer.message(field, (body) => {
    body.string(1, info.stream).string(2, info.group).string(3, info.status)
    for (const connection of info.connections)
      body.message(4, (one) => {
        one.string(1, connection.from).string(2, connection.username).int32(3, connection.averagePerSecond)
        one.uint64(4, connection.totalItems).uint64(5, connection.countSinceLastMeasurement)
        for (const [key, value] of connection.measurements)
          one.message(6, (measurement) => measurement.string(1, key).uint64(2, BigInt(Math.round(value))))
        one.int32(7, connection.availableSlots).int32(8, connection.inFlight).string(9, connection.connectionName)
      })
    body.int32(5, info.averagePerSecond).uint64(6, info.totalItems).uint64(7, info.countSinceLastMeasurement)
    body.string(8, info.lastCheckpointed).string(9, info.lastKnown)
    body.bool(10, settings.resolveLinks).string(11, info.startFrom).int32(12, settings.messageTimeout)
    body.bool(13, settings.extraStatistics).int32(14, settings.maxRetryCount).int32(15, settings.liveBufferSize)
    body.int32(16, settings.historyBufferSize).int32(17, settings.readBatchSize).int32(18, settings.checkpointAfter)
    body.int32(19, settings.minCheckpointCount).int32(20, settings.maxCheckpointCount)
    body.int32(21, info.readBuffer).uint64(22, 0n).int32(23, info.retryBuffer)
    body.int32(24, info.inFlight).int32(25, info.outstanding)
    body.string(26, settings.strategy).int32(27, settings.maxSubscriberCount).uint64(28, info.parked)
  })
}
