/** A database whose bookkeeping tables an earlier release created: the first start discards them and rebuilds every read model. */
import pg from 'pg'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { projections } from '../../projections/projections.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything } from '../support/read-models.ts'
import { importText, openIn, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 3, journeys: 6, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

/** As the release before created them, with a checkpoint beyond the log, a stream it held, and a rebuild it was in the middle of. */
const oldLayout = [
  'DROP TABLE checkpoint',
  'DROP TABLE parked_stream',
  `CREATE TABLE checkpoint (projection TEXT, place TEXT, version INTEGER NOT NULL, fingerprint TEXT NOT NULL,
   epoch INTEGER NOT NULL, position TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (projection, place))`,
  `CREATE TABLE held (projection TEXT, place TEXT, stream TEXT, revision INTEGER NOT NULL, why TEXT NOT NULL,
   PRIMARY KEY (projection, place, stream))`,
  ...['participants', 'caseload', 'timeline'].flatMap((projection) => [
    `INSERT INTO checkpoint VALUES ('${projection}', 'live', 3, '0123456789abcdef', 7, '999999999', '2026-01-01T00:00:00.000Z')`,
    `INSERT INTO held VALUES ('${projection}', 'live', 'journey-old', 3, 'its handler failed')`,
  ]),
  `INSERT INTO checkpoint VALUES ('caseload', 'beside', 3, '0123456789abcdef', 8, '5', '2026-01-01T00:00:00.000Z')`,
  'CREATE TABLE caseload__beside (journey_id TEXT)',
  'CREATE TABLE participant__heard (participant_id TEXT)',
  "UPDATE caseload SET provider = 'as an earlier release had it'",
  'DELETE FROM timeline',
]

async function execute(dataDir: string, url: string | undefined, statements: readonly string[]): Promise<void> {
  if (url === undefined) {
    const file = new DatabaseSync(`${dataDir}/read-models.sqlite`)
    for (const statement of [...statements, 'PRAGMA user_version = 2']) file.exec(statement)
    file.close()
    return
  }
  const client = new pg.Client(url)
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

describe.each(databases)('bookkeeping tables of an earlier release, on %s,', (kind) => {
  it('are discarded at the first start, and every read model is right again', async () => {
    const url = await freshDatabase(kind)
    const runtime = await temporaryWorkplace(url)
    await importText(runtime, log)
    const right = await everything(runtime.readModels)
    await runtime.close()
    await execute(runtime.config.dataDir, url, oldLayout)

    const again = await openIn(runtime.config.dataDir, url)
    onTestFinished(() => again.close())
    await waitUntilCaughtUp(again)
    expect(await everything(again.readModels)).toEqual(right)
    expect(await again.readModels.parkedStreams.list()).toEqual([])
    const tables = (await again.readModels.db.introspection.getTables()).map(({ name }) => name)
    expect(tables.filter((name) => /^held$|__/.test(name))).toEqual([])
    const checkpoints = await again.readModels.checkpoints()
    expect(checkpoints.map((row) => row.table_set)).toEqual(projections.map(() => 'live'))

    // And no second time.
    await again.close()
    const third = await openIn(runtime.config.dataDir, url)
    onTestFinished(() => third.close())
    expect(await third.readModels.checkpoints()).toEqual(checkpoints)
  })
})
