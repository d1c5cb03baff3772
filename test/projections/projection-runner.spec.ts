import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Projection, Table } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { CheckpointConflict, DowngradeRefused } from '../../projections/runner/checkpoint-store.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { acquireAll, everything, hear, openReadModels, runnerOf } from '../support/read-models.ts'
import { importText, reported, temporaryWorkplace } from '../support/runtime.ts'
import { withholding } from '../support/reached.ts'

const smallLog = csvOf(
  simulateContactLog({ seed: 5, journeys: 25, from: '2023-01-01', until: '2024-12-31', messy: false }),
)

const poisons: { type: string; data: unknown; schemaVersion?: number; why: RegExp }[] = [
  { type: 'WarningIssued', data: {}, why: /nothing is wrong/ },
  { type: 'WarningIssued', data: 'not an object', why: /not a JSON object/ },
  { type: 'SomethingElse', data: {}, why: /unknown event type SomethingElse/ },
  { type: 'Something\0else', data: {}, why: /what no database can keep/ },
  { type: 'WarningIssued', data: {}, schemaVersion: 99, why: /schema version 99/ },
  { type: 'ParticipantDroppedOut', data: {}, why: /it has no reason/ },
  { type: 'WarningIssued', data: { sealed: 'x'.repeat(950_000) }, why: /it is too large/ },
  { type: 'AllocatedToGroup', data: { groupId: 'G\0' }, why: /what no database can keep/ },
  { type: 'AllocatedToGroup', data: { groupId: 'G\ud800' }, why: /what no database can keep/ },
]

const freshDatabase = bothDatabases()

const targetOf = (table: Table) => ({ table, name: table.name, hasKey: true })

