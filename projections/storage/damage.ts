/** A damaged SQLite file: distinguished from other faults, and moved out of the way. Everything in a read model can be built again from the log. */
import { existsSync, renameSync } from 'node:fs'

/** The primary result codes SQLITE_CORRUPT and SQLITE_NOTADB: https://sqlite.org/rescode.html. */
const damaged: ReadonlySet<number> = new Set([11, 26])

export function isFileDamaged(error: unknown): boolean {
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  return typeof errcode === 'number' && damaged.has(errcode & 0xff)
}

/**
 * Renames the file and what SQLite keeps beside it. Nobody in this process may have it open.
 * @returns the new name, which says when: somebody may want to know what damaged it
 */
export function setAside(file: string, now = new Date()): string {
  const aside = `${file}.damaged-${now.toISOString().replaceAll(':', '-')}`
  // The file last: whoever finds it gone finds nothing of it left.
  for (const suffix of ['-wal', '-shm', '']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  return aside
}
