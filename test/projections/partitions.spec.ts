import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CheckpointConflict } from '../../projections/runner/checkpoint-store.ts'
import { projections } from '../../projections/projections.ts'
import { partitionCountFor } from '../../projections/rebuild/partitions.ts'
import { rebuildReadModels, type RebuildProgress } from '../../projections/rebuild/rebuild.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 7, journeys: 30, from: '2022-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

/** Split at once, in small batches. @returns whether it came to its end */
const inLanes = (
  runtime: Runtime,
  signal = new AbortController().signal,
  onProgress: (done: RebuildProgress) => void = () => {},
  { most = 25, splitInto = 2, isFree = false } = {},
) =>
  rebuildReadModels({ ...runtime, log: silent }, projections, {
    signal,
    onProgress,
    most,
    splitAfter: 1,
    splitInto,
    isFree,
  })

const besides = async ({ readModels }: Runtime) =>
  (await readModels.checkpoints()).filter(({ place }) => place !== 'live').map(({ place }) => place)

describe.each(databases)('a rebuild in lanes, on %s', (kind) => {
  const imported = async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    return runtime
  }

  it('comes to what one thread comes to, whatever a history is called', async () => {
    const runtime = await imported()
    const { store, readModels, eventStoreUrl } = runtime
    const client = EventStoreDBClient.connectionString(eventStoreUrl)
    onTestFinished(() => client.dispose())
    const [good] = await Array.fromAsync(
      store.read(`journey-${(await everything(readModels)).caseload![0]!.journey_id}`),
    )
    for (const id of ['Zoe', 'B1', '', '7', '-'])
      await client.appendToStream(
        `journey-${id}`,
        jsonEvent({ type: good!.type, data: good!.data as never, metadata: good!.metadata as never }),
      )
    await runtime.runner!.catchUpTo(await store.headPositionOf(['journey']))
    const right = await everything(readModels)
    expect(right.caseload!.map(({ journey_id }) => journey_id)).toEqual(
      expect.arrayContaining(['', '-', '7', 'B1', 'Zoe']),
    )
    expect(await inLanes(runtime)).toBe(true)
    expect(await everything(readModels)).toEqual(right)
    expect(await besides(runtime)).toEqual([])
    // What comes after is put in its place too: the tables have their keys again.
    await importText(
      runtime,
      csvOf(simulateContactLog({ seed: 8, journeys: 5, from: '2022-01-01', until: '2024-12-31', messy: false })),
    )
    const verdicts = await verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
    expect(verdicts.filter(({ differences }) => differences > 0)).toEqual([])
  })

  it.each([
    { splitInto: 2, isFree: false },
    { splitInto: 4, isFree: true },
    { splitInto: 8, isFree: false },
  ])(
    'cut short again and again, goes on where each lane stopped: $splitInto of them',
    async ({ splitInto, isFree }) => {
      const runtime = await imported()
      const right = await everything(runtime.readModels)
      let parts = 0
      const seen = new Set<string>()
      for (let done = false; !done; parts++) {
        const stop = new AbortController()
        let batches = 0
        // So small that the threads, told to stop, are still at it.
        const onProgress = () => ++batches > parts % 4 && stop.abort()
        done = await inLanes(runtime, stop.signal, onProgress, { most: 8, splitInto, isFree })
        for (const place of await besides(runtime)) seen.add(place)
      }
      expect(parts).toBeGreaterThan(1)
      const lanes = Array.from({ length: splitInto }, (_, n) => `beside ${n + 1}/${splitInto}`)
      expect([...seen].sort()).toEqual(['beside', ...lanes])
      expect(await everything(runtime.readModels)).toEqual(right)
    },
  )

  it('hears the lanes of one thread one after another, and says how far they have come together', async () => {
    const runtime = await imported()
    const right = await everything(runtime.readModels)
    const end = await runtime.store.headPositionOf(['journey', 'participant'])
    const positions: bigint[] = []
    const onProgress = ({ position }: RebuildProgress) => positions.push(position)
    expect(await inLanes(runtime, undefined, onProgress, { splitInto: 8, isFree: true })).toBe(true)
    expect(positions).toEqual(positions.toSorted((one, other) => Number(one - other)))
    expect(positions.at(-1)).toBe(end)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('holds the history that cannot be understood, and no other', async () => {
    const runtime = await imported()
    const { store, vault, readModels, eventStoreUrl } = runtime
    const client = EventStoreDBClient.connectionString(eventStoreUrl)
    onTestFinished(() => client.dispose())
    const held = ['R-07-00001-1', 'R-07-00002-1', 'R-07-00003-1'].map(
      (reference) => `journey-${vault.find('reference', reference)}`,
    )
    for (const stream of held) await client.appendToStream(stream, jsonEvent({ type: 'SomethingElse', data: {} }))
    await runtime.runner!.catchUpTo(await store.headPositionOf(['journey']))
    const before = await readModels.held()
    expect(new Set(before.map(({ stream }) => stream))).toEqual(new Set(held))
    expect(await inLanes(runtime)).toBe(true)
    expect(await readModels.held()).toEqual(before)
  })

  it('gives way where another process has taken it over', async () => {
    const runtime = await imported()
    const right = await everything(runtime.readModels)
    let taken = false
    const first = inLanes(runtime, undefined, () => {
      if (taken) return
      taken = true
      void inLanes(runtime).then((done) => expect(done).toBe(true))
    })
    await expect(first).rejects.toThrow(CheckpointConflict)
    await expect.poll(() => besides(runtime), { timeout: 20_000 }).toEqual([])
    expect(await everything(runtime.readModels)).toEqual(right)
  })
})

it('makes more lanes of a longer log, so that each has fewer journeys open at once', () => {
  expect([1, 1_000_000, 1_500_000, 2_000_000, 5_000_000, 100_000_000].map(partitionCountFor)).toEqual([
    2, 2, 2, 4, 4, 4,
  ])
})
