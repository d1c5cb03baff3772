/** The whole application, served on a port of its own from an empty directory, with a synthetic contact log imported. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Role } from '../../src/access/policy.ts'
import { withCaseload } from '../../projections/caseload.ts'
import { projectRoot, readConfig } from '../../src/runtime/config.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { createApp } from '../../src/main.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { RUNTIME, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { signEverybodyIn } from './signed-in.ts'

export interface Served {
  readonly url: string
  readonly runtime: Runtime
  readonly app: NestFastifyApplication
  stop(): Promise<void>
}

export interface ServeOptions {
  /** Synthetic journeys to import; 0 leaves the case load empty. */
  readonly journeys?: number
  /** Further settings, as the environment would give them. */
  readonly settings?: NodeJS.ProcessEnv
  /** Whether requests that show nothing come from a case manager, or an administrator for the operations page. */
  readonly everybodySignedIn?: boolean
  /** As whom such requests come, where all of them come as the same. */
  readonly as?: Role
}

/** The same synthetic log every time, ending in the past so that some journeys are still open. */
export const syntheticLog = (journeys: number): string =>
  csvOf(simulateContactLog({ seed: 7, journeys, from: '2023-01-02', until: '2025-03-31', messy: false }))

export async function serve({
  journeys = 60,
  settings = {},
  everybodySignedIn = true,
  as,
}: ServeOptions = {}): Promise<Served> {
  if (!existsSync(join(projectRoot, 'dist/public/app.css'))) await buildAssets()
  const dir = mkdtempSync(join(tmpdir(), 'throughline-served-'))
  const app = await createApp(readConfig({ DATA_DIR: join(dir, 'data'), LOG_LEVEL: 'silent', ...settings }))
  if (everybodySignedIn) signEverybodyIn(app, as && (() => as))
  const runtime = app.get<Runtime>(RUNTIME)
  if (journeys > 0) {
    const file = join(dir, 'contacts.csv')
    writeFileSync(file, syntheticLog(journeys))
    await importFile(runtime, file, { source: 'simulator', rejects: join(dir, 'rejects.csv') })
    await waitUntilCaughtUp(runtime)
  }
  await app.listen(0, '127.0.0.1')
  return {
    url: (await app.getUrl()).replace(/\/$/, ''),
    runtime,
    app,
    async stop() {
      await app.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** The pages as they are now, not as they were when the product was last built. */
export async function buildAssets(): Promise<void> {
  const assets = (await import(pathToFileURL(join(projectRoot, 'scripts/assets.mjs')).href)) as {
    buildAssets(root: string): Promise<void>
  }
  await assets.buildAssets(projectRoot)
}

/** The journey with the most to show: corrected, written up late, delivered by stand-ins. */
export async function richestJourney({ runtime }: Served): Promise<string> {
  const row = await withCaseload(runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .orderBy('corrections', 'desc')
    .orderBy('attended', 'desc')
    .orderBy('referred_on')
    .limit(1)
    .executeTakeFirstOrThrow()
  return row.journey_id
}

/** A journey on the programme, with sessions still to come. */
export async function openJourney({ runtime }: Served): Promise<string> {
  const row = await withCaseload(runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .where('status', '=', 'on_programme')
    .orderBy('attended')
    .orderBy('referred_on')
    .limit(1)
    .executeTakeFirstOrThrow()
  return row.journey_id
}
