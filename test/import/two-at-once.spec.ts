/** One contact log sent twice at the same moment, beside two instances on one event store. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished, vi } from 'vitest'
import { importFile } from '../../src/exchange/import-file.ts'
import { openRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { appenderOf, settingsIn, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 5, journeys: 12, from: '2022-01-01', until: '2024-12-31', messy: true }))

/** Both have decided before either appends, and then each is first on about half of the streams. */
function inStep(...runtimes: [Runtime, Runtime]): void {
  const decided = runtimes.map(() => Promise.withResolvers<void>())
  for (const [n, runtime] of runtimes.entries()) {
    const appender = appenderOf(runtime)
    const append = appender.append.bind(appender)
    vi.spyOn(appender, 'append').mockImplementation(async (stream, ...what) => {
      decided[n]!.resolve()
      await Promise.all(decided.map(({ promise }) => promise))
      if (parseInt(stream.at(-1)!, 16) % 2 === n) await wait(40)
      return append(stream, ...what)
    })
  }
}

it('each counts what it wrote: together they come to what is in the log', async () => {
  const alone = await temporaryWorkplace()
  const one = await temporaryWorkplace()
  const other = await openRuntime(
    settingsIn(temporaryDirectory(), { EVENT_STORE_URL: one.eventStoreUrl, KEYS_DIR: one.config.keysDir }),
  )
  onTestFinished(() => other.close())
  const file = join(temporaryDirectory(), 'log.csv')
  writeFileSync(file, log)
  const totalsOf = async (runtime: typeof one) => {
    const rejects = join(temporaryDirectory(), 'rejects.csv')
    return (await importFile(runtime, file, { rejects, recordsAtOnce: 25 })).totals
  }
  const right = await totalsOf(alone)
  inStep(one, other)
  const totals = await Promise.all([totalsOf(one), totalsOf(other)])

  const written = await Array.fromAsync(one.store.readAll(['journey']))
  expect(written).toHaveLength(right.accepted)
  expect(totals[0]!.accepted + totals[1]!.accepted).toBe(written.length)
  for (const { accepted, duplicates, ...rest } of totals) {
    expect(accepted).toBeGreaterThan(0)
    expect({ ...rest, handled: accepted + duplicates }).toEqual({
      ...right,
      accepted: undefined,
      duplicates: undefined,
      handled: right.accepted + right.duplicates,
    })
  }
})
