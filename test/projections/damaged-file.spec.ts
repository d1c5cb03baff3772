/** The file of the read models is damaged: it is set aside and built again from the log, at the start and while the application runs. */
import { closeSync, openSync, readdirSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { projections } from '../../projections/projections.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { openRuntime, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, openIn, settingsIn, temporaryWorkplace } from '../support/runtime.ts'
import { serve, type Served } from '../support/served.ts'

const logOf = (seed: number) =>
  csvOf(simulateContactLog({ seed, journeys: 40, from: '2023-01-01', until: '2024-12-31', messy: false }))

const fileOf = ({ config }: Runtime) => join(config.dataDir, 'read-models.sqlite')

const asideIn = ({ config }: Runtime) =>
  readdirSync(config.dataDir).filter((name) => /\.damaged-[^.]*\.\d+Z$/.test(name))

/** Writes over everything from a byte on. Before, everything is in the file itself, and nothing beside it. */
function damage(file: string, from: number): void {
  const connection = new DatabaseSync(file)
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  connection.close()
  const opened = openSync(file, 'r+')
  writeSync(opened, Buffer.alloc(statSync(file).size - from, 7), 0, undefined, from)
  closeSync(opened)
}

async function isAsTheLogSays(runtime: Runtime): Promise<void> {
  await waitUntilCaughtUp(runtime)
  const verdicts = await verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
  expect(verdicts.filter(({ differences }) => differences > 0)).toEqual([])
}

describe('damaged read models', () => {
  it.each([0, 4096])('from byte %d on, are set aside when the application starts, and built again', async (from) => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, logOf(1))
    await waitUntilCaughtUp(runtime)
    const rows = await everything(runtime.readModels)
    await runtime.close()
    damage(fileOf(runtime), from)
    const again = await openIn(runtime.config.dataDir)
    onTestFinished(() => again.close())
    await isAsTheLogSays(again)
    expect(await everything(again.readModels)).toEqual(rows)
    expect(asideIn(again)).toHaveLength(1)
  })

  it('are left alone by a command beside the application, which says what to do', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, logOf(1))
    await waitUntilCaughtUp(runtime)
    damage(fileOf(runtime), 0)
    const beside = openRuntime(settingsIn(runtime.config.dataDir), { besideAnother: true })
    await expect(beside).rejects.toThrow(/The read models in .* are damaged .*Start the application/)
    expect(asideIn(runtime)).toEqual([])
  })

  it('are set aside while the application runs and something is recorded', async () => {
    const runtime = await temporaryWorkplace()
    runtime.runner!.start()
    await importText(runtime, logOf(1))
    await waitUntilCaughtUp(runtime)
    damage(fileOf(runtime), 4096)
    await importText(runtime, logOf(2))
    await isAsTheLogSays(runtime)
    expect(asideIn(runtime)).toHaveLength(1)
  })
})

describe('an application whose read models are damaged', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve({ journeys: 60 })
  })
  afterAll(() => served.stop())

  const page = async () => {
    const answer = await fetch(served.url)
    return { status: answer.status, html: await answer.text() }
  }
  const projector = async () => {
    const answer = await fetch(`${served.url}/api/health/ready`)
    return ((await answer.json()) as { checks: { projector: { state: string } } }).checks.projector
  }

  it('shows every page again soon, though nobody records anything', async () => {
    const before = await page()
    damage(fileOf(served.runtime), 0)
    // Another connection has written since: what is in the memory of this one counts no longer.
    await vi.waitFor(
      async () => {
        await page()
        expect(asideIn(served.runtime)).toHaveLength(1)
      },
      { timeout: 30_000, interval: 100 },
    )
    await waitUntilCaughtUp(served.runtime)
    const count = (html: string) => html.match(/\d+ journeys?/)?.[0]
    await vi.waitFor(async () => expect(count((await page()).html)).toBe(count(before.html)), { timeout: 30_000 })
    await vi.waitFor(async () => expect(await projector()).toEqual({ status: 'up', state: 'projecting' }))
  })

  it('says on its pages, and where it is asked whether it is ready, that they are being built', async () => {
    const { health } = served.runtime.runner!
    const mocked = vi.spyOn(served.runtime.runner!, 'health', 'get').mockReturnValue({ ...health, state: 'rebuilding' })
    onTestFinished(() => mocked.mockRestore())
    expect((await page()).html).toContain('These pages are being built again.')
    expect(await projector()).toEqual({ status: 'up', state: 'rebuilding' })
  })
})
