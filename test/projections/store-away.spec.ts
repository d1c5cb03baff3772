import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { readConfig } from '../../src/runtime/config.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { openRuntime } from '../../src/runtime/runtime.ts'
import { startStore } from '../support/store-process.ts'
import { temporaryDirectory } from '../support/runtime.ts'
import { withholding } from '../support/reached.ts'

const logOf = (seed: number) =>
  csvOf(simulateContactLog({ seed, journeys: 20, from: '2023-01-01', until: '2024-12-31', messy: false }))

describe('when the event store goes away', () => {
  it('pages go on with what was heard, and the projector is level within ten seconds of its return, unaided', async () => {
    const dir = temporaryDirectory()
    const storeDir = temporaryDirectory()
    const { process: app, port } = await startStore(storeDir)
    const EVENT_STORE_URL = `esdb://127.0.0.1:${port}?tls=false`
    const runtime = await openRuntime(readConfig({ DATA_DIR: dir, LOG_LEVEL: 'silent', EVENT_STORE_URL }))
    onTestFinished(() => runtime.close())
    const { runner, readModels, store, vault } = runtime
    runner!.start()
    const file = join(dir, 'log.csv')
    writeFileSync(file, logOf(3))
    await importFile(runtime, file, { rejects: `${file}.rejects` })
    expect(runner!.health).toMatchObject({ state: 'projecting', troubledSince: null })
    const journeys = new Journeys(store, readModels, vault, withholding())
    const page = await journeys.caseload({})

    app.kill('SIGKILL')
    await once(app, 'exit')
    await expect.poll(() => runner!.health.state, { timeout: 10_000 }).toBe('retrying')
    expect(runner!.health.troubledSince).not.toBeNull()
    expect(await journeys.caseload({})).toEqual(page)
    expect((await readModels.asOf()).at).not.toBeNull()

    await startStore(storeDir, port)
    const back = Date.now()
    // Something new is told by another process than this one's client, which may still be finding its way back.
    const other = await openRuntime(
      readConfig({
        DATA_DIR: temporaryDirectory(),
        KEYS_DIR: runtime.config.keysDir,
        LOG_LEVEL: 'silent',
        EVENT_STORE_URL,
      }),
    )
    onTestFinished(() => other.close())
    writeFileSync(file, logOf(4))
    await importFile({ ...other, runner: null, readModels }, file, { rejects: `${file}.rejects` })
    const end = await other.store.headPositionOf(categories)
    expect(await readModels.waitFor(String(end), 10_000)).toBe(true)
    expect(Date.now() - back).toBeLessThan(10_000)
    await expect.poll(() => runner!.health.state).toBe('projecting')
    expect(runner!.health.troubledSince).toBeNull()
    expect((await journeys.caseload({})).total).toBeGreaterThan(page.total)
  })
})
