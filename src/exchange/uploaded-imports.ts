/** Contact logs sent through a page: each is checked first, and imported only when its sender says so. */
import { randomUUID } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, type ReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Actor } from '../domain/history.ts'
import { DataDirectoryInUse, lockDataDirectory } from '../runtime/data-directory-lock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { NotAContactLog } from './contact-log-file.ts'
import { importFile, type ImportResult } from './import-file.ts'

/** How long a file is kept that its sender does not import, and a result that nobody looks at, in milliseconds. */
const keptMs = 60 * 60 * 1_000
/** Records judged at once: few, so that nobody else's page waits. */
const recordsAtOnce = 100

export type UploadState = 'checking' | 'checked' | 'importing' | 'imported' | 'stopped'

export interface UploadedImport {
  readonly id: string
  /** As its sender's machine calls it; never logged. */
  readonly fileName: string
  readonly by: Actor
  state: UploadState
  /** How much of the file has been judged, from 0 to 100. */
  percent: number
  records: number
  /** Of the check, then of the import. */
  result?: ImportResult
  /** Why it stopped, or why the import has not begun. */
  problem?: string
}

class Closing extends Error {}

const isRunning = ({ state }: UploadedImport): boolean => state === 'checking' || state === 'importing'

export class UploadedImports {
  private readonly folder: string
  private readonly uploads = new Map<string, UploadedImport>()
  private readonly expiries = new Set<NodeJS.Timeout>()
  private readonly running = new Set<Promise<void>>()
  private closing = false

  /** What an earlier process left behind is removed: nobody can ask for it any more. */
  constructor(private readonly runtime: Runtime) {
    this.folder = join(runtime.config.dataDir, 'uploads')
    rmSync(this.folder, { recursive: true, force: true })
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    // Whoever was erased may stand in a file that somebody has sent and not imported.
    runtime.vault.onDestroyed.add(() => {
      for (const id of this.uploads.keys()) this.forget(id)
    })
  }

  /** Where a file may be put while it is being received. */
  placeForFile(): string {
    return join(this.folder, randomUUID())
  }

  /** Whether a file of his is being checked or imported: each person has one at a time, so that nobody fills the disk. */
  isBusyFor(by: Actor): boolean {
    return this.sentBy(by).some(isRunning)
  }

  /**
   * Begins to check a file that was received. It is moved, and removed once it is imported or an hour old; what its sender sent
   * before is removed now.
   */
  check(received: string, fileName: string, by: Actor): UploadedImport {
    for (const earlier of this.sentBy(by)) this.forget(earlier.id)
    const id = randomUUID()
    mkdirSync(join(this.folder, id), { mode: 0o700 })
    renameSync(received, this.fileOf(id))
    const upload: UploadedImport = { id, fileName, by, state: 'checking', percent: 0, records: 0 }
    this.uploads.set(id, upload)
    this.forgetLater(id)
    this.inBackground(upload, 'checked', true)
    return upload
  }

  /** Imports what was checked. Where another import is running, nothing begins and `problem` says so. */
  import(upload: UploadedImport): void {
    if (upload.state !== 'checked') return
    upload.problem = undefined
    try {
      const lock = lockDataDirectory(join(this.runtime.config.dataDir, 'importing'))
      upload.state = 'importing'
      upload.percent = 0
      upload.records = 0
      this.inBackground(upload, 'imported', false, () => {
        lock.release()
        rmSync(this.fileOf(upload.id), { force: true })
      })
    } catch (error) {
      if (!(error instanceof DataDirectoryInUse)) throw error
      upload.problem = 'Another import is running. Wait until it has ended, then select Import again.'
    }
  }

  /** @returns undefined where there is none, it is too old, or somebody else sent it */
  find(id: string, by: Actor): UploadedImport | undefined {
    const upload = this.uploads.get(id)
    return upload?.by.id === by.id ? upload : undefined
  }

  /** The refused records, in the file's own columns with what to mend. */
  rejects({ id }: UploadedImport): ReadStream | undefined {
    const file = this.rejectsOf(id)
    return existsSync(file) ? createReadStream(file) : undefined
  }

  /** Stops what is running after the records in hand; what was accepted stays, and every file is removed. */
  async close(): Promise<void> {
    this.closing = true
    await Promise.all(this.running)
    for (const expiry of this.expiries) clearTimeout(expiry)
    rmSync(this.folder, { recursive: true, force: true })
  }

  private inBackground(upload: UploadedImport, then: UploadState, check: boolean, finished?: () => void): void {
    const run = this.run(upload, then, check).finally(() => {
      finished?.()
      this.running.delete(run)
    })
    this.running.add(run)
  }

  private async run(upload: UploadedImport, then: UploadState, check: boolean): Promise<void> {
    try {
      upload.result = await importFile(this.runtime, this.fileOf(upload.id), {
        rejects: this.rejectsOf(upload.id),
        check,
        importedBy: upload.by,
        recordsAtOnce,
        onProgress: ({ bytes, totalBytes, rows }) => {
          if (this.closing) throw new Closing()
          upload.percent = totalBytes === 0 ? 100 : Math.floor((100 * bytes) / totalBytes)
          upload.records = rows
        },
      })
      upload.state = then
    } catch (error) {
      upload.state = 'stopped'
      if (error instanceof NotAContactLog) upload.problem = error.message
      else if (!(error instanceof Closing)) {
        upload.problem = check
          ? 'The check stopped. Nothing was imported. Try again later.'
          : 'The import stopped. What was accepted before is in. Send the same file again: nothing goes in twice.'
        this.runtime.log.error({ kind: (error as Error).name }, 'An uploaded contact log was not judged to its end.')
      }
    }
  }

  private sentBy(by: Actor): UploadedImport[] {
    return [...this.uploads.values()].filter((upload) => upload.by.id === by.id)
  }

  private forgetLater(id: string): void {
    const expiry = setTimeout(() => {
      this.expiries.delete(expiry)
      this.forget(id)
    }, keptMs).unref()
    this.expiries.add(expiry)
  }

  /** What is still running is looked at again an hour later. */
  private forget(id: string): void {
    const upload = this.uploads.get(id)
    if (!upload) return
    if (isRunning(upload)) return this.forgetLater(id)
    this.uploads.delete(id)
    rmSync(join(this.folder, id), { recursive: true, force: true })
  }

  private readonly fileOf = (id: string): string => join(this.folder, id, 'contact-log')
  private readonly rejectsOf = (id: string): string => join(this.folder, id, 'rejects.csv')
}
