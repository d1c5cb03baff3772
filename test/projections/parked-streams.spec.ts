import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { reprocess } from '../../projections/runner/reprocess.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, runnerOf, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 5, journeys: 15, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

describe.each(databases)('a held journey, on %s', (kind) => {
  it('goes on again when it is replayed after a fix, while the projector follows', async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    const right = await everything(runtime.readModels)
    const { store, vault, readModels } = runtime
    const broken = projections.map((projection): Projection => {
      const bug = () => {
        throw new Error('a mistake in the handler')
      }
      return { ...projection, on: { ...projection.on, AllocatedToGroup: bug } }
    })
    for (const projection of broken) await readModels.reset(projection)
    await runnerOf({ store, readModels, vault }, broken).catchUpTo(await store.headPositionOf(['journey']))
    const held = new Set((await readModels.parkedStreams.list()).map(({ stream }) => stream))
    expect(held.size).toBeGreaterThan(5)

    // The mistake is mended and the app started again: what is held stays held until somebody says so.
    runtime.runner!.start()
    const [first] = held
    for (const stream of held) expect(await reprocess({ ...runtime, log: silent }, projections, stream)).toEqual([])
    expect(await readModels.parkedStreams.list()).toEqual([])
    expect(await everything(readModels)).toEqual(right)

    // The projector, which had it held in its memory, now hears what follows.
    const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
    onTestFinished(() => client.dispose())
    const good = (await Array.fromAsync(store.read(first!))).at(-1)!
    await client.appendToStream(
      first!,
      jsonEvent({ type: 'WarningIssued', data: {}, metadata: good.metadata as never }),
    )
    await waitUntilCaughtUp(runtime)
    const verdicts = await verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
    expect(verdicts.filter(({ differences }) => differences > 0)).toEqual([])
    expect((await everything(readModels)).timeline!.length).toBe(right.timeline!.length + 1)
  })

  it('whose stream has a name no database keeps is listed under another, and stops nobody else', async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    const { store, readModels, eventStoreUrl } = runtime
    const client = EventStoreDBClient.connectionString(eventStoreUrl)
    onTestFinished(() => client.dispose())
    const known = `journey-${String((await everything(readModels)).caseload![0]!.journey_id)}`
    const good = (await Array.fromAsync(store.read(known))).at(-1)!
    const warning = () => jsonEvent({ type: 'WarningIssued', data: {}, metadata: good.metadata as never })
    const rows = (await everything(readModels)).timeline!.length
    // Told twice, by a projector that has begun anew in between.
    for (const told of [1, 2]) {
      await client.appendToStream('journey-a\0b', warning())
      await client.appendToStream(known, warning())
      await waitUntilCaughtUp(runtime)
      expect((await everything(readModels)).timeline).toHaveLength(rows + told)
      const held = (await readModels.parkedStreams.list()).map(({ stream, revision, why }) => ({
        stream,
        revision,
        why,
      }))
      const one = { stream: 'journey-a\ufffdb', revision: 0, why: 'it holds what no database can keep' }
      expect(held.length).toBeGreaterThan(0)
      expect(held).toEqual(held.map(() => one))
      const still = await reprocess({ ...runtime, log: silent }, projections, one.stream)
      expect(still).toHaveLength(held.length)
      expect(await readModels.parkedStreams.list()).toHaveLength(held.length)
    }
    const verdicts = await verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
    expect(verdicts.filter(({ differences }) => differences > 0)).toEqual([])
  })

  it('stays held, and says why, where nothing was put right', async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    const { store, vault, readModels } = runtime
    const stream = `journey-${vault.find('reference', 'R-01-00001-1')}`
    const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
    onTestFinished(() => client.dispose())
    await client.appendToStream(stream, jsonEvent({ type: 'SomethingElse', data: {} }))
    await waitUntilCaughtUp(runtime)
    const before = [await everything(readModels), await readModels.parkedStreams.list()]
    expect(before[1]!.length).toBe(projections.length)
    const still = await reprocess({ ...runtime, log: silent }, projections, stream)
    expect(still.map(({ why }) => why)).toEqual(Array(projections.length).fill('unknown event type SomethingElse'))
    expect([await everything(readModels), await readModels.parkedStreams.list()]).toEqual(before)
    expect((await Array.fromAsync(store.read(stream))).at(-1)!.revision).toBe(still[0]!.revision)
  })
})
