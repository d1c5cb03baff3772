/**
 * EventStoreDB's five system projections, which read the log and write links. Links and checkpoint are committed together, so
 * every event is linked exactly once, also after a crash.
 */
import { randomUUID } from 'node:crypto'
import type { Appender } from '../../storage/append.ts'
import { STREAM_DELETED_TYPE, isCorruption } from '../../storage/database.ts'
import type { EventLog } from '../../storage/event-log.ts'
import type { GroupCommit } from '../../storage/group-commit.ts'
import type { ProposedEvent, EventRecord } from '../../storage/event-record.ts'
import { DamagedEvent, decodeBody, eventIdOf } from '../../storage/event-record.ts'

export type SystemProjectionName =
  '$by_category' | '$by_event_type' | '$by_correlation_id' | '$streams' | '$stream_by_category'
export type SystemProjectionState = 'Running' | 'Stopped' | 'Aborted'

interface Link {
  stream: string
  type: '$>' | '$@'
  data: string
}

/** The link that a projection writes for an event of a user's stream; undefined for none. */
const PROJECTIONS: Record<SystemProjectionName, (event: EventRecord) => Link | undefined> = {
  $by_category: (event) => {
    const category = categoryOf(event.stream)
    return category === undefined ? undefined : { stream: `$ce-${category}`, type: '$>', data: targetOf(event) }
  },
  $by_event_type: (event) => ({ stream: `$et-${decodeBody(event.body).type}`, type: '$>', data: targetOf(event) }),
  $by_correlation_id: (event) => {
    const id = correlationIdOf(event)
    return id === undefined ? undefined : { stream: `$bc-${id}`, type: '$>', data: targetOf(event) }
  },
  $streams: (event) => (event.revision === 0n ? { stream: '$streams', type: '$>', data: targetOf(event) } : undefined),
  $stream_by_category: (event) => {
    const category = event.revision === 0n ? categoryOf(event.stream) : undefined
    return category === undefined ? undefined : { stream: `$category-${category}`, type: '$@', data: event.stream }
  },
}

export const SYSTEM_PROJECTION_NAMES = Object.keys(PROJECTIONS) as SystemProjectionName[]

const targetOf = (event: EventRecord) => `${event.revision}@${event.stream}`

function categoryOf(stream: string): string | undefined {
  const dash = stream.indexOf('-')
  return dash > 0 ? stream.slice(0, dash) : undefined
}

/** `$correlationId` of the event's metadata, which need not be JSON. */
function correlationIdOf(event: EventRecord): string | undefined {
  const { metadata } = decodeBody(event.body)
  if (!metadata.includes('"$correlationId"')) return undefined
  try {
    const { $correlationId: id } = JSON.parse(metadata.toString()) as { $correlationId?: unknown }
    return typeof id === 'string' && id !== '' ? id : undefined
  } catch {
    return undefined
  }
}

/** Milliseconds before a committed event is linked, so that events committed shortly after it share the commit. */
const BATCH_DELAY = 100

/** Events processed in one commit, which bounds how long other writes wait. */
const BATCH = { events: 500, bytes: 4 * 1024 * 1024 }

export interface SystemProjectionStatus {
  name: SystemProjectionName
  state: SystemProjectionState | 'Faulted'
  /** Why the projection is faulted; empty when it is not. */
  fault: string
  /** Position of the last event processed. */
  checkpoint: bigint
  processedSinceStart: bigint
  /** Percentage of the log that is processed. */
  progress: number
}

export class SystemProjections {
  private readonly log: EventLog
  private readonly commits: GroupCommit
  private readonly running = new Set<SystemProjectionName>()
  private readonly busy = new Set<SystemProjectionName>()
  /** The errors that stopped running projections. */
  private readonly faults = new Map<SystemProjectionName, string>()
  private readonly processed = new Map<SystemProjectionName, bigint>()
  private readonly stopListening: () => void
  private scheduled: NodeJS.Timeout | undefined

  constructor(log: EventLog, commits: GroupCommit) {
    this.log = log
    this.commits = commits
    this.stopListening = log.onCommit(() => this.schedule())
    this.restart()
  }

  close(): void {
    this.stopListening()
    clearTimeout(this.scheduled)
    this.running.clear()
  }

