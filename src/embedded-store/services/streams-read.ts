/** `Streams.Read`: reads in both directions and subscriptions, which are reads that wait at the end. */
import { randomUUID } from 'node:crypto'
import type { Call, Handler } from '../grpc/grpc-server.ts'
import { frame, serverStreaming } from '../grpc/grpc-server.ts'
import { Code, RpcError, invalidArgument, streamDeleted } from '../grpc/status.ts'
import { isCorruption } from '../storage/database.ts'
import type { EventLog, Page, PageSize } from '../storage/event-log.ts'
import { isSoftDeleted } from '../storage/event-log.ts'
import { CompiledFilter, UnsupportedPattern } from '../storage/filter.ts'
import { INT64_MAX, clampToInt64, ordinalOf, positionOf } from '../storage/position.ts'
import type { StoredEvent } from '../storage/log-record.ts'
import { DamagedEvent } from '../storage/log-record.ts'
import type { Filter } from '../storage/filter.ts'
import type { ReadRequest } from './stream-requests.ts'
import { readReadRequest } from './stream-requests.ts'
import { ReadResponses, caughtUp, confirmation, streamNotFound } from './stream-responses.ts'
import type { Block } from './all-block-cache.ts'
import { AllBlocks, BLOCK_EVENTS } from './all-block-cache.ts'
import type { Store } from './service-context.ts'

export function streamReadHandlers(store: Store): [path: string, handler: Handler][] {
  const blocks = new AllBlocks(store.log)
  return [
    [
      '/event_store.client.streams.Streams/Read',
      serverStreaming((request, call) => read(store, blocks, call, readReadRequest(request))),
    ],
  ]
}

async function read(store: Store, allBlocks: AllBlocks, call: Call, request: ReadRequest): Promise<void> {
  const identity = store.identify(call)
  if (request.stream === '') throw invalidArgument('The stream name is empty')
  store.assertMayRead(identity, request.stream ?? '$all')
  if (request.count === undefined || call.headers['requires-leader'] === 'true') store.assertLeads()
  if (request.count === undefined && request.backwards) throw invalidArgument('A subscription cannot run backwards')
  if (request.filter && request.stream !== undefined) throw invalidArgument('Only $all can be filtered')
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
      throw new RpcError(Code.DATA_LOSS, (error as Error).message)
    throw error
  }
}

async function readStream(log: EventLog, call: Call, request: ReadRequest, name: string, count: bigint): Promise<void> {
  const state = log.stream(name)
  if (state?.tombstoned) throw streamDeleted(name)
  if (!state || state.lastRevision < 0n || isSoftDeleted(state)) return call.end(frame(streamNotFound(name)))
  const from = request.from === 'start' ? 0n : request.from === 'end' ? state.lastRevision : clampToInt64(request.from)
  await sendPages(log, call, request, count, from, (cursor, size) =>
    request.backwards ? log.streamBackwards(name, state, cursor, size) : log.streamForwards(name, state, cursor, size),
  )
}

async function readAll(
  log: EventLog,
  blocks: AllBlocks | undefined,
  call: Call,
  request: ReadRequest,
  count: bigint,
): Promise<void> {
  const end = INT64_MAX
  const from = request.from === 'start' ? 0n : request.from === 'end' ? end : clampToInt64(request.from)
  const filter = request.filter && compile(log, request.filter)
  const pageFrom = (cursor: bigint, size: PageSize) => {
    if (request.backwards) return filter ? log.filteredBackwards(filter, cursor, size) : log.allBackwards(cursor, size)
    return filter ? log.filteredForwards(filter, cursor, size) : allForwards(log, blocks, cursor, size)
  }
  await sendPages(log, call, request, count, from, pageFrom, (cursor) => blocks?.beginningAt(cursor))
}

/**
 * A reader says again and again how much more it takes, some fifty events each time; while the store reads from the file, nobody
 * hears it. So the store reads in short steps, sends when enough has come together, and stays well ahead of the reader.
 */
const STEP: PageSize = { events: 32, bytes: 64 * 1024 }
const WORTH_SENDING = 64 * 1024
const AHEAD = 512 * 1024

/** No further than to where the next block begins. */
function allForwards(log: EventLog, blocks: AllBlocks | undefined, cursor: bigint, size: PageSize): Page<bigint> {
  return log.allForwards(cursor, blocks ? { ...size, events: Math.min(size.events, blocks.toGo(cursor)) } : size)
}

async function sendPages(
  log: EventLog,
  call: Call,
  request: ReadRequest,
  count: bigint,
  from: bigint,
  pageFrom: (cursor: bigint, size: PageSize) => Page<bigint>,
  blockFrom: (cursor: bigint) => Block | undefined = () => undefined,
): Promise<void> {
  const responses = new ReadResponses(request.structuredIds)
  let remaining = count
  let cursor: bigint | undefined = from
  while (cursor !== undefined && remaining > 0n && !call.closed) {
    const block: Block | undefined = remaining >= BLOCK_EVENTS ? blockFrom(cursor) : undefined
    if (block) {
      remaining -= BigInt(BLOCK_EVENTS)
      cursor = block.next
      await sendBlock(call, responses, block)
      continue
    }
    const page: Page<bigint> = pageFrom(cursor, remaining < STEP.events ? { ...STEP, events: Number(remaining) } : STEP)
    for (const event of page.events) responses.event(resolve(log, event, request.resolveLinks))
    remaining -= BigInt(page.events.length)
    cursor = page.next
    if (cursor === undefined || remaining === 0n) return call.end(responses.take())
    await send(call, responses, page)
  }
  call.end()
}

