/** A disk that fills up while a file is written, in a sentence that says which, how much is needed and what to do. */
import { rmSync, statSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { sqliteCode } from './database.ts'

/**
 * Writes a file. Where the disk has no room for it, nothing half written is left.
 * @param like the file that the new one will be about as large as
 * @throws what `write` throws, and for a full disk an error whose message is for whoever typed the command
 */
export function writeWhole<T>(file: string, like: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    rmSync(file, { force: true })
    const code = sqliteCode(error) ?? (error as NodeJS.ErrnoException).code ?? ''
    const place = dirname(file)
    const { bavail, bsize } = statfsSync(place)
    const [free, needed] = [bavail * bsize, statSync(like).size]
    // SQLite calls it an input/output error where it cannot make one of its small files beside the database.
    const isFull =
      ['SQLITE_FULL', 'ENOSPC', 'EDQUOT'].includes(code) || (code.startsWith('SQLITE_IOERR') && free < needed)
    if (!isFull) throw error
    throw new Error(
      `The disk of ${place} is full: ${inMegabytes(free)} MB are free, about ${inMegabytes(needed)} MB are needed. ` +
        'Nothing that was recorded is lost, and nothing half written was left. Make room, or name a place on another disk, then type the same line again.',
      { cause: error },
    )
  }
}

const inMegabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20)