  status(name: SystemProjectionName): SystemProjectionStatus {
    const { state, checkpoint } = this.stored(name)
    const { head } = this.log
    const progress = head === 0n ? 100 : Number((checkpoint * 10_000n) / head) / 100
    const fault = this.faults.get(name) ?? ''
    return {
      name,
      state: fault ? 'Faulted' : state,
      fault,
      checkpoint,
      processedSinceStart: this.processed.get(name) ?? 0n,
      progress,
    }
  }

  async setState(name: SystemProjectionName, state: SystemProjectionState): Promise<void> {
    await this.commit(() => {
      this.log
        .prepare(
          `INSERT INTO projection (name, state, checkpoint) VALUES (?, ?, 0)
           ON CONFLICT (name) DO UPDATE SET state = excluded.state`,
        )
        .run(name, state)
    })
    this.faults.delete(name)
    if (state === 'Running') this.running.add(name)
    else this.running.delete(name)
    this.schedule()
  }

  /** Starts the projections again whose stored state is running, including faulted ones. */
  restart(): void {
    this.faults.clear()
    this.processed.clear()
    for (const name of SYSTEM_PROJECTION_NAMES) if (this.stored(name).state === 'Running') this.running.add(name)
    this.schedule()
  }

  private stored(name: SystemProjectionName): { state: SystemProjectionState; checkpoint: bigint } {
    const row = this.log.prepare('SELECT state, checkpoint FROM projection WHERE name = ?').get(name)
    const [state, checkpoint] = (row as [SystemProjectionState, bigint] | undefined) ?? ['Stopped', 0n]
    return { state, checkpoint }
  }

  private schedule(): void {
    if (this.running.size === 0) return
    this.scheduled ??= setTimeout(() => {
      this.scheduled = undefined
      for (const name of this.running) void this.catchUp(name)
    }, BATCH_DELAY)
  }

  private async catchUp(name: SystemProjectionName): Promise<void> {
    if (this.busy.has(name)) return
    this.busy.add(name)
    try {
      while (this.running.has(name) && this.stored(name).checkpoint < this.log.head) await this.step(name)
    } catch (error) {
      // An unreadable event stops the projection; it is not skipped. A full disk does not: the next successful commit schedules
      // it again, and nothing is lost.
      if (error instanceof DamagedEvent || isCorruption(error)) {
        this.running.delete(name)
        this.faults.set(name, (error as Error).message)
      }
    } finally {
      this.busy.delete(name)
    }
  }

  /** Reads outside the transaction, so that an unreadable event does not fail other writes in the commit. */
  private async step(name: SystemProjectionName): Promise<void> {
    const { events } = this.log.everyForwards(this.stored(name).checkpoint + 1n, BATCH)
    const links = new Map<string, ProposedEvent[]>()
    for (const event of events) {
      // System streams are not linked: links to links would never end.
      if (event.stream.startsWith('$') || event.typeId === STREAM_DELETED_TYPE) continue
      const link = PROJECTIONS[name](event)
      if (!link) continue
      let ofStream = links.get(link.stream)
      if (!ofStream) links.set(link.stream, (ofStream = []))
      ofStream.push(linkEvent(link, event))
    }
    if (events.length === 0) return
    await this.commit((appender) => {
      for (const [stream, ofStream] of links) appender.appendUnconditionally(stream, ofStream)
      this.log.prepare('UPDATE projection SET checkpoint = ? WHERE name = ?').run(events.at(-1)!.position, name)
    })
    this.processed.set(name, (this.processed.get(name) ?? 0n) + BigInt(events.length))
  }

  private commit(apply: (appender: Appender) => void): Promise<void> {
    return new Promise((resolve, reject) =>
      this.commits.submit({
        apply: (appender) => {
          apply(appender)
          return { kind: 'written', revision: -1n, position: undefined }
        },
        bytes: 0,
        deadline: Infinity,
        settle: (outcome) => (outcome.kind === 'failed' ? reject(outcome.error) : resolve()),
      }),
    )
  }
}

function linkEvent(link: Link, to: EventRecord): ProposedEvent {
  const metadata = {
    $v: '1:-1:1:4',
    $c: Number(to.position),
    $p: Number(to.position),
    $o: to.stream,
    $causedBy: eventIdOf(to.body),
  }
  return {
    id: randomUUID(),
    type: link.type,
    isJson: false,
    data: Buffer.from(link.data),
    metadata: Buffer.from(JSON.stringify(metadata)),
  }
}
