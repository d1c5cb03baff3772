/** How do the read models stand? Asked by the operator's page, the metrics and the health check; nothing in it says who anybody is. */
import { setTimeout as wait } from 'node:timers/promises'
import type { EventStore } from '../event-store/event-store.ts'
import { StoreUnavailable } from '../event-store/store-errors.ts'
import { definitionFingerprint, positionFrom } from '../../projections/runner/checkpoint-store.ts'
import { PositionThroughput, Throughput } from './throughput.ts'
import { categories, type Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import type { ProjectionRunner, RunnerHealth } from '../../projections/runner/projection-runner.ts'
import { ShadowTables } from '../../projections/rebuild/shadow-tables.ts'
import type { ReadModels } from '../../projections/runner/read-models.ts'
import type { CheckpointTable, ParkedStreamTable } from '../../projections/storage/bookkeeping.ts'

/** How long the log is waited for before it is called away. */
const patienceMs = 2_000

/** How many parked streams are listed; all are counted. */
const mostNamed = 300

const noPace = { share: 0, sharePerMinute: null, secondsLeft: null }

export interface RebuildStatus {
  /** `interrupted`: begun, and no process works on it; it resumes when the application starts or the command is run again. */
  readonly state: 'running' | 'interrupted'
  readonly position: string
  /** How much of the log it has processed, 0 to 1. */
  readonly share: number
  /** null until it has been looked at for a second. */
  readonly sharePerMinute: number | null
  readonly secondsLeft: number | null
}

export interface ProjectionStatus {
  readonly name: string
  readonly question: string
  /** The position in the log it has processed up to; '' before the first. */
  readonly position: string
  /** When it last wrote what it had processed, ISO 8601 UTC. */
  readonly at: string
  /** How long ago the log received the first event it has not processed yet: 0 where it has processed all, null where the log does not answer. */
  readonly lagSeconds: number | null
  /** How many streams it has parked. */
  readonly parked: number
  /** What is served was built by another release, and stands still until the rebuild is done. */
  readonly outdated: boolean
  readonly rebuild: RebuildStatus | null
}

export interface ReadModelStatus {
  readonly log: 'answers' | 'away'
  readonly runner: RunnerHealth
  /** What this process projected, events a second over the last ten. */
  readonly eventsPerSecond: number
  /** That of the slowest projection. */
  readonly lagSeconds: number | null
  readonly position: string
  /** When the slowest last wrote what it had processed; null before the first event. */
  readonly asOf: string | null
  readonly projections: readonly ProjectionStatus[]
  /** How many streams are parked, by any projection. */
  readonly parkedStreams: number
  /** The first of them, one row for each projection that parked the stream. */
  readonly parked: readonly ParkedStreamTable[]
}

export interface StatusSources {
  readonly store: EventStore
  readonly readModels: ReadModels
  readonly runner: ProjectionRunner | null
}

export class StatusOfReadModels {
  private readonly rate = new Throughput()
  private readonly throughputs = new Map<string, PositionThroughput>()

  constructor(
    private readonly stood: StatusSources,
    private readonly all: readonly Projection[] = projections,
  ) {
    stood.runner?.progress.subscribe(({ events }) => this.rate.add(events.length))
  }

  /** @throws what the database says; a log that does not answer is part of the status */
  async look(): Promise<ReadModelStatus> {
    const { readModels, runner } = this.stood
    const [checkpoints, counts, parkedStreams, parked, { position, at }] = await Promise.all([
      readModels.checkpoints(),
      readModels.parkedStreams.countByProjection(),
      readModels.parkedStreams.count(),
      readModels.parkedStreams.list(mostNamed),
      readModels.asOf(),
    ])
    const lags = await this.lags(checkpoints)
    const rebuilds = await this.rebuilds(checkpoints)
    const status = this.all.flatMap((projection): ProjectionStatus[] => {
      const live = checkpoints.find((row) => row.projection === projection.name && row.table_set === 'live')
      if (!live) return []
      return [
        {
          name: projection.name,
          question: projection.question,
          position: live.position,
          at: live.written_at,
          lagSeconds: lags?.get(live.position) ?? null,
          parked: counts.get(projection.name) ?? 0,
          outdated: live.fingerprint !== definitionFingerprint(projection),
          rebuild: rebuilds.get(projection.name) ?? null,
        },
      ]
    })
    return {
      log: lags ? 'answers' : 'away',
      runner: this.health,
      eventsPerSecond: runner ? this.rate.perSecond() : 0,
      lagSeconds: lags ? Math.max(0, ...lags.values()) : null,
      position,
      asOf: at,
      projections: status,
      parkedStreams,
      parked,
    }
  }

  get health(): RunnerHealth {
    return this.stood.runner?.health ?? { state: 'stopped', caughtUp: false, position: '-1', troubledSince: null }
  }

  /** How long what was processed up to each position has been behind, in seconds; null where the log does not answer. */
  private async lags(checkpoints: readonly CheckpointTable[]): Promise<Map<string, number> | null> {
    const positions = new Set(checkpoints.filter((row) => row.table_set === 'live').map(({ position }) => position))
    const asked = Promise.all(
      [...positions].map(async (position) => {
        const next = await this.stood.store.firstEventAfter(categories, position === '' ? null : BigInt(position))
        const lag = next ? Math.max(0, Date.now() - next.receivedAt.getTime()) / 1_000 : 0
        return [position, lag] as const
      }),
    )
    const answered = await soon(asked)
    return answered && new Map(answered)
  }

  private async rebuilds(checkpoints: readonly CheckpointTable[]): Promise<Map<string, RebuildStatus>> {
    const rebuilding = this.all.flatMap(({ name }) => {
      const position = rebuiltUpTo(checkpoints, name)
      return position === undefined ? [] : [{ name, position }]
    })
    const status = new Map<string, RebuildStatus>()
    for (const name of this.throughputs.keys())
      if (!rebuilding.some((one) => one.name === name)) this.throughputs.delete(name)
    if (rebuilding.length === 0) return status
    const end = (await soon(this.stood.store.headPositionOf(categories))) ?? 0n
    for (const { name, position } of rebuilding) {
      const projection = this.all.find((one) => one.name === name)
      const state = projection
        ? await new ShadowTables(this.stood.readModels.database).rebuildState(projection)
        : 'none'
      if (state === 'none') continue
      status.set(name, { state, position, ...this.progress(name, position === '' ? 0n : BigInt(position), end) })
    }
    return status
  }

  private progress(name: string, position: bigint, end: bigint): Omit<RebuildStatus, 'state' | 'position'> {
    const throughput = this.throughputs.get(name) ?? new PositionThroughput()
    this.throughputs.set(name, throughput)
    const perSecond = throughput.look(position)
    if (end === 0n) return noPace
    const share = Math.min(1, Number(position) / Number(end))
    if (perSecond === null) return { ...noPace, share }
    return {
      share,
      sharePerMinute: (perSecond * 60) / Number(end),
      secondsLeft: perSecond > 0 ? Math.max(0, Number(end - position) / perSecond) : null,
    }
  }
}

/** The position of a projection's rebuild: with partitions, some of which are not begun yet, the average of theirs. */
function rebuiltUpTo(checkpoints: readonly CheckpointTable[], name: string): string | undefined {
  const shadow = checkpoints.filter((row) => row.projection === name && row.table_set === 'shadow')
  const partitions = shadow.filter(({ partition }) => partition !== '')
  if (partitions.length === 0) return shadow[0]?.position
  const sum = partitions.reduce((sum, { position }) => sum + (positionFrom(position) ?? 0n), 0n)
  return String(sum / BigInt(partitions.length))
}

/** @returns null where the log is away, or silent for too long */
async function soon<T>(asked: Promise<T>): Promise<T | null> {
  const silence = new AbortController()
  asked.catch(() => undefined) // it may fail after nobody waits for it any more
  try {
    return await Promise.race([asked, wait(patienceMs, null, { signal: silence.signal })])
  } catch (error) {
    if (error instanceof StoreUnavailable) return null
    throw error
  } finally {
    silence.abort()
  }
}
