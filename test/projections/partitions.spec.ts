import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CheckpointConflict } from '../../projections/runner/checkpoint-store.ts'
import { projections } from '../../projections/projections.ts'
import { partitionCountFor, rebuildReadModels, type RebuildProgress } from '../../projections/rebuild/rebuild.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 7, journeys: 30, from: '2022-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

/** Split at once, in small batches. @returns whether it came to its end */
const inPartitions = (
  runtime: Runtime,
  signal = new AbortController().signal,
  onProgress: (done: RebuildProgress) => void = () => {},
  { batchSize = 25, splitInto = 2, isFree = false } = {},
) =>
  rebuildReadModels({ ...runtime, log: silent }, projections, {
    signal,
    onProgress,
    batchSize,
    splitAfter: 1,
    splitInto,
    isFree,
  })

const shadowPartitions = async ({ readModels }: Runtime) =>
  (await readModels.checkpoints()).filter((row) => row.table_set === 'shadow').map(({ partition }) => partition)

describe.each(databases)('a rebuild in partitions, on %s', (kind) => {
  const imported = async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    return runtime
  }

  it('comes to what one thread comes to, whatever a stream is called', async () => {
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
    expect(await inPartitions(runtime)).toBe(true)
    expect(await everything(readModels)).toEqual(right)
    expect(await shadowPartitions(runtime)).toEqual([])
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
    'cut short again and again, goes on where each partition stopped: $splitInto of them',
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
        done = await inPartitions(runtime, stop.signal, onProgress, { batchSize: 8, splitInto, isFree })
        for (const partition of await shadowPartitions(runtime)) seen.add(partition)
      }
      expect(parts).toBeGreaterThan(1)
      const partitions = Array.from({ length: splitInto }, (_, n) => `${n + 1}/${splitInto}`)
      expect([...seen].sort()).toEqual(['', ...partitions])
      expect(await everything(runtime.readModels)).toEqual(right)
    },
  )

  it('processes the partitions of one thread one after another, and says how far they have come together', async () => {
    const runtime = await imported()
    const right = await everything(runtime.readModels)
    const end = await runtime.store.headPositionOf(['journey', 'participant'])
    const positions: bigint[] = []
    const onProgress = ({ position }: RebuildProgress) => positions.push(position)
    expect(await inPartitions(runtime, undefined, onProgress, { splitInto: 8, isFree: true })).toBe(true)
    expect(positions).toEqual(positions.toSorted((one, other) => Number(one - other)))
    expect(positions.at(-1)).toBe(end)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('parks the stream that cannot be understood, and no other', async () => {
    const runtime = await imported()
    const { store, vault, readModels, eventStoreUrl } = runtime
    const client = EventStoreDBClient.connectionString(eventStoreUrl)
    onTestFinished(() => client.dispose())
    const held = ['R-07-00001-1', 'R-07-00002-1', 'R-07-00003-1'].map(
      (reference) => `journey-${vault.find('reference', reference)}`,
    )
    for (const stream of held) await client.appendToStream(stream, jsonEvent({ type: 'SomethingElse', data: {} }))
    await runtime.runner!.catchUpTo(await store.headPositionOf(['journey']))
    const before = await readModels.parkedStreams.list()
    expect(new Set(before.map(({ stream }) => stream))).toEqual(new Set(held))
    expect(await inPartitions(runtime)).toBe(true)
    expect(await readModels.parkedStreams.list()).toEqual(before)
  })

  it('gives way where another process has acquired it', async () => {
    const runtime = await imported()
    const right = await everything(runtime.readModels)
    let taken = false
    const first = inPartitions(runtime, undefined, () => {
      if (taken) return
      taken = true
      void inPartitions(runtime).then((done) => expect(done).toBe(true))
    })
    await expect(first).rejects.toThrow(CheckpointConflict)
    await expect.poll(() => shadowPartitions(runtime), { timeout: 20_000 }).toEqual([])
    expect(await everything(runtime.readModels)).toEqual(right)
  })
})

it('makes more partitions of a longer log, so that each has fewer journeys open at once', () => {
  expect([1, 1_000_000, 1_500_000, 2_000_000, 5_000_000, 100_000_000].map(partitionCountFor)).toEqual([
    2, 2, 2, 4, 4, 4,
  ])
})