/** Sends what has come together. */
async function send(call: Call, responses: ReadResponses, page: Page<bigint>): Promise<void> {
  const moreAtOnce = page.next !== undefined && page.events.length === STEP.events
  if (responses.length >= (moreAtOnce ? WORTH_SENDING : 1)) call.write(responses.take())
  await takeTurns(call)
}

async function sendBlock(call: Call, before: ReadResponses, block: Block): Promise<void> {
  if (before.length > 0) call.write(before.take())
  call.write(block.framed)
  await takeTurns(call)
}

/** Waits for a reader who is far behind, and gives others their turn. */
async function takeTurns(call: Call): Promise<void> {
  if (call.waiting >= AHEAD) await call.hasTaken(AHEAD / 2)
  await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Wakes a sleeping subscription; news that come while it is awake are kept for it. */
class Bell {
  private ring: (() => void) | undefined
  private rung = false

  wake(): void {
    this.rung = true
    this.ring?.()
  }

  async rings(): Promise<void> {
    if (!this.rung) await new Promise<void>((resolve) => (this.ring = resolve))
    this.ring = undefined
    this.rung = false
  }
}

async function subscribeToStream(log: EventLog, call: Call, request: ReadRequest, name: string): Promise<void> {
  let state = log.stream(name)
  if (state?.tombstoned) throw streamDeleted(name)
  // A subscription begins after what it names.
  let cursor =
    request.from === 'start'
      ? 0n
      : request.from === 'end'
        ? (state?.lastRevision ?? -1n) + 1n
        : clampToInt64(request.from + 1n)
  const bell = new Bell()
  const stop = log.onAdvance((streams) => {
    if (!state || streams.has(state.id)) bell.wake()
  })
  call.onClose(() => {
    stop()
    bell.wake()
  })
  call.write(frame(confirmation(randomUUID())))
  const responses = new ReadResponses(request.structuredIds)
  let isLive = false
  while (!call.closed) {
    state = log.stream(name)
    if (state?.tombstoned) throw streamDeleted(name)
    const page =
      state && !isSoftDeleted(state) ? log.streamForwards(name, state, cursor, STEP) : { events: [], next: undefined }
    for (const event of page.events) responses.event(resolve(log, event, request.resolveLinks))
    if (page.events.length > 0) cursor = page.events.at(-1)!.revision + 1n
    if (page.next === undefined && !isLive) {
      isLive = true
      responses.whole(caughtUp())
    }
    await send(call, responses, page)
    if (page.next === undefined) await bell.rings()
  }
}

async function subscribeToAll(
  log: EventLog,
  blocks: AllBlocks | undefined,
  call: Call,
  request: ReadRequest,
): Promise<void> {
  const filter = request.filter && compile(log, request.filter)
  let cursor = request.from === 'start' ? 0n : request.from === 'end' ? log.head + 1n : clampToInt64(request.from + 1n)
  const bell = new Bell()
  const stop = log.onAdvance(() => bell.wake())
  call.onClose(() => {
    stop()
    bell.wake()
  })
  call.write(frame(confirmation(randomUUID())))
  const responses = new ReadResponses(request.structuredIds)
  const checkpoints = request.filter && new Checkpoints(request.filter.checkpointEvery, cursor)
  let isLive = false
  while (!call.closed) {
    const block = blocks?.beginningAt(cursor)
    if (block) {
      cursor = block.next
      await sendBlock(call, responses, block)
      continue
    }
    const head = log.head
    const page = filter ? log.filteredForwards(filter, cursor, STEP) : allForwards(log, blocks, cursor, STEP)
    for (const event of page.events) {
      checkpoints?.passed(event.position - 1n, responses)
      responses.event(resolve(log, event, request.resolveLinks))
      checkpoints?.passed(event.position, responses)
    }
    const consideredUpTo = page.next === undefined ? head : page.next - 1n
    if (consideredUpTo >= cursor) {
      checkpoints?.passed(consideredUpTo, responses)
      cursor = consideredUpTo + 1n
    }
    if (page.next === undefined && !isLive) {
      isLive = true
      responses.whole(caughtUp())
    }
    await send(call, responses, page)
    if (page.next === undefined) await bell.rings()
  }
}

/** Above this many in one stride, only the last checkpoint is worth sending. */
const MOST_CHECKPOINTS_AT_ONCE = 256n

/** Tells a filtered reader how far the log was considered, every so many events, whether they passed or not. */
class Checkpoints {
  private readonly every: bigint
  private readonly origin: bigint
  private sent = 0n

  constructor(every: number, from: bigint) {
    this.every = BigInt(every)
    this.origin = ordinalOf(from === 0n ? 0n : from - 1n)
  }

  /** Everything up to and with this position has been considered. */
  passed(position: bigint, responses: ReadResponses): void {
    const due = (ordinalOf(position) - this.origin) / this.every
    if (due - this.sent > MOST_CHECKPOINTS_AT_ONCE) this.sent = due - 1n
    while (this.sent < due) responses.checkpoint(positionOf(this.origin + ++this.sent * this.every))
  }
}

function resolve(
  log: EventLog,
  event: StoredEvent,
  resolveLinks: boolean,
): { event: StoredEvent | undefined; link: StoredEvent | undefined } {
  if (!resolveLinks || !log.isLink(event)) return { event, link: undefined }
  return { event: log.linked(event), link: event }
}

export function compile(log: EventLog, filter: Filter): CompiledFilter {
  try {
    return new CompiledFilter(log, filter)
  } catch (error) {
    if (error instanceof UnsupportedPattern)
      throw invalidArgument(`The filter's pattern cannot be run: ${error.message}`)
    throw error
  }
}
