/** The operator's window: how the read models stand, which streams are parked and why, and their reprocessing once the cause is repaired. */
import { createHash } from 'node:crypto'
import {
  catchError,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  from,
  map,
  shareReplay,
  timer,
  type Observable,
} from 'rxjs'
import { isDatabaseUnavailable } from '../../projections/storage/availability.ts'
import { projections } from '../../projections/projections.ts'
import { reprocess } from '../../projections/runner/reprocess.ts'
import { backupStatus, type BackupStatus } from './backup-status.ts'
import type { ReadModelStatus, StatusOfReadModels, StatusSources } from './status.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** How the read models stand, and the clock of this machine. */
export interface ServiceStatus extends ReadModelStatus {
  readonly clock: Runtime['commands']['clock']['standing']
}

/** How often somebody who watches is notified of changes at most. */
const lookEveryMs = 1_000

/** Reprocessing of all parked streams stops after so long: the rest is done when it is asked for again. */
const reprocessMs = 20_000

export interface Reprocessed {
  /** Streams whose cause was repaired. */
  readonly repaired: number
  readonly stillParked: number
  /** Streams for which there was no time. */
  readonly left: number
}

export class Operations {
  constructor(
    private readonly stood: StatusSources & Pick<Runtime, 'vault' | 'log' | 'commands' | 'config'>,
    private readonly status: StatusOfReadModels,
  ) {}

  /** @returns null where the read models' database is away. */
  async look(): Promise<ServiceStatus | null> {
    return this.seen()
  }

  backup(): BackupStatus {
    return backupStatus(this.stood.config, Date.now())
  }

  /** A digest of how things stand, each time it has changed. */
  changes(): Observable<string> {
    return this.changing
  }

  /** @param stream a parked stream, or `all` of them */
  async reprocess(stream: string): Promise<Reprocessed> {
    const parked = new Set((await this.stood.readModels.parkedStreams.list()).map((one) => one.stream))
    const streams = stream === 'all' ? [...parked] : parked.has(stream) ? [stream] : []
    const until = Date.now() + reprocessMs
    let repaired = 0
    let stillParked = 0
    for (const one of streams) {
      if (Date.now() > until) break
      const still = await reprocess(this.stood, projections, one)
      if (still.length === 0) repaired++
      else stillParked++
    }
    return { repaired, stillParked, left: streams.length - repaired - stillParked }
  }

  private async seen(): Promise<ServiceStatus | null> {
    try {
      return { ...(await this.status.look()), clock: this.stood.commands.clock.standing }
    } catch (error) {
      if (isDatabaseUnavailable(error)) return null
      throw error
    }
  }

  private readonly changing = timer(0, lookEveryMs).pipe(
    exhaustMap(() => from(this.seen()).pipe(catchError(() => EMPTY))),
    map((status) => digestOf(status, this.backup())),
    distinctUntilChanged(),
    shareReplay({ bufferSize: 1, refCount: true }),
  )
}

/** Changes with what there is to see. */
export const digestOf = (status: ServiceStatus | null, backup: BackupStatus): string =>
  createHash('sha256').update(JSON.stringify({ status, backup })).digest('base64url').slice(0, 12)
