import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { whoIsAsking } from '../../src/access/session.ts'
import { readConfig } from '../../src/config.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { Journeys } from '../../src/reading/journeys.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { openWorkplace } from '../../src/workplace.ts'
import { startStore } from '../support/store-process.ts'
import { temporaryDirectory } from '../support/workplace.ts'

const logOf = (seed: number) =>
  csvOf(simulateContactLog({ seed, journeys: 20, from: '2023-01-01', until: '2024-12-31', messy: false }))

describe('when the event store goes away', () => {
  it('pages go on with what was heard, and the projector is level within ten seconds of its return, unaided', async () => {
    const dir = temporaryDirectory()
    const storeDir = temporaryDirectory()
    const { process: app, port } = await startStore(storeDir)
    const EVENT_STORE_URL = `esdb://127.0.0.1:${port}?tls=false`
    const workplace = await openWorkplace(readConfig({ DATA_DIR: dir, LOG_LEVEL: 'silent', EVENT_STORE_URL }))
    onTestFinished(() => workplace.close())
    const { projector, readModels, store, vault } = workplace
    projector!.start()
    const file = join(dir, 'log.csv')
    writeFileSync(file, logOf(3))
    await importFile(workplace, file, { rejects: `${file}.rejects` })
    expect(projector!.health).toMatchObject({ state: 'projecting', troubledSince: null })
    const journeys = new Journeys(store, readModels, vault)
    const page = await journeys.caseload({}, whoIsAsking({}))

    app.kill('SIGKILL')
    await once(app, 'exit')
    await expect.poll(() => projector!.health.state, { timeout: 10_000 }).toBe('retrying')
    expect(projector!.health.troubledSince).not.toBeNull()
    expect(await journeys.caseload({}, whoIsAsking({}))).toEqual(page)
    expect((await readModels.asOf()).at).not.toBeNull()

    await startStore(storeDir, port)
    const back = Date.now()
    // Something new is told by another process than this one's client, which may still be finding its way back.
    const other = await openWorkplace(
      readConfig({
        DATA_DIR: temporaryDirectory(),
        KEYS_DIR: workplace.config.keysDir,
        LOG_LEVEL: 'silent',
        EVENT_STORE_URL,
      }),
    )
    onTestFinished(() => other.close())
    writeFileSync(file, logOf(4))
    await importFile({ ...other, projector: null, readModels }, file, { rejects: `${file}.rejects` })
    const end = await other.store.endOf(categories)
    expect(await readModels.waitFor(String(end), 10_000)).toBe(true)
    expect(Date.now() - back).toBeLessThan(10_000)
    await expect.poll(() => projector!.health.state).toBe('projecting')
    expect(projector!.health.troubledSince).toBeNull()
    expect((await journeys.caseload({}, whoIsAsking({}))).total).toBeGreaterThan(page.total)
  })
})
