/** A file is damaged on purpose, page by page; whatever the page held, all that is sound is found and all that is lost is named. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { EventStoreDBClient, START, persistentSubscriptionToStreamSettingsFromDefaults } from '@eventstore/db-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { withUserAccounts } from '../../src/embedded-store/server.ts'
import { decodeBody } from '../../src/embedded-store/storage/event-record.ts'
import { salvageStore, verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { anEvent, collect, errorOf, someEvents, temporaryDirectory } from '../event-store/target.ts'

const PAGE = 4096
let root: string
let whole: string
let original: Map<string, string>

beforeAll(async () => {
  root = await temporaryDirectory()
  whole = join(root, 'whole')
  const store = await startEmbeddedStore({ dataDir: whole })
  const client = EventStoreDBClient.connectionString(store.connectionString)
  for (let round = 0; round < 4; round++)
    for (let number = 0; number < 120; number++)
      await client.appendToStream(`journey-${number}`, someEvents(1 + (number % 4)))
  await client.appendToStream('long-1', [anEvent('Long', { text: 'x'.repeat(50_000) }), ...someEvents(2)])
  await client.setStreamMetadata('journey-2', { maxCount: 1_000, custom: 'kept' })
  await client.deleteStream('journey-3')
  await client.tombstoneStream('journey-4')
  await client.createPersistentSubscriptionToStream(
    'journey-1',
    'group',
    persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START }),
  )
  await client.dispose()
  await store.close()
  await withUserAccounts(whole, (users) => users.set('ops', ['$ops'], 'a good password'))
  original = eventsIn(whole)
})
afterAll(() => rmSync(root, { recursive: true }))

let dataDir: string
let turn = 0
const rescued = () => `${dataDir}-rescued`
const file = () => join(dataDir, 'events.sqlite')
beforeEach(() => {
  dataDir = join(root, `damaged-${turn++}`)
  mkdirSync(dataDir)
  copyFileSync(join(whole, 'events.sqlite'), file())
})

/** What stands at each revision of each stream: a digest of the content, and the position. */
function eventsIn(directory: string): Map<string, string> {
  const connection = new Database(join(directory, 'events.sqlite'), { readonly: true })
  const rows = connection
    .prepare('SELECT s.name, e.revision, e.position, e.body FROM event e JOIN stream s ON s.id = e.stream')
    .safeIntegers()
    .raw()
    .all() as [string, bigint, bigint, Buffer][]
  connection.close()
  // A tombstone has no content: one that is made again has another id and time, and says the same.
  const contentOf = (body: Buffer) => {
    const { type } = decodeBody(body)
    return type === '$streamDeleted' ? 'tombstone' : createHash('sha256').update(body).digest('hex')
  }
  return new Map(
    rows.map(([name, revision, position, body]) => [
      `${revision}@${name}`,
      decodeBody(body).type === 'EventLost' ? 'lost' : `${position} ${contentOf(body)}`,
    ]),
  )
}

function overwrite(page: number, bytes = Buffer.alloc(PAGE, 0xa5)): void {
  const content = readFileSync(file())
  bytes.copy(content, (page - 1) * PAGE)
  writeFileSync(file(), content)
}

/** Pages of a table or an index, as SQLite counts them. */
function pagesOf(name: string): number[] {
  const connection = new Database(join(whole, 'events.sqlite'), { readonly: true })
  const pages = connection.prepare('SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno').pluck().all(name)
  connection.close()
  return pages as number[]
}

const aPageOfEvents = () => pagesOf('event')[20]!

