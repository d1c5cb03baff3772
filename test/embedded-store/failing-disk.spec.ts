/** The handling of failed syncs, which SQLite leaves to the application, and stores on a disk that really fails; only root can make such a disk. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventStoreDBClient, binaryEvent } from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/embedded-store/storage/database.ts'
import { verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { WriteAheadLog } from '../../src/embedded-store/storage/write-ahead-log.ts'
import { anEvent, collect, errorOf } from '../event-store/target.ts'
import { Disk, mayMakeDisks } from './failing-disk.ts'

let directory: string
let child: ChildProcess | undefined
let client: EventStoreDBClient
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'failing-disk-'))))
afterEach(async () => {
  if (child) await kill()
  rmSync(directory, { recursive: true })
})

describe('the write-ahead log', () => {
  const insert = (name: string) => `INSERT INTO category (name) VALUES ('${name}')`

  it('after a failed commit ends with the last successful one', () => {
    const connection = openDatabase(directory)
    const log = new WriteAheadLog(connection)
    connection.exec(insert('good'))
    const file = join(directory, 'events.sqlite-wal')
    const { size } = statSync(file)
    appendFileSync(file, Buffer.alloc(20_000, 1))
    log.discardFailedCommit()
    expect(statSync(file).size).toBe(size + 20_000)
    log.markCommitFailed()
    log.discardFailedCommit()
    expect(statSync(file).size).toBe(size)
    connection.exec(insert('later'))
    log.close()
    const again = openDatabase(directory)
    expect(again.prepare('SELECT name FROM category').pluck().all()).toEqual(['good', 'later'])
    again.close()
  })

  it('without any successful commit is emptied', () => {
    const connection = openDatabase(directory)
    const log = new WriteAheadLog(connection)
    log.makeDurable()
    appendFileSync(join(directory, 'events.sqlite-wal'), Buffer.alloc(20_000, 1))
    log.markCommitFailed()
    log.discardFailedCommit()
    expect(statSync(join(directory, 'events.sqlite-wal')).size).toBe(0)
    log.close()
  })

  it('is checkpointed when it has grown long', () => {
    const connection = openDatabase(directory)
    const log = new WriteAheadLog(connection)
    for (let i = 0; i < 4000; i++) {
      connection.exec(insert(`number ${i}`))
      log.afterCommit()
    }
    expect(statSync(join(directory, 'events.sqlite-wal')).size).toBeLessThan(4100 * 4120)
    const copy = join(directory, 'copy.sqlite')
    cpSync(join(directory, 'events.sqlite'), copy)
    log.close()
    expect(statSync(copy).size).toBeGreaterThan(50_000)
  })
})

it('what a killed store left in the write-ahead log is in the main file before the store answers again', async () => {
  await start(directory)
  await append(20)
  await kill()
  await start(directory)
  const copy = join(directory, 'main-file-alone.sqlite')
  cpSync(join(directory, 'events.sqlite'), copy)
  expect(verifyFile(copy)).toMatchObject({ events: 21, problems: [] })
})

describe.runIf(mayMakeDisks())('on a disk that fails', () => {
  let disk: Disk
  beforeEach(() => void (disk = new Disk(directory)))
  afterEach(async () => {
    if (child) await kill()
    disk.remove()
  })

  it('nothing is acknowledged, reads succeed, and what is acknowledged later survives a power cut', async () => {
    await start(disk.data)
    const acknowledged = await append(40)
    disk.fail()
    for (let i = 0; i < 20; i++)
      expect((await errorOf(append(1))).message).toMatch(/Nothing was written: the disk failed \(SQLITE_IOERR_FSYNC\)/)
    expect(await ids()).toEqual(acknowledged)
    disk.recover()
    acknowledged.push(...(await append(20)))
    await kill()
    disk.cutPower()
    await start(disk.data)
    expect(await ids()).toEqual(acknowledged)
  })

  it('an append that was refused and is repeated after a restart of the store survives a power cut', async () => {
    await start(disk.data)
    const acknowledged = await append(40)
    disk.fail()
    const refused = large()
    expect((await errorOf(client.appendToStream('one', refused))).message).toMatch(/Nothing was written/)
    await kill()
    expect(await startsNot(disk.data)).toMatch(/The disk fails/)
    disk.recover()
    await start(disk.data)
    await client.appendToStream('one', refused)
    acknowledged.push(refused.id, ...(await append(20)))
    await kill()
    disk.cutPower()
    await start(disk.data)
    expect(await ids()).toEqual(acknowledged)
  })

  it('a main file that cannot grow loses nothing', async () => {
    await start(disk.data)
    // The write-ahead log has had its full length and is overwritten from its start: it needs no new blocks for a while.
    const acknowledged = await append(200, 100_000)
    disk.fail()
    let said = ''
    child!.stderr!.on('data', (text: Buffer) => (said += String(text)))
    while (!said.includes('events stay in')) acknowledged.push(...(await append(10)))
    disk.recover()
    acknowledged.push(...(await append(50)))
    await kill()
    disk.cutPower()
    await start(disk.data)
    expect(await ids()).toEqual(acknowledged)
    await kill()
    expect(verifyFile(join(disk.data, 'events.sqlite')).problems).toEqual([])
  })
})

const large = (bytes = 3000) => binaryEvent({ id: anEvent().id, type: 'Large', data: new Uint8Array(bytes) })

/** The ids of the acknowledged events, in order; throws at the first append that fails. */
async function append(count: number, bytes?: number): Promise<string[]> {
  const written: string[] = []
  for (let i = 0; i < count; i++) {
    const event = large(bytes)
    await client.appendToStream('one', event)
    written.push(event.id)
  }
  return written
}

const ids = async () => (await collect(client.readStream('one'))).map(({ event }) => event!.id)

function spawnStore(dataDir: string): ChildProcess {
  child = spawn(process.execPath, [join(import.meta.dirname, './crash/store-process.ts'), dataDir])
  return child
}

async function start(dataDir: string): Promise<void> {
  const starting = spawnStore(dataDir)
  const [port] = (await Promise.race([
    once(starting.stdout!, 'data'),
    once(starting, 'exit').then(() => Promise.reject(new Error('The store did not start'))),
  ])) as [Buffer]
  client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${Number(String(port))}?tls=false`)
}

/** The error of a store that cannot start. */
async function startsNot(dataDir: string): Promise<string> {
  const failing = spawnStore(dataDir)
  let said = ''
  failing.stderr!.on('data', (text: Buffer) => (said += String(text)))
  await once(failing, 'exit')
  child = undefined
  return said
}

async function kill(): Promise<void> {
  const dying = child!
  child = undefined
  dying.kill('SIGKILL')
  if (dying.exitCode === null && dying.signalCode === null) await once(dying, 'exit')
}
