/** The event store, run as a server of its own, goes away in the middle of an import or a rebuild and comes back. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { projections } from '../../projections/projections.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { Outages } from '../../src/event-store/outages.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { openRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { everything, silent } from '../support/read-models.ts'
import { countEvents, settingsIn, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'
import { startStore } from '../support/store-process.ts'

const log = csvOf(simulateContactLog({ seed: 11, journeys: 60, from: '2022-01-01', until: '2024-12-31', messy: true }))

/** A store that can be taken away, and a runtime that waits for it. */
async function onServerOfItsOwn() {
  const storeDir = temporaryDirectory()
  const begun = await startStore(storeDir)
  const { port } = begun
  let server = begun.process
  const told: string[] = []
  const outages = { onAway: () => void told.push('away'), onBack: () => void told.push('back') }
  const settings = settingsIn(temporaryDirectory(), { EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false` })
  const runtime = await openRuntime(settings, { outages: new Outages(60_000, outages) })
  onTestFinished(() => runtime.close())
  return {
    runtime,
    outages,
    told,
    /** Whatever it has not answered by then is cut off, written or not; it comes back once that was noticed. */
    async outage(afterMs: number) {
      await wait(afterMs)
      await killed(server)
      await expect.poll(() => told.at(-1), { timeout: 20_000 }).toBe('away')
      ;({ process: server } = await startStore(storeDir, port))
    },
  }
}

async function killed(server: ChildProcess): Promise<void> {
  server.kill('SIGKILL')
  await once(server, 'exit')
}

function fileIn(directory: string): string {
  const file = join(directory, 'log.csv')
  writeFileSync(file, log)
  return file
}

const rejectsOf = () => join(temporaryDirectory(), 'rejects.csv')

async function withoutOutage() {
  const runtime = await temporaryWorkplace()
  const file = fileIn(temporaryDirectory())
  const { totals, oddities } = await importFile(runtime, file, { rejects: rejectsOf() })
  return { totals, oddities, events: await countEvents(runtime) }
}

const rebuilt = async (runtime: Runtime, options: Partial<Parameters<typeof rebuildReadModels>[2]>) => {
  let processed = 0
  const done = await rebuildReadModels({ ...runtime, log: silent }, projections, {
    signal: new AbortController().signal,
    batchSize: 25,
    isFree: true,
    ...options,
    onProgress: (progress) => {
      processed = progress.events
      options.onProgress?.(progress)
    },
  })
  expect(done).toBe(true)
  return processed
}

it(
  'an import and a rebuild go on when it is back, and come to what they come to without that',
  { timeout: 180_000 },
  async () => {
    const right = await withoutOutage()
    const { runtime, told, outage, outages } = await onServerOfItsOwn()
    const outagesSoFar: Promise<void>[] = []
    let chunks = 0
    const { totals, oddities } = await importFile(runtime, fileIn(temporaryDirectory()), {
      rejects: rejectsOf(),
      recordsAtOnce: 120,
      onProgress: ({ phase }) => {
        // In the middle of appends, and while the read models are waited for.
        if (phase === 'projecting' || [2, 6].includes(chunks++)) outagesSoFar.push(outage(chunks))
      },
    })
    await Promise.all(outagesSoFar)
    expect(outagesSoFar).toHaveLength(3)
    expect({ totals, oddities, events: await countEvents(runtime) }).toEqual(right)
    expect(told.slice(0, 4)).toEqual(['away', 'back', 'away', 'back'])

    const before = await everything(runtime.readModels)
    const whole = await rebuilt(runtime, {})
    for (const split of [{}, { splitAfter: 100, splitInto: 2 }]) {
      told.length = 0
      let gone: Promise<void> | undefined
      const processed = await rebuilt(runtime, {
        ...split,
        outages,
        onProgress: ({ events }) => {
          if (events > whole / 4) gone ??= outage(0)
        },
      })
      await gone
      expect(processed).toBe(whole)
      expect(told).toEqual(expect.arrayContaining(['away', 'back']))
      expect(await everything(runtime.readModels)).toEqual(before)
    }
  },
)

it('is said on the progress line at a terminal, and one that lasts ends the command as ever', async () => {
  const { process: server, port } = await startStore(temporaryDirectory())
  const data = temporaryDirectory()
  const words = [join(projectRoot, 'dist/bundle/src/cli/import.js'), fileIn(data), '--rejects', rejectsOf()]
  const command = spawn(process.execPath, words, {
    env: {
      ...process.env,
      DATA_DIR: join(data, 'data'),
      EVENT_STORE_URL: `esdb://somebody:S3cret@127.0.0.1:${port}?tls=false`,
      EVENT_STORE_PATIENCE: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  command.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
  const ended = once(command, 'close')
  const { EventStore } = await import('../../src/event-store/event-store.ts')
  const store = EventStore.connect(`esdb://127.0.0.1:${port}?tls=false`)
  onTestFinished(() => store.close())
  while ((await store.headPositionOf(['journey'])) === 0n) await wait(5)
  await killed(server)
  expect(await ended).toEqual([1, null])
  // On a slow machine the usual progress may have been told before.
  expect(said.replaceAll(/^Importing \d+ % .*\n/gm, '')).toMatch(
    /^Importing: the event store went away; trying again for 1 s\n(?:Stopped after record \d+: .*: it goes on where it stopped\.\n)?The event store at esdb:\/\/127\.0\.0\.1:\d+ cannot be used: nobody answers there[^\n]*\n$/,
  )
  expect(said).not.toMatch(/S3cret|\n {4}at /)
})
