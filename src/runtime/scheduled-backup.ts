/** Backups of the embedded event log at a fixed distance, made while it runs, verified before they get their names, the oldest removed. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'

/** A good backup: it was read whole, and every event in it checked, before it had this name. */
export interface Backup {
  readonly file: string
  readonly madeAt: Date
}

export interface BackupSchedule {
  readonly dir: string
  readonly everyHours: number
  /** How many good ones are kept. */
  readonly keep: number
}

const HOUR = 3_600_000
/** After a failure, as on a full disk, it is tried again this soon, or after the usual time where that is shorter. */
const AGAIN_AFTER = 10 * 60_000

/** The good backups in a directory, newest first; those of other names are not ours. */
export function backupsIn(dir: string): Backup[] {
  let names: string[]
  try {
    names = readdirSync(dir)
  } catch {
    return [] // not made yet, or its disk is away: there is none that could be used
  }
  return names
    .flatMap((name) => {
      const [, day, hour, minute, second] = /^events-(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)Z\.sqlite$/.exec(name) ?? []
      return day ? [{ file: join(dir, name), madeAt: new Date(`${day}T${hour}:${minute}:${second}Z`) }] : []
    })
    .sort((a, b) => b.madeAt.getTime() - a.madeAt.getTime())
}

/**
 * Milliseconds since the newest good backup, null where there is none: what a page, a metric or an alarm can show.
 * @param now milliseconds since 1970
 */
export function ageOfNewestBackup(dir: string, now: number): number | null {
  const [newest] = backupsIn(dir)
  return newest ? now - newest.madeAt.getTime() : null
}

export class ScheduledBackup {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private readonly stopped = new AbortController()

  /** @param makeBackup makes the file, which gets its name only when it is verified; ends early at the signal */
  constructor(
    private readonly makeBackup: (file: string, signal: AbortSignal) => Promise<void>,
    private readonly schedule: BackupSchedule,
    private readonly log: Logger,
  ) {
    const age = ageOfNewestBackup(schedule.dir, Date.now())
    this.after(age === null ? 0 : Math.max(0, schedule.everyHours * HOUR - age))
  }

  /** Ends a backup that is being made; what is half written has no name yet, and the next one removes it. */
  async stop(): Promise<void> {
    this.stopped.abort()
    clearTimeout(this.timer)
    await this.running
  }

  private after(milliseconds: number): void {
    this.timer = setTimeout(() => (this.running = this.backUp()), Math.min(milliseconds, 2 ** 31 - 1))
    this.timer.unref()
  }

  private async backUp(): Promise<void> {
    const { dir, everyHours, keep } = this.schedule
    const file = join(dir, `events-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z.sqlite`)
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      await this.makeBackup(file, this.stopped.signal)
      for (const { file: old } of backupsIn(dir).slice(keep)) rmSync(old)
      this.log.info({ file }, 'The event log was backed up.')
      this.after(everyHours * HOUR)
    } catch (error) {
      if (this.stopped.signal.aborted) return
      this.log.error({ dir, why: (error as Error).message }, 'The event log was not backed up.')
      this.after(Math.min(AGAIN_AFTER, everyHours * HOUR))
    }
  }
}
