/** Fills a data directory with events without going through a port: node store-fill.ts <directory> <events>. */
import { randomUUID } from 'node:crypto'
import { Appender, ExpectedRevision } from '../src/embedded-store/storage/append.ts'
import { openDatabase } from '../src/embedded-store/storage/database.ts'
import { EventLog } from '../src/embedded-store/storage/event-log.ts'
import { anEvent } from './store-events.ts'

const [directory, count] = process.argv.slice(2) as [string, string]
const connection = openDatabase(directory)
connection.pragma('synchronous = OFF') // a file made for measuring may be lost
const log = new EventLog(connection)
const appender = new Appender(log)
const template = anEvent(0)
const data = Buffer.from(JSON.stringify(template.data))
const metadata = Buffer.from(JSON.stringify(template.metadata))
const total = Number(count)
// Journeys of forty events, a few hundred open at any time.
for (let written = 0; written < total;) {
  connection.exec('BEGIN')
  appender.begin()
  for (let i = 0; i < 5000 && written < total; i++, written++) {
    const journey = Math.floor(written / 8000) * 200 + (written % 200)
    const event = { id: randomUUID(), type: `Type${written % 20}`, isJson: true, data, metadata }
    appender.append(`journey-${journey}`, ExpectedRevision.ANY, [event])
  }
  appender.end()
  connection.exec('COMMIT')
  log.publishCommit(appender.head, appender.changedStreams)
}
connection.pragma('wal_checkpoint(TRUNCATE)')
connection.close()
