import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { Projector } from '../../projections/projector.ts'
import { replayHeld } from '../../projections/replay.ts'
import { verifyProjections } from '../../projections/verify.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { heardEverything } from '../../src/workplace.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/workplace.ts'

const log = csvOf(simulateContactLog({ seed: 5, journeys: 15, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

describe.each(databases)('a held journey, on %s', (kind) => {
  it('goes on again when it is replayed after a fix, while the projector follows', async () => {
    const workplace = await temporaryWorkplace(await freshDatabase(kind))
    await importText(workplace, log)
    const right = await everything(workplace.readModels)
    const { store, vault, readModels } = workplace
    const broken = projections.map((projection): Projection => {
      const bug = () => {
        throw new Error('a mistake in the handler')
      }
      return { ...projection, on: { ...projection.on, AllocatedToGroup: bug } }
    })
    for (const projection of broken) await readModels.startOver(projection)
    await new Projector(store, readModels, vault, silent, broken).level(await store.endOf(['journey']))
    const held = new Set((await readModels.held()).map(({ stream }) => stream))
    expect(held.size).toBeGreaterThan(5)

    // The mistake is mended and the app started again: what is held stays held until somebody says so.
    workplace.projector!.start()
    const [first] = held
    for (const stream of held) expect(await replayHeld({ ...workplace, log: silent }, projections, stream)).toEqual([])
    expect(await readModels.held()).toEqual([])
    expect(await everything(readModels)).toEqual(right)

    // The projector, which had it held in its memory, now hears what follows.
    const client = EventStoreDBClient.connectionString(workplace.eventStoreUrl)
    onTestFinished(() => client.dispose())
    const good = (await Array.fromAsync(store.read(first!))).at(-1)!
    await client.appendToStream(
      first!,
      jsonEvent({ type: 'WarningIssued', data: {}, metadata: good.metadata as never }),
    )
    await heardEverything(workplace)
    const verdicts = await verifyProjections({ ...workplace, log: silent }, projections, workplace.config.dataDir)
    expect(verdicts.filter(({ differences }) => differences > 0)).toEqual([])
    expect((await everything(readModels)).timeline!.length).toBe(right.timeline!.length + 1)
  })

  it('whose stream has a name no database keeps is listed under another, and stops nobody else', async () => {
    const workplace = await temporaryWorkplace(await freshDatabase(kind))
    await importText(workplace, log)
    const { store, readModels, eventStoreUrl } = workplace
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
      await heardEverything(workplace)
      expect((await everything(readModels)).timeline).toHaveLength(rows + told)
      const held = (await readModels.held()).map(({ stream, revision, why }) => ({ stream, revision, why }))
      const one = { stream: 'journey-a\ufffdb', revision: 0, why: 'it holds what no database can keep' }
      expect(held.length).toBeGreaterThan(0)
      expect(held).toEqual(held.map(() => one))
      const still = await replayHeld({ ...workplace, log: silent }, projections, one.stream)
      expect(still).toHaveLength(held.length)
      expect(await readModels.held()).toHaveLength(held.length)
    }
    const verdicts = await verifyProjections({ ...workplace, log: silent }, projections, workplace.config.dataDir)
    expect(verdicts.filter(({ differences }) => differences > 0)).toEqual([])
  })

  it('stays held, and says why, where nothing was put right', async () => {
    const workplace = await temporaryWorkplace(await freshDatabase(kind))
    await importText(workplace, log)
    const { store, vault, readModels } = workplace
    const stream = `journey-${vault.find('reference', 'R-01-00001-1')}`
    const client = EventStoreDBClient.connectionString(workplace.eventStoreUrl)
    onTestFinished(() => client.dispose())
    await client.appendToStream(stream, jsonEvent({ type: 'SomethingElse', data: {} }))
    await heardEverything(workplace)
    const before = [await everything(readModels), await readModels.held()]
    expect(before[1]!.length).toBe(projections.length)
    const still = await replayHeld({ ...workplace, log: silent }, projections, stream)
    expect(still.map(({ why }) => why)).toEqual(Array(projections.length).fill('unknown event type SomethingElse'))
    expect([await everything(readModels), await readModels.held()]).toEqual(before)
    expect((await Array.fromAsync(store.read(stream))).at(-1)!.revision).toBe(still[0]!.revision)
  })
})
