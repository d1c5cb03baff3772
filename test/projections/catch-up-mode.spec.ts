import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import type { EventBatch } from '../../src/event-store/batch-buffer.ts'
import type { SubscriptionOptions } from '../../src/event-store/catch-up-subscription.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, processorOf, silent } from '../support/read-models.ts'
import { appenderOf, importText, temporaryWorkplace } from '../support/runtime.ts'
import storedWarning from '../stored-events/WarningIssued.v1.json' with { type: 'json' }

const log = csvOf(simulateContactLog({ seed: 5, journeys: 220, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

/** All that the projections follow, after a position. */
const from = (after: bigint | null, batchSize: number): SubscriptionOptions => ({
  categories,
  after,
  batchSize,
  signal: new AbortController().signal,
})

describe.each(databases)('what nobody waits for, on %s,', (kind) => {
  const imported = async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    return { runtime, truth: await everything(runtime.readModels) }
  }

  it('is written with its checkpoint later, and heard again where it was not', async () => {
    const { runtime, truth } = await imported()
    const { store, vault, readModels } = runtime
    for (const projection of projections) await readModels.reset(projection)
    const begun = async () => processorOf({ readModels, vault })
    const positions = async () =>
      Object.fromEntries((await readModels.checkpoints()).map(({ projection, position }) => [projection, position]))
    let processor = await begun()
    let batches = 0
    const most = readModels.database.worthWriting / 4
    for await (const batch of store.subscribe(from(null, most))) {
      await processor.process(batch, !batch.caughtUp)
      if (batch.caughtUp) break
      batches++
      const { caseload, timeline } = await positions()
      if (batches === 3) expect([caseload, timeline], 'too few to be worth it').toEqual(['', ''])
      if (batches === 4) {
        await processor.write()
        const to = String(batch.upTo)
        expect(await positions()).toEqual({
          caseload: to,
          facilitators: to,
          groups: to,
          participants: to,
          registers: to,
          timeline: to,
        })
      }
      if (batches === 9) {
        expect(BigInt(timeline!), 'enough of them, and no others').toBeGreaterThan(BigInt(caseload!))
        // As if the process had died: what was put off is gone, what was written stands.
        processor = await begun()
        expect(String(processor.position)).toBe(caseload)
        break
      }
    }
    expect(batches).toBe(9)
    for await (const batch of store.subscribe(from(processor.position, 20))) {
      await processor.process(batch, !batch.caughtUp)
      if (batch.caughtUp) break
    }
    expect(await everything(readModels)).toEqual(truth)
  })

  it('is written where it is heavy, however few the rows', async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    const { store, vault, readModels } = runtime
    const { metadata } = storedWarning as { metadata: object }
    const heavy = { type: 'WarningIssued', data: { sealed: 'x'.repeat(800_000) }, metadata }
    for (let n = 0; n < 8; n++)
      await appenderOf(runtime).append('journey-heavy', n - 1, [{ ...heavy, id: randomUUID() }])
    const processor = await processorOf({ readModels, vault })
    let heard = 0
    for await (const batch of store.subscribe(from(null, 1))) {
      await processor.process(batch, true)
      if (++heard === 6) break
    }
    const { position } = (await readModels.checkpoints()).find(({ projection }) => projection === 'timeline')!
    expect(position).not.toBe('')
  })

  it('is written once the log has nothing more, also where that is all it says', async () => {
    const { runtime, truth } = await imported()
    const signal = AbortSignal.timeout(15_000)
    // One event a batch: the last batch holds none, and says only that this was all.
    expect(await rebuildReadModels({ ...runtime, log: silent }, projections, { signal, batchSize: 1 })).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(truth)
  })
})

describe('what nobody waits for, while another writes in the same file,', () => {
  it('is put off rather than waited for, and written once there is much of it or the other is done', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, log)
    const { store, vault, readModels, config } = runtime
    const truth = await everything(readModels)
    // Not because of the time that passes, however slow the machine.
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    for (const projection of projections) await readModels.reset(projection)
    const processor = await processorOf({ readModels, vault })
    const timelineAt = () => processor.checkpoints.find(({ projection }) => projection.name === 'timeline')!.position
    const other = new DatabaseSync(join(config.dataDir, 'read-models.sqlite'))
    onTestFinished(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const { worthWriting } = readModels.database
    let heard = 0
    for await (const batch of store.subscribe(from(null, 20))) {
      const taken = processor.process(batch, !batch.caughtUp)
      heard += batch.events.length
      // Beyond this it waits for its turn.
      if (heard >= worthWriting * 2 && other.isTransaction) {
        await taken
        expect(timelineAt(), 'put off').toBeNull()
        other.exec('COMMIT')
      }
      await taken
      if (batch.caughtUp) break
    }
    expect(heard).toBeGreaterThan(worthWriting * 4)
    expect(timelineAt()).not.toBeNull()
    expect(await everything(readModels)).toEqual(truth)

    for (const projection of projections) await readModels.reset(projection)
    const waiting = await processorOf({ readModels, vault })
    other.exec('BEGIN IMMEDIATE')
    const done = (async () => {
      for await (const batch of store.subscribe(from(null, 20))) {
        await waiting.process(batch, !batch.caughtUp)
        if (batch.caughtUp) return
      }
    })()
    expect(await Promise.race([done.then(() => 'done'), wait(1_000, 'waiting')])).toBe('waiting')
    other.exec('COMMIT')
    await done
    expect(await everything(readModels)).toEqual(truth)
  })

  it('is put off for half as long again as usual, and then waited for', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, log)
    const { store, vault, readModels, config } = runtime
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    for (const projection of projections) await readModels.reset(projection)
    const processor = await processorOf({ readModels, vault })
    const other = new DatabaseSync(join(config.dataDir, 'read-models.sqlite'))
    onTestFinished(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const heard = store.subscribe(from(null, 20))[Symbol.asyncIterator]()
    const taken = async () => {
      const { value: batch } = (await heard.next()) as { value: EventBatch }
      const done = processor.process(batch, true).then(() => 'done')
      return { done, soon: await Promise.race([done, wait(500, 'waiting')]) }
    }
    expect((await taken()).soon).toBe('done')
    vi.advanceTimersByTime(2_500)
    expect((await taken()).soon, 'put off').toBe('done')
    expect(processor.position).toBeNull()
    vi.advanceTimersByTime(1_000)
    const { done, soon } = await taken()
    expect(soon).toBe('waiting')
    other.exec('COMMIT')
    await done
    expect(processor.position).not.toBeNull()
    await heard.return(undefined)
  })
})
