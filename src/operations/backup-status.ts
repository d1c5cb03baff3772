/** How old is the newest good backup of the event log, and should there be a newer one? */
import { backupsIn } from '../runtime/scheduled-backup.ts'
import type { Config } from '../runtime/config.ts'

export interface BackupStatus {
  /**
   * `elsewhere` where the log is in a cluster, which has backups of its own; `not_scheduled` where BACKUP_DIR is not set; `missing`
   * where there is no good backup; `overdue` where the newest is older than the schedule has it.
   */
  readonly state: 'elsewhere' | 'not_scheduled' | 'missing' | 'overdue' | 'in_time'
  /** When the newest good backup was begun, ISO 8601 UTC; it has all that was recorded before. */
  readonly madeAt: string | null
  readonly everyHours: number | null
}

const hourMs = 3_600_000

/** A backup is due when the schedule says, and not overdue while it is being made: for ten minutes, or a tenth of a short schedule. */
const graceMs = (everyHours: number) => Math.min(600_000, (everyHours * hourMs) / 10)

/** @param now milliseconds since 1970 */
export function backupStatus(
  { eventStoreUrl, backup }: Pick<Config, 'eventStoreUrl' | 'backup'>,
  now: number,
): BackupStatus {
  if (!backup) return { state: eventStoreUrl ? 'elsewhere' : 'not_scheduled', madeAt: null, everyHours: null }
  const { dir, everyHours } = backup
  const [newest] = backupsIn(dir)
  if (!newest) return { state: 'missing', madeAt: null, everyHours }
  const age = now - newest.madeAt.getTime()
  return {
    state: age > everyHours * hourMs + graceMs(everyHours) ? 'overdue' : 'in_time',
    madeAt: newest.madeAt.toISOString(),
    everyHours,
  }
}