/** Salvages, and checks what has to be right whatever the damage: nothing altered, nothing invented, nothing passed over in silence. */
function salvaged() {
  const before = readFileSync(file())
  const report = salvageStore(dataDir, rescued())
  expect(readFileSync(file()).equals(before), 'the damaged file is only read').toBe(true)
  expect(verifyFile(join(rescued(), 'events.sqlite')).problems).toEqual([])
  const found = eventsIn(rescued())
  const lost = new Set(
    report.lost.filter(({ stream }) => stream !== null).map((one) => `${one.revision}@${one.stream}`),
  )
  let [altered, silent, unnamed] = [0, 0, 0]
  for (const [key, content] of original) {
    if (found.get(key) === content) continue
    if (found.get(key) === 'lost') silent += lost.has(key) ? 0 : 1
    else if (found.has(key)) altered++
    else unnamed++
  }
  expect({ altered, silent }).toEqual({ altered: 0, silent: 0 })
  const ofRenamed = [...found.keys()].filter((key) => key.includes('@$salvaged-')).length
  expect(unnamed, 'lost without a name').toBe(report.lost.filter(({ stream }) => stream === null).length + ofRenamed)
  return report
}

describe('salvage', () => {
  it('of an undamaged store is a copy, with its users, groups and settings', async () => {
    expect(salvaged()).toMatchObject({ events: original.size, lost: [], renamed: [], users: 1, groups: 1 })
    expect(eventsIn(rescued())).toEqual(original)
    const store = await startEmbeddedStore({ dataDir: rescued() })
    const client = EventStoreDBClient.connectionString(store.connectionString)
    expect((await client.getStreamMetadata('journey-2')).metadata).toEqual({ maxCount: 1_000, custom: 'kept' })
    expect(await errorOf(collect(client.readStream('journey-3')))).toMatchObject({ type: 'stream-not-found' })
    expect(await errorOf(collect(client.readStream('journey-4')))).toMatchObject({ type: 'stream-deleted' })
    expect(await client.getPersistentSubscriptionToStreamInfo('journey-1', 'group')).toMatchObject({
      groupName: 'group',
    })
    expect((await client.appendToStream('journey-1', anEvent())).nextExpectedRevision).toBe(8n)
    await client.dispose()
    await store.close()
  })

  it.each([
    ['the header and the schema', () => [1]],
    ['an index of streams', () => pagesOf('event_by_stream').slice(0, 3)],
    ['the index by event type', () => pagesOf('listed_by_type')],
    ['the names of streams, which their index repeats', () => pagesOf('stream')],
    ['the index of names', () => pagesOf('sqlite_autoindex_stream_1')],
    ['the pages that lead to others', () => pagesOf('event').slice(0, 1)],
  ])('loses no event where only %s is damaged', (_, pages) => {
    for (const page of pages()) overwrite(page)
    expect(salvaged()).toMatchObject({ events: original.size, lost: [], renamed: [] })
    expect(eventsIn(rescued())).toEqual(original)
  })

  it('names the events on a damaged page by stream and revision, and leaves one that says so in the place of each', async () => {
    overwrite(aPageOfEvents())
    const { lost, events } = salvaged()
    expect(lost.length).toBeGreaterThan(3)
    expect(events).toBe(original.size - lost.length)
    for (const { stream, revision, position } of lost)
      expect(original.get(`${revision}@${stream}`)).toMatch(new RegExp(`^${position} `))
    const [{ stream, revision }] = lost as unknown as [{ stream: string; revision: bigint }]
    const store = await startEmbeddedStore({ dataDir: rescued() })
    const client = EventStoreDBClient.connectionString(store.connectionString)
    const history = await collect(client.readStream(stream))
    expect(history.find(({ event }) => event!.revision === revision)!.event).toMatchObject({
      type: 'EventLost',
      data: { reason: 'lost to damage of the event file' },
    })
    await client.dispose()
    await store.close()
  })

  it('takes from a backup what is damaged and was written before it, and never from that of another store', async () => {
    overwrite(aPageOfEvents())
    overwrite(pagesOf('stream')[0]!)
    overwrite(pagesOf('sqlite_autoindex_stream_1')[1]!)
    const store = join(root, 'other')
    await (await startEmbeddedStore({ dataDir: store })).close()
    expect(() => salvageStore(dataDir, rescued(), join(store, 'events.sqlite'))).toThrow(/not one of this store/)
    const report = salvageStore(dataDir, rescued(), join(whole, 'events.sqlite'))
    expect(report).toMatchObject({ events: original.size, lost: [], renamed: [] })
    expect(report.fromBackup).toBeGreaterThan(3)
    expect(eventsIn(rescued())).toEqual(original)
  })

  it('finds what is in the write-ahead log alone', async () => {
    const connection = new Database(file())
    connection.pragma('journal_mode = WAL')
    connection.pragma('wal_autocheckpoint = 0')
    connection.exec(`UPDATE persistent_subscription SET next = 7`)
    const [copy, log] = [readFileSync(file()), readFileSync(`${file()}-wal`)]
    connection.close()
    writeFileSync(file(), copy)
    writeFileSync(`${file()}-wal`, log)
    overwrite(1)
    expect(salvaged()).toMatchObject({ events: original.size, lost: [], groups: 1 })
    const into = new Database(join(rescued(), 'events.sqlite'), { readonly: true })
    expect(into.prepare('SELECT next FROM persistent_subscription').pluck().get()).toBe(7)
    into.close()
  })

  it('of a file whose end is missing finds the events before it', () => {
    writeFileSync(file(), readFileSync(file()).subarray(0, statSync(file()).size - 40 * PAGE))
    const { events, lost } = salvaged()
    expect(events).toBeGreaterThan(original.size / 3)
    expect(lost.length).toBe(original.size - events)
  })

  it.each(Array.from({ length: Number(process.env.SALVAGE_RUNS ?? 12) }, (_, seed) => seed))(
    'of a file damaged at random (%i) tells of each event where it is',
    (seed) => {
      const random = xoroshiro128plus(seed)
      const pages = Math.floor(statSync(file()).size / PAGE)
      for (let times = 0; times < 1 + (seed % 6); times++) {
        const page = uniformInt(random, 1, pages)
        const bytes = readFileSync(file()).subarray((page - 1) * PAGE, page * PAGE)
        const from = uniformInt(random, 0, PAGE - 1)
        for (let at = from; at < Math.min(PAGE, from + uniformInt(random, 1, 900)); at++)
          bytes[at] = uniformInt(random, 0, 255)
        overwrite(page, bytes)
      }
      salvaged()
    },
  )

  it('is not made of a running store, nor over another', async () => {
    const store = await startEmbeddedStore({ dataDir })
    expect(() => salvageStore(dataDir, rescued())).toThrow(/in use/)
    await store.close()
    salvageStore(dataDir, rescued())
    expect(() => salvageStore(dataDir, rescued())).toThrow(/already has a store/)
  })
})

