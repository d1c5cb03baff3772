/** Two projectors at once, by force: whatever they do to each other, each event is concluded from exactly once. SPEC_SEED repeats a run. */
import pg from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Hearing } from '../../projections/hearing.ts'
import { categories } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { Projector } from '../../projections/projector.ts'
import { CheckpointMoved } from '../../projections/builds.ts'
import { ReadModels } from '../../projections/read-models.ts'
import type { HeardBatch, StoredEvent } from '../../src/event-store/event-store.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent, takenOver } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/workplace.ts'

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
    const workplace = await temporaryWorkplace(url)
    await importText(workplace, smallLog)
    const { readModels, vault, store } = workplace
    const truth = await everything(readModels)
    const log = (await Array.fromAsync(store.readEverything(categories))) as (StoredEvent & { position: bigint })[]
    const other = await ReadModels.open(workplace.config.dataDir, url)
    onTestFinished(() => other.close())

    const after = (position: bigint | null, most: number): HeardBatch => {
      const events = log.filter((event) => event.position > (position ?? -1n)).slice(0, most)
      return { events, to: events.at(-1)?.position ?? null, caughtUp: false, weight: 0 }
    }
    let stale = 0
    let committed = 0
    let passes = 0
    for (let run = 0; run < runs; run++) {
      const ones = await Hearing.of(readModels, vault, silent, await takenOver(readModels))
      // Half of the time the first has heard something before the second takes over.
      if (upTo(1)) await ones.take(after(ones.position, 1 + upTo(20)), upTo(1) === 1)
      const others = await Hearing.of(other, vault, silent, await takenOver(other))
      const heardBy = async (hearing: Hearing) => {
        for (let n = upTo(2); n >= 0; n--) {
          if (upTo(2) === 0) await wait(0)
          await hearing.take(after(hearing.position, 1 + upTo(20)), upTo(1) === 1)
          committed++
        }
      }
      const results = await Promise.allSettled(upTo(1) ? [ones, others].map(heardBy) : [others, ones].map(heardBy))
      for (const result of results) {
        if (result.status === 'fulfilled') continue
        expect(result.reason).toBeInstanceOf(CheckpointMoved)
        stale++
      }
      if (BigInt((await readModels.asOf()).position) < log.at(-1)!.position) continue
      passes++
      expect(await everything(readModels)).toEqual(truth)
      for (const projection of projections) await readModels.startOver(projection)
    }
    expect(stale).toBeGreaterThan(runs / 3)
    expect(committed).toBeGreaterThan(runs / 2)
    expect(passes).toBeGreaterThan(5)
  })
})

describe('several instances on one PostgreSQL', () => {
  it('elect one projector, and hand over within seconds when its session is lost', async () => {
    const url = (await freshDatabase('PostgreSQL'))!
    const workplace = await temporaryWorkplace(url)
    await importText(workplace, smallLog)
    const second = await ReadModels.open(workplace.config.dataDir, url)
    const standby = new Projector(workplace.store, second, workplace.vault, silent)
    onTestFinished(async () => {
      await standby.stop()
      await second.close()
    })
    const first = workplace.projector!
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
      { ...workplace, projector: null },
      csvOf(simulateContactLog({ seed: 9, journeys: 2, from: '2023-01-01', until: '2024-12-31', messy: false })),
    )
    const end = await workplace.store.endOf(categories)
    expect(await second.waitFor(String(end), 5_000)).toBe(true)
    expect(await workplace.readModels.waitFor(String(end), 5_000)).toBe(true)
  })
})
