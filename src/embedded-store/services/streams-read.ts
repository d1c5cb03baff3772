/** `Streams.Read`: reads in both directions, and catch-up subscriptions, which are reads that wait at the end. */
import { randomUUID } from 'node:crypto'
import type { GrpcCall, GrpcHandler } from '../grpc/grpc-server.ts'
import { frameMessage, serverStreamingHandler } from '../grpc/grpc-server.ts'
import { StatusCode, RpcError, invalidArgumentError, streamDeletedError } from '../grpc/status.ts'
import { isCorruption } from '../storage/database.ts'
import type { EventLog, EventPage, PageLimit } from '../storage/event-log.ts'
import { isSoftDeleted } from '../storage/event-log.ts'
import { CompiledFilter, UnsupportedPattern } from '../storage/filter.ts'
import { INT64_MAX, clampToInt64, ordinalOf, positionOf } from '../storage/position.ts'
import type { EventRecord } from '../storage/event-record.ts'
import { DamagedEvent } from '../storage/event-record.ts'
import type { EventFilter } from '../storage/filter.ts'
import type { ReadRequest } from './stream-requests.ts'
import { readReadRequest } from './stream-requests.ts'
import {
  ReadResponseBuffer,
  caughtUpResponse,
  confirmationResponse,
  streamNotFoundResponse,
} from './stream-responses.ts'
import type { EncodedBlock } from './all-block-cache.ts'
import { AllBlockCache, BLOCK_EVENTS } from './all-block-cache.ts'
import type { ServiceContext } from './service-context.ts'

export function streamReadHandlers(store: ServiceContext): [path: string, handler: GrpcHandler][] {
  const blocks = new AllBlockCache(store.log)
  return [
    [
      '/event_store.client.streams.Streams/Read',
      serverStreamingHandler((request, call) => read(store, blocks, call, readReadRequest(request))),
    ],
  ]
}

async function read(
  store: ServiceContext,
  allBlocks: AllBlockCache,
  call: GrpcCall,
  request: ReadRequest,
): Promise<void> {
  const identity = store.identify(call)
  if (request.stream === '') throw invalidArgumentError('The stream name is empty')
  store.assertMayRead(identity, request.stream ?? '$all')
  if (request.count === undefined || call.headers['requires-leader'] === 'true') store.assertLeads()
  if (request.count === undefined && request.backwards)
    throw invalidArgumentError('A subscription cannot run backwards')
  if (request.filter && request.stream !== undefined) throw invalidArgumentError('Only $all can be filtered')
  const takesBlocks = !request.backwards && !request.filter && !request.resolveLinks && !request.structuredIds
  const blocks = takesBlocks ? allBlocks : undefined
  try {
    if (request.count === undefined) {
      if (request.stream === undefined) await subscribeToAll(store.log, blocks, call, request)
      else await subscribeToStream(store.log, call, request, request.stream)
    } else if (request.stream === undefined) await readAll(store.log, blocks, call, request, request.count)
    else await readStream(store.log, call, request, request.stream, request.count)
  } catch (error) {
    if (error instanceof DamagedEvent || isCorruption(error))
      throw new RpcError(StatusCode.DATA_LOSS, (error as Error).message)
    throw error
  }
}

async function readStream(
  log: EventLog,
  call: GrpcCall,
  request: ReadRequest,
  name: string,
  count: bigint,
): Promise<void> {
  const state = log.stream(name)
  if (state?.tombstoned) throw streamDeletedError(name)
  if (!state || state.lastRevision < 0n || isSoftDeleted(state))
    return call.end(frameMessage(streamNotFoundResponse(name)))
  const from = request.from === 'start' ? 0n : request.from === 'end' ? state.lastRevision : clampToInt64(request.from)
  await sendPages(log, call, request, count, from, (cursor, size) =>
    request.backwards ? log.streamBackwards(name, state, cursor, size) : log.streamForwards(name, state, cursor, size),
  )
}

async function readAll(
  log: EventLog,
  blocks: AllBlockCache | undefined,
  call: GrpcCall,
  request: ReadRequest,
  count: bigint,
): Promise<void> {
  const end = INT64_MAX
  const from = request.from === 'start' ? 0n : request.from === 'end' ? end : clampToInt64(request.from)
  const filter = request.filter && compileFilter(log, request.filter)
  const pageFrom = (cursor: bigint, size: PageLimit) => {
    if (request.backwards) return filter ? log.filteredBackwards(filter, cursor, size) : log.allBackwards(cursor, size)
    return filter ? log.filteredForwards(filter, cursor, size) : allForwards(log, blocks, cursor, size)
  }
  await sendPages(log, call, request, count, from, pageFrom, (cursor) => blocks?.blockStartingAt(cursor))
}

