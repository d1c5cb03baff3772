import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import {
  EventStoreDBClient,
  NO_STREAM,
  START,
  binaryEvent,
  persistentSubscriptionToStreamSettingsFromDefaults,
} from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { backupStore, restoreStore, verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { aStream, anEvent, collect, errorOf, someEvents, temporaryDirectory } from '../event-store/target.ts'

const ROOM = join(import.meta.dirname, '../../src/embedded-store')
let dataDir: string
const open: (() => unknown)[] = []
beforeEach(async () => void (dataDir = await temporaryDirectory()))
afterEach(async () => {
  for (const close of open.splice(0)) await close()
  rmSync(dataDir, { recursive: true })
})
const start = async (options: Partial<Parameters<typeof startEmbeddedStore>[0]> = {}) => {
  const store = await startEmbeddedStore({ dataDir, ...options })
  const client = EventStoreDBClient.connectionString(store.connectionString)
  open.push(() => client.dispose(), store.close)
  return { store, client }
}
const file = () => join(dataDir, 'events.sqlite')

describe('when the disk', () => {
  it.each([
    ['is full', { diskFull: true }, /disk is full/],
    ['fails', { failingDisk: true }, /disk failed/],
  ])('%s nothing is acknowledged, reading goes on, and writing begins again by itself', async (_, faults, message) => {
    const { store, client } = await start({ faults: {} })
    const stream = aStream()
    await client.appendToStream(stream, someEvents(3), { expectedRevision: NO_STREAM })
    await store.setFaults(faults)
    const large = binaryEvent({ type: 'Large', data: new Uint8Array(500_000) })
    expect((await errorOf(client.appendToStream(stream, large, { expectedRevision: 2n }))).message).toMatch(message)
    const classic = { expectedRevision: 2n, credentials: { username: 'a', password: 'b' } }
    const unavailable = await errorOf(client.appendToStream(stream, large, classic))
    expect(unavailable).toMatchObject({ type: 'unavailable' })
    expect(await collect(client.readStream(stream))).toHaveLength(3)
    await store.setFaults({})
    expect((await client.appendToStream(stream, large, { expectedRevision: 2n })).nextExpectedRevision).toBe(3n)
    const all = await collect(client.readAll())
    expect(all.filter(({ event }) => event!.streamId === stream).map(({ event }) => event!.revision)).toEqual([
      0n,
      1n,
      2n,
      3n,
    ])
  })

  it('really is full, the same is true', async () => {
    // The operating system lets no file of this process grow beyond 2 MB.
    const child = spawn('bash', [
      '-c',
      `ulimit -S -f 2048; exec "${process.execPath}" "${join(import.meta.dirname, './crash/store-process.ts')}" "${dataDir}"`,
    ])
    open.push(() => child.kill('SIGKILL'))
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    const client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${Number(String(port))}?tls=false`)
    open.unshift(() => client.dispose())
    const stream = aStream()
    let acknowledged = 0
    const refused = await errorOf(
      (async () => {
        for (; acknowledged < 100; acknowledged++)
          await client.appendToStream(stream, binaryEvent({ type: 'Large', data: new Uint8Array(100_000) }))
      })(),
    )
    expect(refused.message).toMatch(/Nothing was written: the disk/)
    expect(await collect(client.readStream(stream))).toHaveLength(acknowledged)
    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited'])
    expect((await client.appendToStream(stream, anEvent())).nextExpectedRevision).toBe(BigInt(acknowledged))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(verifyFile(file())).toMatchObject({ events: acknowledged + 2, problems: [] })
  })
})

describe('verify', () => {
  const filled = async () => {
    const { store, client } = await start()
    await client.appendToStream('journey-1', someEvents(50))
    await client.appendToStream('journey-2', someEvents(50))
    await client.appendToStream('journey-3', someEvents(2))
    await client.deleteStream('journey-2')
    await client.tombstoneStream('journey-3')
    await client.dispose()
    await store.close()
  }
  const damage = (sql: string) => {
    const connection = new Database(file())
    connection.exec(sql)
    connection.close()
  }

  it('finds no problem in an undamaged store', async () => {
    await filled()
    expect(verifyFile(file())).toEqual({ events: 105, streams: 6, problems: [], lost: [] })
  })

  it.each([
    [
      'a changed event',
      `UPDATE event SET body = CAST(substr(body, 1, length(body) - 2) || '9}' AS BLOB) WHERE revision = 7 AND stream = (SELECT id FROM stream WHERE name = 'journey-1')`,
      /revision 7 of stream 'journey-1'/,
    ],
    [
      'a removed event',
      `DELETE FROM event WHERE revision = 9 AND stream = (SELECT id FROM stream WHERE name = 'journey-1')`,
      /1 events are missing before revision 10 of stream 'journey-1'/,
    ],
    [
      'two events that changed places',
      `UPDATE event SET revision = 1000 - revision WHERE stream = (SELECT id FROM stream WHERE name = 'journey-1') AND revision IN (3, 4)`,
      /of stream 'journey-1'/,
    ],
    [
      'a last event that was lost',
      'DELETE FROM event WHERE position = (SELECT max(position) FROM event)',
      /tombstone|should end at position/,
    ],
    [
      'a forged type',
      `INSERT INTO type VALUES (99, 'Forged'); UPDATE event SET type = 99 WHERE revision = 5 AND stream = (SELECT id FROM stream WHERE name = 'journey-1')`,
      /revision 5 of stream 'journey-1'/,
    ],
    [
      'an event listed under another type',
      `INSERT INTO listed_by_type SELECT 99, position FROM event WHERE position <= 1000; UPDATE log SET listed_up_to = 1000`,
      /The index by category has 0 entries, 0 of them right, for 7 events/,
    ],
  ])('names %s', async (_, sql, problem) => {
    await filled()
    damage(sql)
    const { problems } = verifyFile(file())
    expect(problems[0]).toMatch(problem)
  })

  it('is not needed to detect that the newest events are missing: such a store does not start', async () => {
    await filled()
    damage('DELETE FROM event WHERE position = (SELECT max(position) FROM event)')
    await expect(start()).rejects.toThrow(/should end at position \d+ and ends at \d+/)
  })

  it('names the event in a bad sector, which the store never returns', async () => {
    await filled()
    const bytes = readFileSync(file())
    const at = bytes.indexOf('"number":33')
    bytes.write('"number":34', at)
    writeFileSync(file(), bytes)
    expect(verifyFile(file()).problems[0]).toMatch(/Damaged: revision 33 of stream 'journey-[12]'/)
    const { client } = await start()
    const damaged = /revision 33 of stream '(journey-[12])'/.exec(verifyFile(file()).problems[0]!)![1]!
    expect(await errorOf(collect(client.readAll()))).toMatchObject({ code: 15 })
    if (damaged === 'journey-1')
      expect(await errorOf(collect(client.readStream('journey-1')))).toMatchObject({ code: 15 })
    expect(await collect(client.readStream('journey-1', { maxCount: 30 }))).toHaveLength(30)
  })
})

it('an unreadable event stops the readers that need it, and no others', async () => {
  const first = await start()
  await first.client.appendToStream('journey-1', someEvents(200))
  await first.client.createPersistentSubscriptionToStream(
    'journey-1',
    'group',
    persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START }),
  )
  await first.client.dispose()
  await first.store.close()
  const bytes = readFileSync(file())
  bytes.write('"number":34', bytes.indexOf('"number":33'))
  writeFileSync(file(), bytes)
  const { client } = await start()
  await client.enableProjection('$by_category')
  const consumer = client.subscribeToPersistentSubscriptionToStream('journey-1', 'group')
  const heard: number[] = []
  consumer.on('data', (event) => {
    heard.push(Number(event.event!.revision))
    void consumer.ack(event)
  })
  expect(await new Promise((resolve) => consumer.on('error', resolve))).toMatchObject({
    type: 'persistent-subscription-dropped',
  })
  expect(heard).not.toContain(33)
  for (let i = 0; i < 5; i++) await client.appendToStream('journey-2', someEvents(2))
  expect(await collect(client.readStream('journey-2'))).toHaveLength(10)
  await vi.waitFor(async () =>
    expect(await client.getProjectionStatus('$by_category')).toMatchObject({
      projectionStatus: 'Faulted',
      stateReason: expect.stringMatching(/revision 33 of stream 'journey-1'/),
    }),
  )
})

describe('a backup', () => {
  it('taken while the store is written to is a snapshot, and can be restored', async () => {
    const { client } = await start()
    const stream = aStream()
    let stop = false
    let written = 0
    const writing = (async () => {
      while (!stop) {
        await client.appendToStream(stream, someEvents(5))
        written += 5
      }
    })()
    while (written < 100) await new Promise((resolve) => setTimeout(resolve, 5))
    const atLeast = written
    const copy = join(dataDir, 'backups', 'one.sqlite')
    // In another process, as an operator runs it.
    execFileSync(process.execPath, [join(ROOM, 'cli.ts'), 'backup', '--data-dir', dataDir, copy])
    stop = true
    await writing
    expect(statSync(copy).mode & 0o077).toBe(0)
    const into = join(dataDir, 'restored')
    const { events } = restoreStore(copy, into)
    expect(events).toBeGreaterThanOrEqual(atLeast)
    expect(events % 5).toBe(1) // and the first event of every store
    const restored = await start({ dataDir: into })
    const original = await collect(client.readStream(stream, { maxCount: events - 1 }))
    expect(await collect(restored.client.readStream(stream))).toEqual(original)
  })

  it('overwrites no file, is not restored over a store, and is refused when damaged', async () => {
    const { client } = await start()
    await client.appendToStream('journey-1', someEvents(10))
    const copy = join(dataDir, 'copy.sqlite')
    backupStore(dataDir, copy)
    expect(() => backupStore(dataDir, copy)).toThrow(/exists already/)
    expect(() => restoreStore(copy, dataDir)).toThrow(/in use/)
    const bytes = readFileSync(copy)
    bytes.write('"number":9', bytes.indexOf('"number":4'))
    writeFileSync(copy, bytes)
    expect(() => restoreStore(copy, join(dataDir, 'other'))).toThrow(/revision 4 of stream 'journey-1'/)
  })
})

describe('the command line', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOM, 'cli.ts'), ...args], { encoding: 'utf8', input: 'a good password\n' })

  it('prints its commands', () => {
    const { stdout, status } = run('--help')
    expect(status).toBe(0)
    for (const command of ['run', 'verify', 'backup', 'restore', 'stats', 'users']) expect(stdout).toContain(command)
  })

  it('serves until SIGTERM, counts and verifies', async () => {
    const child = spawn(process.execPath, [join(ROOM, 'cli.ts'), 'run', '--data-dir', dataDir, '--port', '0'])
    open.push(() => child.kill('SIGKILL'))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const client = EventStoreDBClient.connectionString(String(line).trim())
    await client.appendToStream(aStream(), someEvents(4))
    await client.dispose()
    expect(JSON.parse(run('stats', '--json', '--data-dir', dataDir).stdout)).toMatchObject({ events: 5, streams: 2 })
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(run('verify', '--data-dir', dataDir)).toMatchObject({
      status: 0,
      stdout: '5 events in 3 streams are undamaged, 0 problems\n',
    })
    appendFileSync(file(), '')
    writeFileSync(file(), readFileSync(file()).subarray(0, -4096))
    expect(run('verify', '--data-dir', dataDir).status).toBe(1)
  })

  it('does not listen beyond this machine without TLS', () => {
    const { status, stderr } = run('run', '--data-dir', dataDir, '--host', '0.0.0.0')
    expect(status).toBe(1)
    expect(stderr).toMatch(/loopback/)
  })

  it('stores users, and never their passwords', () => {
    mkdirSync(dataDir, { recursive: true })
    expect(run('users', 'set', 'ops', '$ops', '--data-dir', dataDir).status).toBe(0)
    expect(run('users', 'list', '--data-dir', dataDir).stdout).toBe('ops\t$ops\n')
    expect(readFileSync(file()).includes('a good password')).toBe(false)
    expect(run('users', 'remove', 'ops', '--data-dir', dataDir).status).toBe(0)
    expect(run('users', 'remove', 'ops', '--data-dir', dataDir).status).toBe(1)
  })
})
