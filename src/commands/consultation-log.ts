/**
 * Writes down every look at a record before the record is shown. While the event log is away a look is kept in a file of its
 * own, as durably, and follows into the log when that is back; where neither can be written, nothing is shown.
 */
import Database from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import {
  alertType,
  consultationAlertCategory,
  consultationByCategory,
  consultationCategory,
  type AlertData,
  type ConsultationData,
  type ConsultationMetadata,
  type Look,
} from '../domain/consultation.ts'
import type { EventAppender } from '../event-store/event-appender.ts'
import { answeredInTime } from '../event-store/reading.ts'
import type { NewEvent } from '../event-store/stored-event.ts'

/** A look could be written down nowhere, so what was asked for must not be shown. */
export class ConsultationLogUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('Who looked could not be written down, so nothing is shown.', options)
    this.name = 'ConsultationLogUnavailable'
  }
}

/** How long a look waits for the log before it is kept in the file, in milliseconds: a person waits as long for the page. */
const patienceMs = 2_000
/** After the log did not answer, looks go straight to the file for as long, in milliseconds. */
const restMs = 2_000
/** How many kept looks are sent to the log at a time. */
const atOnce = 100

interface Kept {
  readonly id: string
  readonly stream: string
  readonly event: string
}

export class ConsultationLog {
  private file: Database.Database | undefined
  private awayUntil = 0
  private readonly delivering: NodeJS.Timeout

  constructor(
    private readonly appender: Pick<EventAppender, 'append'>,
    private readonly path: string,
  ) {
    // Each time it is restarted, too, what an earlier process kept is sent on.
    this.delivering = setInterval(() => void this.deliver().catch(() => undefined), restMs).unref()
  }

  /** @throws ConsultationLogUnavailable */
  write(look: Look): Promise<void> {
    return this.writeAll(entriesOf(look))
  }

  /**
   * Writes down a look at what is kept apart from all journeys, in streams of its own.
   * @param view what was shown, in the words of whoever keeps it apart
   * @throws ConsultationLogUnavailable
   */
  writeApart(
    streams: readonly string[],
    look: Pick<Look, 'type' | 'subjects' | 'by' | 'source' | 'requestId'> & { readonly view: string },
  ): Promise<void> {
    const { type, view, subjects, by, source, requestId } = look
    const data = { view, subjects, records: subjects.length }
    const metadata = metadataOf(by, source, requestId)
    return this.writeAll(streams.map((stream) => ({ stream, event: { id: randomUUID(), type, data, metadata } })))
  }

  /** Writes down, as durably as a look, that somebody reached for more records than is usual. @throws ConsultationLogUnavailable */
  alert(data: AlertData, { by, source, requestId }: Pick<Look, 'by' | 'source' | 'requestId'>): Promise<void> {
    const event = { id: randomUUID(), type: alertType, data, metadata: metadataOf(by, source, requestId) }
    return this.writeAll([{ stream: `${consultationAlertCategory}-${by.id}`, event }])
  }

  private async writeAll(entries: readonly Entry[]): Promise<void> {
    if (Date.now() >= this.awayUntil) {
      try {
        await answeredInTime(
          Promise.all(entries.map(({ stream, event }) => this.appender.append(stream, 'any', [event]))),
          patienceMs,
        )
        return
      } catch {
        // Whatever was wrong with it: kept in the file the look is as safe, and is sent again until the log has it.
        this.awayUntil = Date.now() + restMs
      }
    }
    try {
      this.keep(entries)
    } catch (error) {
      throw new ConsultationLogUnavailable({ cause: error })
    }
  }

  /** Sends kept looks to the log. Sent twice, they are there once: the log knows an event by its id. @returns how many are left */
  async deliver(): Promise<number> {
    if (Date.now() < this.awayUntil) return this.kept(1).length
    for (const { id, stream, event } of this.kept(atOnce)) {
      try {
        await answeredInTime(this.appender.append(stream, 'any', [JSON.parse(event) as NewEvent]), patienceMs)
      } catch (error) {
        this.awayUntil = Date.now() + restMs
        throw error
      }
      this.db.prepare('DELETE FROM kept WHERE id = ?').run(id)
    }
    return this.kept(1).length
  }

  close(): void {
    clearInterval(this.delivering)
    this.file?.close()
    this.file = undefined
  }

  private keep(entries: readonly Entry[]): void {
    const insert = this.db.prepare('INSERT INTO kept (id, stream, event) VALUES (?, ?, ?)')
    this.db.transaction(() => {
      for (const { stream, event } of entries) insert.run(event.id, stream, JSON.stringify(event))
    })()
  }

  private kept(most: number): readonly Kept[] {
    return this.db.prepare<[number], Kept>('SELECT id, stream, event FROM kept ORDER BY rowid LIMIT ?').all(most)
  }

  private get db(): Database.Database {
    if (this.file) return this.file
    const file = new Database(this.path, { timeout: 2_000 })
    file.pragma('journal_mode = WAL')
    file.pragma('synchronous = FULL')
    file.exec(
      'CREATE TABLE IF NOT EXISTS kept (id TEXT NOT NULL UNIQUE, stream TEXT NOT NULL, event TEXT NOT NULL) STRICT',
    )
    return (this.file = file)
  }
}

interface Entry {
  readonly stream: string
  readonly event: NewEvent
}

/** A list goes to the stream of who was shown it; one record also to the stream of that record, which is asked first. */
function entriesOf({ type, view, subjects, by, source, requestId }: Look): readonly Entry[] {
  const data: ConsultationData = { view, subjects, records: subjects.length }
  const metadata = metadataOf(by, source, requestId)
  const streams = [`${consultationByCategory}-${by.id}`]
  if (type !== 'RecordsListed') streams.unshift(...subjects.map((subject) => `${consultationCategory}-${subject}`))
  return streams.map((stream) => ({ stream, event: { id: randomUUID(), type, data, metadata } }))
}

const metadataOf = (by: Look['by'], source: Look['source'], requestId: string): ConsultationMetadata => ({
  actor: { id: by.id, role: by.role, organisation: by.organisation },
  recordedAt: new Date().toISOString(),
  schemaVersion: 1,
  correlationId: requestId,
  source,
})