/**
 * Page of a read. Clients extend their flow-control window every fifty events or so, and the store cannot receive that while it
 * reads from the file. So it reads short pages, sends when enough bytes are collected, and reads ahead of the client up to a
 * bound.
 */
const READ_PAGE: PageLimit = { events: 32, bytes: 64 * 1024 }
const MIN_WRITE_BYTES = 64 * 1024
const MAX_BUFFERED_BYTES = 512 * 1024

/** Reads a page that ends before the next block starts, so that the block can be taken from the cache. */
function allForwards(
  log: EventLog,
  blocks: AllBlockCache | undefined,
  cursor: bigint,
  size: PageLimit,
): EventPage<bigint> {
  return log.allForwards(
    cursor,
    blocks ? { ...size, events: Math.min(size.events, blocks.remainingInBlock(cursor)) } : size,
  )
}

async function sendPages(
  log: EventLog,
  call: GrpcCall,
  request: ReadRequest,
  count: bigint,
  from: bigint,
  pageFrom: (cursor: bigint, size: PageLimit) => EventPage<bigint>,
  blockFrom: (cursor: bigint) => EncodedBlock | undefined = () => undefined,
): Promise<void> {
  const responses = new ReadResponseBuffer(request.structuredIds)
  let remaining = count
  let cursor: bigint | undefined = from
  while (cursor !== undefined && remaining > 0n && !call.closed) {
    const block: EncodedBlock | undefined = remaining >= BLOCK_EVENTS ? blockFrom(cursor) : undefined
    if (block) {
      remaining -= BigInt(BLOCK_EVENTS)
      cursor = block.next
      await sendBlock(call, responses, block)
      continue
    }
    const page: EventPage<bigint> = pageFrom(
      cursor,
      remaining < READ_PAGE.events ? { ...READ_PAGE, events: Number(remaining) } : READ_PAGE,
    )
    for (const event of page.events) responses.event(resolve(log, event, request.resolveLinks))
    remaining -= BigInt(page.events.length)
    cursor = page.next
    if (cursor === undefined || remaining === 0n) return call.end(responses.take())
    await send(call, responses, page)
  }
  call.end()
}

/** Sends the collected responses when they are worth a write. */
async function send(call: GrpcCall, responses: ReadResponseBuffer, page: EventPage<bigint>): Promise<void> {
  const moreAtOnce = page.next !== undefined && page.events.length === READ_PAGE.events
  if (responses.length >= (moreAtOnce ? MIN_WRITE_BYTES : 1)) call.write(responses.take())
  await yieldToOthers(call)
}

async function sendBlock(call: GrpcCall, before: ReadResponseBuffer, block: EncodedBlock): Promise<void> {
  if (before.length > 0) call.write(before.take())
  call.write(block.framed)
  await yieldToOthers(call)
}

