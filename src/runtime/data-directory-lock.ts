/** One running instance a data directory: who holds it, where it can be reached, and a clear no to a second. */
import Database from 'better-sqlite3'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a running instance tells other commands about itself. */
export interface LockHolder {
  readonly pid: number
  readonly eventStoreUrl: string
  readonly url: string | null
}

export class DataDirectoryInUse extends Error {
  constructor(
    readonly dataDir: string,
    readonly holder: LockHolder | null,
  ) {
    const who = holder ? ` by process ${holder.pid}${holder.url ? ` (${holder.url})` : ''}` : ' by another process'
    super(`The data directory ${dataDir} is in use${who}. Stop that one first, or set DATA_DIR to another directory.`)
    this.name = 'DataDirInUse'
  }
}

export interface DataDirectoryLock {
  announce(announcement: LockHolder): void
  release(): void
}

/**
 * Takes the data directory for this process. The lock is the operating system's, on a small SQLite file: it goes
 * when the process goes, however it goes.
 * @throws DataDirInUse when another process holds it.
 */
export function lockDataDirectory(dataDir: string): DataDirectoryLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const lock = new Database(join(dataDir, 'instance.lock'), { timeout: 0 })
  try {
    lock.pragma('journal_mode = DELETE')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY'))
      throw new DataDirectoryInUse(dataDir, holderOf(dataDir))
    throw error
  }
  const note = join(dataDir, 'instance.json')
  rmSync(note, { force: true })
  return {
    announce: (announcement) => writeFileSync(note, JSON.stringify(announcement), { mode: 0o600 }),
    release() {
      rmSync(note, { force: true })
      lock.close()
    },
  }
}

function holderOf(dataDir: string): LockHolder | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'instance.json'), 'utf8')) as LockHolder
  } catch {
    return null // still starting, or gone between the two looks
  }
}
