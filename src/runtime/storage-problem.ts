/** What is wrong with the disk, the directory or a file the application stands on, in a sentence that says what to do. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** Nothing that was recorded is lost by it. The message is for whoever starts the application or a command. */
export class StorageProblem extends Error {
  /** @param kept where it came up */
  constructor(
    message: string,
    cause: unknown,
    readonly kept: Kept,
  ) {
    super(message, { cause })
    this.name = 'StorageProblem'
  }
}

/** What is kept in a place, as its owner would call it, and what to do where the files themselves are damaged. */
export interface Kept {
  readonly what: string
  readonly path: string
  /** The environment variable that names another place. */
  readonly setting: string
  readonly whereDamaged: string
  /** About how much the work under way needs on the disk, in bytes: asked when that is full. Absent where that is not known. */
  readonly neededBytes?: (() => number) | undefined
}

export const keptIn = {
  dataDirectory: (path: string): Kept => ({
    what: 'The data directory',
    path,
    setting: 'DATA_DIR',
    whereDamaged: 'Remove the file instance.lock in it, which holds nothing, and start again.',
  }),
  events: (path: string): Kept => ({
    what: 'The event log',
    path,
    setting: 'DATA_DIR',
    whereDamaged: `Do not delete it. See what is damaged: npm run store -- verify --data-dir ${path}. Put the newest good backup into an empty directory: npm run store -- restore FILE --data-dir DIRECTORY. Without one, copy all that is sound into a new directory: npm run store -- salvage DIRECTORY --data-dir ${path}.`,
  }),
  keys: (path: string): Kept => ({
    what: 'The keys',
    path,
    setting: 'KEYS_DIR',
    whereDamaged: `Put the newest copy of keys.sqlite back into ${path}. Do not delete it and do not start with other keys: without these nobody can read who is who.`,
  }),
  readModels: (path: string): Kept => ({
    what: 'The read models',
    path,
    setting: 'DATA_DIR',
    whereDamaged:
      'Start the application: it sets the damaged file aside and builds the read models again from the log.',
  }),
}

/** SQLite's own codes as better-sqlite3 names them, and as node:sqlite numbers them. */
const sqliteCodes: Record<number, string> = {
  10: 'SQLITE_IOERR',
  8: 'SQLITE_READONLY',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
}

/** How the embedded store answers a read of an event that does not match its checksum. */
const damagedEvent = /DATA_LOSS: (Damaged: .*)/

/** What a store on a thread of its own can only say in words. */
const sqliteWords: readonly [RegExp, string][] = [
  [/malformed/, 'SQLITE_CORRUPT'],
  [damagedEvent, 'SQLITE_CORRUPT'],
  [/not a database/, 'SQLITE_NOTADB'],
  [/disk is full/, 'SQLITE_FULL'],
  [/^The disk fails/, 'EIO'],
  [/readonly database/, 'SQLITE_READONLY'],
  [/unable to open database file/, 'SQLITE_CANTOPEN'],
]

function codeOf(error: Error): string | undefined {
  const { code, errcode } = error as Error & { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return sqliteCodes[errcode & 0xff]
  if (typeof code === 'string' && code !== 'ERR_SQLITE_ERROR') return code.replace(/^(SQLITE_[A-Z]+)_.*/, '$1')
  if (error.name === 'DamagedStore') return 'SQLITE_CORRUPT'
  return sqliteWords.find(([words]) => words.test(error.message))?.[1] ?? /^(E[A-Z]{3,}):/.exec(error.message)?.[1]
}

/** @returns null for an error that says nothing about the disk or the files on it */
export function storageProblem(error: unknown, kept: Kept): StorageProblem | null {
  const { what, path, setting, whereDamaged, neededBytes } = kept
  // It came up in a room that does not know how much the whole work needs.
  if (error instanceof StorageProblem)
    return neededBytes ? storageProblem(error.cause, { ...error.kept, neededBytes }) : error
  if (!(error instanceof Error)) return null
  const room = () =>
    neededBytes ? `${roomOn(path)}, about ${Math.ceil(neededBytes() / 2 ** 20)} MB are needed` : roomOn(path)
  const because = sentence()
  return because === null ? null : new StorageProblem(because, error, kept)

  function sentence(): string | null {
    switch (codeOf(error as Error)) {
      case 'ENOSPC':
      case 'EDQUOT':
      case 'SQLITE_FULL':
        return `${what} in ${path} cannot be written: its disk is full (${room()}). Nothing that was recorded is lost. Make room, then start the same command again: it goes on where it stopped.`
      case 'EIO':
      case 'SQLITE_IOERR':
        return `${what} in ${path} cannot be made durable: its disk fails, or is full (${room()}). Nothing that was acknowledged is lost. Look after the disk, then start the same command again: it goes on where it stopped.`
      case 'ENOENT':
        return `${what} cannot be made in ${path}: the directory above it is missing, or its disk can only be read. Make it, or set ${setting} to another directory.`
      case 'EROFS':
        return `${what} in ${path} cannot be written: its disk can only be read. Make it writable, or set ${setting} to a directory on another.`
      case 'EACCES':
      case 'EPERM':
      case 'SQLITE_READONLY':
        return `${what} in ${path} may not be written by this user${userId()}. Make it his, or set ${setting} to another directory.`
      case 'ENOTDIR':
      case 'EEXIST':
        return `${what} cannot be in ${path}: there is a file in the directory's place. Move it, or set ${setting} to another directory.`
      case 'SQLITE_CANTOPEN':
        return `${what} in ${path} cannot be opened: the directory, or a file in it, is not this user's${userId()}, or something else is in its place. Make it his, or set ${setting} to another directory.`
      case 'EMFILE':
      case 'ENFILE':
        return `${what} in ${path} cannot be opened: this process may open no more files (ulimit -n says how many). Raise the limit, then start again.`
      case 'SQLITE_CORRUPT':
      case 'SQLITE_NOTADB':
        return `${what} in ${path} ${what.endsWith('s') ? 'are' : 'is'} damaged (${damagedEvent.exec((error as Error).message)?.[1] ?? (error as Error).message}). ${whereDamaged}`
      default:
        return null
    }
  }
}

/** Whether the error came of reading an event that is damaged: the log's own files are at fault, whatever the work was. */
export const isDamagedEvent = (error: unknown) => error instanceof Error && damagedEvent.test(error.message)

/** Does the work, and says in a sentence where the disk or the files do not let it. */
export async function standingOn<T>(kept: Kept, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storageProblem(error, kept) ?? error
  }
}

const userId = () => (process.getuid ? ` (uid ${process.getuid()})` : '')

function roomOn(path: string): string {
  for (let place = path; ; place = dirname(place)) {
    try {
      const { bavail, bsize } = statfsSync(place)
      return `${Math.floor((bavail * bsize) / 2 ** 20)} MB free on the disk of ${place}`
    } catch {
      if (place === dirname(place)) return 'how much is free is not known'
    }
  }
}