describe.each(databases)('the projector, on %s', (kind) => {
  const runtimeOfItsOwn = async () => temporaryWorkplace(await freshDatabase(kind))

  it('built again from the first event says the same, row for row', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    const live = await everything(runtime.readModels)
    expect(live.timeline!.length).toBeGreaterThan(100)
    for (const projection of projections) await runtime.readModels.reset(projection)
    expect((await everything(runtime.readModels)).timeline).toEqual([])
    await waitUntilCaughtUp(runtime)
    expect(await everything(runtime.readModels)).toEqual(live)
  })

  it('heard in many small batches says the same as heard in large ones', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    const whole = await everything(runtime.readModels)
    for (const projection of projections) await runtime.readModels.reset(projection)
    // Stopped after every few batches and begun again: what is left to hear is taken up at the checkpoint.
    for (let most = 1; !(await hear(runtime, { most, batches: 3 })); most = (most % 60) + 7);
    expect(await everything(runtime.readModels)).toEqual(whole)
  })

  it('says in its read models what the log says', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    expect(await reported(runtime, 'read-model')).toEqual(await reported(runtime, 'log'))
  })

  it('that is stale commits nothing', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    const { readModels } = runtime
    const stale = await acquireAll(readModels)
    const before = await everything(readModels)
    await acquireAll(readModels) // another takes over, and has heard nothing new yet
    const table = projections[0]!.tables[0]!
    const rows = new Map([[targetOf(table), [{ participant_id: 'x', event_id: 'x', sealed: null }]]])
    const write = { checkpoint: stale[0]!, upTo: stale[0]!.position! + 1n, lastEvent: null, rows, parked: [] }
    await expect(readModels.checkpointStore.commit([write])).rejects.toThrow(CheckpointConflict)
    expect(await everything(readModels)).toEqual(before)
  })

  it('leaves no effect without its checkpoint, and no checkpoint without its effect', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    const { readModels } = runtime
    const checkpoints = await acquireAll(readModels)
    const before = [await everything(readModels), await readModels.asOf()]
    const table = projections[0]!.tables[0]!
    const rows = new Map([[targetOf(table), [{ participant_id: 'x', event_id: null, sealed: {} as Buffer }]]])
    const good = {
      checkpoint: checkpoints[1]!,
      upTo: checkpoints[1]!.position! + 1n,
      lastEvent: null,
      rows: new Map(),
      parked: [],
    }
    const parked = [{ stream: 's', revision: null as unknown as number, why: 'no revision: the database refuses it' }]
    const write = { checkpoint: checkpoints[0]!, upTo: checkpoints[0]!.position! + 1n, lastEvent: null, rows, parked }
    await expect(readModels.checkpointStore.commit([good, write])).rejects.toThrow()
    expect([await everything(readModels), await readModels.asOf()]).toEqual(before)
  })

  it('refuses read models that a newer release built, and says so', async () => {
    const { readModels, store, vault } = await runtimeOfItsOwn()
    const newer = projections.map((projection) => ({ ...projection, version: 99 }))
    for (const projection of newer) await readModels.reset(projection)
    await expect(readModels.checkpointStore.acquire(projections[0]!)).rejects.toThrow(DowngradeRefused)
    const runner = runnerOf({ store, readModels, vault })
    await expect(runner.catchUpTo(1n)).rejects.toThrow(/built by a newer release \(its version is 99/)
  })

  it('parks each stream at what cannot be understood, shows it parked, and goes on with all others', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    const { store, vault, readModels, eventStoreUrl } = runtime
    const client = EventStoreDBClient.connectionString(eventStoreUrl)
    onTestFinished(() => client.dispose())
    const told: { journeyId: string; good: StoredEvent }[] = []
    for (const n of poisons.keys()) {
      const journeyId = vault.find('reference', `R-01-${String(n + 1).padStart(5, '0')}-1`)!
      told.push({ journeyId, good: (await Array.fromAsync(store.read(`journey-${journeyId}`))).at(-1)! })
    }
    const [other, ...poisoned] = told
    const warning = (good: StoredEvent) =>
      jsonEvent({ type: 'WarningIssued', data: {}, metadata: good.metadata as never })
    for (const [n, { journeyId, good }] of poisoned.entries()) {
      const { type, data, schemaVersion = 1 } = poisons[n + 1]!
      const metadata = { ...(good.metadata as object), schemaVersion }
      await client.appendToStream(`journey-${journeyId}`, jsonEvent({ type, data: data as never, metadata }))
      await client.appendToStream(`journey-${journeyId}`, warning(good))
    }
    await client.appendToStream(`journey-${other!.journeyId}`, warning(other!.good))
    await waitUntilCaughtUp(runtime)
    const journeys = new Journeys(store, readModels, vault, withholding())
    for (const [n, { journeyId, good }] of poisoned.entries()) {
      const header = await journeys.header(journeyId)
      const why = expect.stringMatching(poisons[n + 1]!.why) as string
      expect(header!.parked).toEqual({ revision: good.revision + 1, why })
      expect(header!.revision).toBe(good.revision)
    }
    const timeline = await journeys.timeline((await journeys.header(other!.journeyId))!)
    expect(timeline.toSorted((one, next) => one.revision - next.revision).at(-1)!.type).toBe('WarningIssued')
    expect((await journeys.header(other!.journeyId))!.parked).toBeNull()
  })

  it('parks a stream where a handler fails, with none of that event’s changes', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, smallLog)
    const { readModels, store, vault } = runtime
    const failing = projections.map((projection): Projection => {
      if (projection.name !== 'timeline') return projection
      const bug = () => {
        throw new Error('a mistake in the handler')
      }
      return { ...projection, on: { ...projection.on, ParticipantDroppedOut: bug } }
    })
    for (const projection of failing) await readModels.reset(projection)
    await runnerOf({ store, readModels, vault }, failing).catchUpTo(await store.headPositionOf(['journey']))
    const held = await readModels.parkedStreams.list()
    expect(held.length).toBeGreaterThan(0)
    expect(held.every(({ projection, why }) => projection === 'timeline' && why === 'its handler failed')).toBe(true)
    const { timeline, caseload } = await everything(readModels)
    expect(timeline!.some(({ type }) => type === 'ParticipantDroppedOut')).toBe(false)
    expect(timeline!.some(({ type }) => type === 'ProgrammeCompleted')).toBe(true)
    expect(caseload!.some(({ outcome }) => outcome === 'dropped_out')).toBe(true)
  })

  it('lets another process wait for what it has not heard yet', async () => {
    const url = await freshDatabase(kind)
    const runtime = await temporaryWorkplace(url)
    const elsewhere = await openReadModels(runtime.config.dataDir, url)
    onTestFinished(() => elsewhere.close())
    runtime.runner!.start()
    expect(await elsewhere.waitFor('1', 50)).toBe(false)
    await importText(runtime, smallLog)
    const end = await runtime.store.headPositionOf(['journey', 'participant'])
    expect(await elsewhere.waitFor(String(end), 2_000)).toBe(true)
  })

  it('promises nothing that its database may have lost since', async () => {
    const { readModels, runner, store, ...runtime } = await runtimeOfItsOwn()
    runner!.start()
    await importText({ ...runtime, readModels, runner, store }, smallLog)
    const end = String(await store.headPositionOf(['journey', 'participant']))
    expect(await readModels.waitFor(end, 2_000)).toBe(true)
    await runner!.stop()
    expect(await readModels.waitFor(end, 2_000)).toBe(true)
    // As after a crash of the server: what was written last was never synced.
    await readModels.db.updateTable('checkpoint').set({ position: '0' }).execute()
    expect(await readModels.waitFor(end, 200)).toBe(false)
  })
})

describe('the two databases', () => {
  it('agree on every row and on the order of every page', async () => {
    const rows: unknown[] = []
    const pages: unknown[] = []
    const sqlite = await temporaryWorkplace()
    await importText(sqlite, smallLog)
    const postgres = await openReadModels(sqlite.config.dataDir, await freshDatabase('PostgreSQL'))
    onTestFinished(() => postgres.close())
    await postgres.prepare(projections)
    const end = await sqlite.store.headPositionOf(['journey', 'participant'])
    await runnerOf({ ...sqlite, readModels: postgres }).catchUpTo(end)
    for (const readModels of [sqlite.readModels, postgres]) {
      rows.push(await everything(readModels))
      const journeys = new Journeys(sqlite.store, readModels, sqlite.vault, withholding())
      const all = []
      for (const sort of ['last_contact', 'referred', 'status', 'attended', 'unacceptable'] as const)
        for (const direction of ['asc', 'desc'] as const)
          for (const page of [1, 2, 3]) all.push(await journeys.caseload({ sort, direction, page, pageSize: 10 }))
      pages.push(all)
    }
    expect(rows[1]).toEqual(rows[0])
    expect(pages[1]).toEqual(pages[0])
  })
})
