/** Two projectors at once, by force: whatever they do to each other, each event is concluded from exactly once. SPEC_SEED repeats a run. */
import pg from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { BatchProcessor } from '../../projections/runner/batch-processor.ts'
import { categories } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { CheckpointConflict } from '../../projections/runner/checkpoint-store.ts'
import type { EventBatch } from '../../src/event-store/batch-buffer.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, openReadModels, processorOf, runnerOf } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const runs = 500
const smallLog = csvOf(
  simulateContactLog({ seed: 8, journeys: 12, from: '2023-01-01', until: '2024-12-31', messy: false }),
)

const freshDatabase = bothDatabases()

describe.each(databases)('two projectors at once, on %s', (kind) => {
  it(`commit nothing twice and nothing stale in ${runs} forced runs`, { timeout: 120_000 }, async () => {
    const seed = Number(process.env.SPEC_SEED ?? Math.floor(Math.random() * 2 ** 31))
    process.stdout.write(`two projectors on ${kind}: SPEC_SEED=${seed}\n`)
    const random = xoroshiro128plus(seed)
    const upTo = (most: number) => uniformInt(random, 0, most)
    const url = await freshDatabase(kind)
    const runtime = await temporaryWorkplace(url)
    await importText(runtime, smallLog)
    const { readModels, vault, store } = runtime
    const truth = await everything(readModels)
    const log = (await Array.fromAsync(store.readAll(categories))) as (StoredEvent & { position: bigint })[]
    const other = await openReadModels(runtime.config.dataDir, url)
    onTestFinished(() => other.close())

    const after = (position: bigint | null, most: number): EventBatch => {
      const events = log.filter((event) => event.position > (position ?? -1n)).slice(0, most)
      return { events, upTo: events.at(-1)?.position ?? null, caughtUp: false, characters: 0 }
    }
    let stale = 0
    let committed = 0
    let passes = 0
    for (let run = 0; run < runs; run++) {
      const ones = await processorOf({ readModels, vault })
      // Half of the time the first has heard something before the second takes over.
      if (upTo(1)) await ones.process(after(ones.position, 1 + upTo(20)), upTo(1) === 1)
      const others = await processorOf({ readModels: other, vault })
      const heardBy = async (processor: BatchProcessor) => {
        for (let n = upTo(2); n >= 0; n--) {
          if (upTo(2) === 0) await wait(0)
          await processor.process(after(processor.position, 1 + upTo(20)), upTo(1) === 1)
          committed++
        }
      }
      const results = await Promise.allSettled(upTo(1) ? [ones, others].map(heardBy) : [others, ones].map(heardBy))
      for (const result of results) {
        if (result.status === 'fulfilled') continue
        expect(result.reason).toBeInstanceOf(CheckpointConflict)
        stale++
      }
      if (BigInt((await readModels.asOf()).position) < log.at(-1)!.position) continue
      passes++
      expect(await everything(readModels)).toEqual(truth)
      for (const projection of projections) await readModels.reset(projection)
    }
    expect(stale).toBeGreaterThan(runs / 3)
    expect(committed).toBeGreaterThan(runs / 2)
    expect(passes).toBeGreaterThan(5)
  })
})

describe('several instances on one PostgreSQL', () => {
  it('elect one projector, and hand over within seconds when its session is lost', async () => {
    const url = (await freshDatabase('PostgreSQL'))!
    const runtime = await temporaryWorkplace(url)
    await importText(runtime, smallLog)
    const second = await openReadModels(runtime.config.dataDir, url)
    const standby = runnerOf({ ...runtime, readModels: second })
    onTestFinished(async () => {
      await standby.stop()
      await second.close()
    })
    const first = runtime.runner!
    first.start()
    await expect.poll(() => first.health.state, { timeout: 5_000 }).toBe('projecting')
    standby.start()
    await expect.poll(() => standby.health.state, { timeout: 5_000 }).toBe('standing_by')

    await first.stop()
    await expect.poll(() => standby.health.state, { timeout: 5_000 }).toBe('projecting')

    // The server ends the session of a projector it has not heard of for three seconds; here it is told to.
    const operator = new pg.Client(url)
    await operator.connect()
    onTestFinished(() => operator.end())
    const cut =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'throughline projector' AND datname = current_database()"
    await standby.stop()
    first.start()
    await expect.poll(() => first.health.state, { timeout: 5_000 }).toBe('projecting')
    standby.start()
    await expect.poll(() => standby.health.state, { timeout: 5_000 }).toBe('standing_by')
    await operator.query(cut)
    await expect
      .poll(() => [first.health.state, standby.health.state].toSorted(), { timeout: 5_000 })
      .toEqual(['projecting', 'standing_by'])
    await importText(
      { ...runtime, runner: null },
      csvOf(simulateContactLog({ seed: 9, journeys: 2, from: '2023-01-01', until: '2024-12-31', messy: false })),
    )
    const end = await runtime.store.headPositionOf(categories)
    expect(await second.waitFor(String(end), 5_000)).toBe(true)
    expect(await runtime.readModels.waitFor(String(end), 5_000)).toBe(true)
  })
})