/** Waits while the caller is far behind, and lets other calls run. */
async function yieldToOthers(call: GrpcCall): Promise<void> {
  if (call.bufferedBytes >= MAX_BUFFERED_BYTES) await call.drainedTo(MAX_BUFFERED_BYTES / 2)
  await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Wakes a subscription that waits at the end of the log. A commit while it is not waiting makes the next wait return at once. */
class CommitSignal {
  private resolveWait: (() => void) | undefined
  private notified = false

  notify(): void {
    this.notified = true
    this.resolveWait?.()
  }

  async wait(): Promise<void> {
    if (!this.notified) await new Promise<void>((resolve) => (this.resolveWait = resolve))
    this.resolveWait = undefined
    this.notified = false
  }
}

async function subscribeToStream(log: EventLog, call: GrpcCall, request: ReadRequest, name: string): Promise<void> {
  let state = log.stream(name)
  if (state?.tombstoned) throw streamDeletedError(name)
  // A subscription starts after the revision that it names.
  let cursor =
    request.from === 'start'
      ? 0n
      : request.from === 'end'
        ? (state?.lastRevision ?? -1n) + 1n
        : clampToInt64(request.from + 1n)
  const bell = new CommitSignal()
  const stop = log.onCommit((streams) => {
    if (!state || streams.has(state.id)) bell.notify()
  })
  call.onClose(() => {
    stop()
    bell.notify()
  })
  call.write(frameMessage(confirmationResponse(randomUUID())))
  const responses = new ReadResponseBuffer(request.structuredIds)
  let isLive = false
  while (!call.closed) {
    state = log.stream(name)
    if (state?.tombstoned) throw streamDeletedError(name)
    const page =
      state && !isSoftDeleted(state)
        ? log.streamForwards(name, state, cursor, READ_PAGE)
        : { events: [], next: undefined }
    for (const event of page.events) responses.event(resolve(log, event, request.resolveLinks))
    if (page.events.length > 0) cursor = page.events.at(-1)!.revision + 1n
    if (page.next === undefined && !isLive) {
      isLive = true
      responses.encoded(caughtUpResponse())
    }
    await send(call, responses, page)
    if (page.next === undefined) await bell.wait()
  }
}

async function subscribeToAll(
  log: EventLog,
  blocks: AllBlockCache | undefined,
  call: GrpcCall,
  request: ReadRequest,
): Promise<void> {
  const filter = request.filter && compileFilter(log, request.filter)
  let cursor = request.from === 'start' ? 0n : request.from === 'end' ? log.head + 1n : clampToInt64(request.from + 1n)
  const bell = new CommitSignal()
  const stop = log.onCommit(() => bell.notify())
  call.onClose(() => {
    stop()
    bell.notify()
  })
  call.write(frameMessage(confirmationResponse(randomUUID())))
  const responses = new ReadResponseBuffer(request.structuredIds)
  const checkpoints = request.filter && new FilterCheckpoints(request.filter.checkpointEvery, cursor)
  let isLive = false
  while (!call.closed) {
    const block = blocks?.blockStartingAt(cursor)
    if (block) {
      cursor = block.next
      await sendBlock(call, responses, block)
      continue
    }
    const head = log.head
    const page = filter ? log.filteredForwards(filter, cursor, READ_PAGE) : allForwards(log, blocks, cursor, READ_PAGE)
    for (const event of page.events) {
      checkpoints?.considered(event.position - 1n, responses)
      responses.event(resolve(log, event, request.resolveLinks))
      checkpoints?.considered(event.position, responses)
    }
    const consideredUpTo = page.next === undefined ? head : page.next - 1n
    if (consideredUpTo >= cursor) {
      checkpoints?.considered(consideredUpTo, responses)
      cursor = consideredUpTo + 1n
    }
    if (page.next === undefined && !isLive) {
      isLive = true
      responses.encoded(caughtUpResponse())
    }
    await send(call, responses, page)
    if (page.next === undefined) await bell.wait()
  }
}

/** If one page passes more checkpoints than this, only the last is sent. */
const MAX_CHECKPOINTS_PER_PAGE = 256n

/** Sends the checkpoints of a filtered subscription: every so many examined events, whether or not they match. */
class FilterCheckpoints {
  private readonly every: bigint
  private readonly origin: bigint
  private sent = 0n

  constructor(every: number, from: bigint) {
    this.every = BigInt(every)
    this.origin = ordinalOf(from === 0n ? 0n : from - 1n)
  }

  /** To be called when all events up to and including this position have been examined. */
  considered(position: bigint, responses: ReadResponseBuffer): void {
    const due = (ordinalOf(position) - this.origin) / this.every
    if (due - this.sent > MAX_CHECKPOINTS_PER_PAGE) this.sent = due - 1n
    while (this.sent < due) responses.checkpoint(positionOf(this.origin + ++this.sent * this.every))
  }
}

function resolve(
  log: EventLog,
  event: EventRecord,
  resolveLinks: boolean,
): { event: EventRecord | undefined; link: EventRecord | undefined } {
  if (!resolveLinks || !log.isLink(event)) return { event, link: undefined }
  return { event: log.resolveLink(event), link: event }
}

export function compileFilter(log: EventLog, filter: EventFilter): CompiledFilter {
  try {
    return new CompiledFilter(log, filter)
  } catch (error) {
    if (error instanceof UnsupportedPattern)
      throw invalidArgumentError(`The filter's pattern cannot be run: ${error.message}`)
    throw error
  }
}