describe('at the terminal', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, '../../src/embedded-store/cli.ts'), ...args], {
      encoding: 'utf8',
    })

  it('verify names streams and revisions and says what to type; salvage lists the same', () => {
    overwrite(aPageOfEvents())
    const verified = run('verify', '--data-dir', dataDir)
    expect(verified.status).toBe(1)
    expect(verified.stdout).toMatch(/^Stream 'journey-\d+': revisions? \d+( to \d+)? (is|are) lost$/m)
    expect(verified.stdout).toMatch(/^\d{3,} events in \d{3,} streams are undamaged/m)
    expect(verified.stderr).toMatch(/npm run store -- restore FILE .*npm run store -- salvage NEW_DIRECTORY --data-dir/)
    const list = run('verify', '--json', '--data-dir', dataDir).stdout
    const made = run('salvage', '--data-dir', dataDir, rescued())
    expect([made.status, made.stderr]).toEqual([0, ''])
    expect(readFileSync(join(rescued(), 'lost.jsonl'), 'utf8')).toBe(list)
    const lines = list
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { stream: string; revision: number })
    for (const { stream, revision } of lines) expect(original.has(`${revision}@${stream}`)).toBe(true)
    expect(made.stdout).toContain(`${lines.length} events lost, listed in ${join(rescued(), 'lost.jsonl')}`)
    expect(existsSync(join(rescued(), 'events.sqlite.unfinished'))).toBe(false)
    expect(run('verify', '--data-dir', rescued()).status).toBe(0)
  })
})
