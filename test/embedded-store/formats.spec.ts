/** `fixtures/format-N.sqlite` was written by the version whose newest format was N. */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { EventStoreDBClient, eventTypeFilter, streamNameFilter } from '@eventstore/db-client'
import type { Filter } from '@eventstore/db-client'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { openDatabase } from '../../src/embedded-store/storage/database.ts'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { restoreStore, verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { anEvent, collect, temporaryDirectory } from '../event-store/target.ts'

const backup = join(import.meta.dirname, './fixtures/format-2.sqlite')

it('a backup of format 2 is restored, migrated, read through filters and written to', async () => {
  const dataDir = await temporaryDirectory()
  expect(restoreStore(backup, dataDir)).toEqual({ events: 26, streams: 7, problems: [], lost: [] })
  const store = await startEmbeddedStore({ dataDir })
  const client = EventStoreDBClient.connectionString(store.connectionString)
  try {
    const revisions = async (filter: Filter, count: number) => {
      const found: string[] = []
      for await (const { event } of client.subscribeToAll({ filter })) {
        found.push(`${event!.streamId} ${event!.revision} ${event!.type}`)
        if (found.length === count) break
      }
      return found
    }
    await client.appendToStream('referral-0', anEvent('SessionHeld'), { expectedRevision: 3n })
    expect(await revisions(streamNameFilter({ prefixes: ['referral-0'] }), 5)).toEqual([
      'referral-0 0 ReferralReceived',
      'referral-0 1 ReferralReceived',
      'referral-0 2 ReferralReceived',
      'referral-0 3 ReferralReceived',
      'referral-0 4 SessionHeld',
    ])
    const held = await revisions(eventTypeFilter({ prefixes: ['SessionHeld'] }), 9)
    expect(held.at(-1)).toBe('referral-0 4 SessionHeld')
    expect(await collect(client.readStream('journey-1'))).toHaveLength(2)
    await expect(collect(client.readStream('referral-2'))).rejects.toMatchObject({ type: 'stream-deleted' })
  } finally {
    await client.dispose()
    await store.close()
  }
  expect(verifyFile(join(dataDir, 'events.sqlite')).problems).toEqual([])
  rmSync(dataDir, { recursive: true })
})

it('a store of format 2 whose newest events are missing is neither restored nor migrated', async () => {
  const dataDir = await temporaryDirectory()
  const damaged = join(dataDir, 'damaged.sqlite')
  copyFileSync(backup, damaged)
  const connection = new Database(damaged)
  connection.exec(
    `DELETE FROM event WHERE position >= (SELECT max(position) FROM event WHERE revision < 1000); UPDATE stream SET tombstoned = 0`,
  )
  connection.close()
  const lost = "Stream '$$journey-1' should end at revision 0 and ends at -1"
  expect(verifyFile(damaged).problems).toContain(lost)
  expect(() => restoreStore(damaged, join(dataDir, 'restored'))).toThrow(lost)
  mkdirSync(join(dataDir, 'moved'))
  copyFileSync(damaged, join(dataDir, 'moved/events.sqlite'))
  expect(() => openDatabase(join(dataDir, 'moved'))).toThrow(lost)
  rmSync(dataDir, { recursive: true })
})
