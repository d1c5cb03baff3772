/** The log is moved to another store, or put back from an older copy: a position then stands for another event, and nobody goes on from it. */
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { projections } from '../../projections/projections.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { ShadowTables } from '../../projections/rebuild/shadow-tables.ts'
import { copyEvents } from '../../src/embedded-store/copy.ts'
import { startEmbeddedStore, type EmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { openRuntime, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, settingsIn, temporaryDirectory } from '../support/runtime.ts'

const logOf = (seed: number) =>
  csvOf(simulateContactLog({ seed, journeys: 12, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

async function store(dataDir = join(temporaryDirectory(), 'store')): Promise<EmbeddedStore> {
  const started = await startEmbeddedStore({ dataDir })
  onTestFinished(() => started.close())
  return started
}

/** What other applications have written to the log: with it, everything after it has another position. */
async function written({ connectionString }: EmbeddedStore, events: number): Promise<void> {
  const client = EventStoreDBClient.connectionString(connectionString)
  await client.appendToStream(
    'another-application',
    Array.from({ length: events }, () => jsonEvent({ type: 'SomethingElse', data: {} })),
  )
  await client.dispose()
}

async function copied(from: EmbeddedStore, to: EmbeddedStore): Promise<void> {
  const clients = [from, to].map(({ connectionString }) => EventStoreDBClient.connectionString(connectionString))
  await copyEvents(clients[0]!, clients[1]!)
  await Promise.all(clients.map((client) => client.dispose()))
}

describe.each(databases)('read models that were built from another log, on %s,', (kind) => {
  /** An installation whose log is in a store of its own, built and closed. */
  async function installation(log: EmbeddedStore) {
    const dataDir = join(temporaryDirectory(), 'data')
    const databaseUrl = await freshDatabase(kind)
    const openOn = async ({ connectionString }: EmbeddedStore, options = {}): Promise<Runtime> => {
      const settings = settingsIn(dataDir, { DATABASE_URL: databaseUrl, EVENT_STORE_URL: connectionString })
      const runtime = await openRuntime(settings, options)
      onTestFinished(() => runtime.close())
      return runtime
    }
    const runtime = await openOn(log)
    await importText(runtime, logOf(1))
    await waitUntilCaughtUp(runtime)
    const rows = await everything(runtime.readModels)
    await runtime.close()
    return { openOn, rows }
  }

  it('are rebuilt from the log as it now is while they are served, and nothing goes on from the middle', async () => {
    const [before, after] = [await store(), await store()]
    const { openOn, rows } = await installation(before)
    await written(after, 40) // the old checkpoint is now a position in the middle of the log
    await copied(before, after)

    const runtime = await openOn(after)
    expect(BigInt((await runtime.readModels.asOf()).position)).toBeLessThan(await runtime.store.headPosition())
    runtime.runner!.start()
    const count = async () => (await everything(runtime.readModels)).caseload!.length
    const counts = [await count()]
    let isCaughtUp = false
    const caughtUp = waitUntilCaughtUp(runtime).then(() => (isCaughtUp = true))
    while (!isCaughtUp) {
      counts.push(await count())
      await pause(2)
    }
    await caughtUp
    expect(new Set(counts), 'the case load is never empty or partial').toEqual(new Set([rows.caseload!.length]))
    expect(await everything(runtime.readModels)).toEqual(rows)
    await importText(runtime, logOf(2))
    await waitUntilCaughtUp(runtime)
    expect((await everything(runtime.readModels)).caseload!.length).toBeGreaterThan(rows.caseload!.length)
  })

  it.each(["event_id = 'another'", "event_position = '3'", "event_id = '', event_position = ''"])(
    'are rebuilt where the checkpoint says %s and the log does not',
    async (remembered) => {
      const log = await store()
      const { openOn, rows } = await installation(log)
      const before = await openOn(log)
      await before.readModels.database.transaction(async ({ run }) => {
        await run(`UPDATE checkpoint SET ${remembered}`)
        await run('DELETE FROM timeline WHERE revision > 1')
      })
      await before.close()
      const runtime = await openOn(log)
      await waitUntilCaughtUp(runtime)
      expect(await everything(runtime.readModels)).toEqual(rows)
      const checkpoints = await runtime.readModels.checkpoints()
      await runtime.close()
      expect(await (await openOn(log)).readModels.checkpoints(), 'and are not rebuilt again').toEqual(checkpoints)
    },
  )

  it('are refused where the log ends before what they have read, and a rebuild never is', async () => {
    const [short, long] = [await store(), await store()]
    const { openOn, rows } = await installation(short)
    await written(long, 40)
    await copied(short, long)
    const there = await openOn(long)
    await waitUntilCaughtUp(there)
    await there.close()

    await expect(openOn(short)).rejects.toThrow(/moved to another store.*npm run rebuild$/)
    const rebuilding = await openOn(short, { besideAnother: true, toRebuild: true })
    expect(
      await rebuildReadModels({ ...rebuilding, log: silent }, projections, { signal: new AbortController().signal }),
    ).toBe(true)
    expect(await everything(rebuilding.readModels)).toEqual(rows)
    await rebuilding.close()
    const back = await openOn(short)
    await waitUntilCaughtUp(back)
    expect(await everything(back.readModels)).toEqual(rows)
  })

  it('do not resume a rebuild that another log began', async () => {
    const [before, after] = [await store(), await store()]
    const { openOn, rows } = await installation(before)
    const begun = await openOn(before)
    const stop = new AbortController()
    await rebuildReadModels({ ...begun, log: silent }, projections, {
      signal: stop.signal,
      batchSize: 5,
      onProgress: ({ events }) => void (events > 30 && stop.abort()),
    })
    const shadow = (await begun.readModels.checkpoints()).filter((row) => row.table_set === 'shadow')
    expect(shadow.map(({ position }) => position)).not.toContain('')
    await begun.close()
    await written(after, 40)
    await copied(before, after)
    const runtime = await openOn(after)
    await waitUntilCaughtUp(runtime)
    expect(await everything(runtime.readModels)).toEqual(rows)
    for (const projection of projections)
      expect(await new ShadowTables(runtime.readModels.database).rebuildState(projection)).toBe('none')
  })
})
