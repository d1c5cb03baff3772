import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { acquireAll, everything, runnerOf, silent } from '../support/read-models.ts'
import { appenderOf, importText, temporaryWorkplace } from '../support/runtime.ts'

const logOf = (seed: number) =>
  csvOf(simulateContactLog({ seed, journeys: 15, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()
const forEver = new AbortController().signal

/** What a bug, or somebody at the database, might have done. */
async function spoil(runtime: Runtime, statements: readonly string[]): Promise<void> {
  const { sql } = await import('kysely')
  for (const statement of statements) await sql.raw(statement).execute(runtime.readModels.db)
}

describe.each(databases)('a rebuild, on %s', (kind) => {
  const runtimeOfItsOwn = async () => temporaryWorkplace(await freshDatabase(kind))

  it('makes each index, also one whose columns begin another', async () => {
    const { readModels } = await runtimeOfItsOwn()
    const table = { name: 'other', columns: { id: 'text', said: 'text' }, key: ['id'], kind: 'fold' } as const
    await readModels.checkpointStore.acquire({
      ...projections[0]!,
      name: 'other',
      tables: [{ ...table, indexes: [['said', 'id'], ['said']] }],
    })
    const named =
      kind === 'SQLite'
        ? "name FROM sqlite_master WHERE type = 'index' AND name"
        : 'indexname AS name FROM pg_indexes WHERE indexname'
    const indexes = await readModels.snapshot(({ all }) => all<{ name: string }>(`SELECT ${named} LIKE 'other_by_%'`))
    expect(indexes.map(({ name }) => name).toSorted()).toEqual(['other_by_said_1', 'other_by_said_id_1'])
  })

  it('leaves what is served alone until it is whole, and then puts everything right', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, logOf(3))
    const right = await everything(runtime.readModels)
    await spoil(runtime, ["UPDATE caseload SET provider = 'wrong'"])
    const wrong = await everything(runtime.readModels)
    let looked = 0
    const stop = new AbortController()
    // Cut short after its first batch: what is served is as it was.
    const interrupted = await rebuildReadModels({ ...runtime, log: silent }, projections, {
      signal: stop.signal,
      batchSize: 50,
      onProgress: () => {
        looked++
        stop.abort()
      },
    })
    expect([interrupted, looked]).toEqual([false, 1])
    expect(await everything(runtime.readModels)).toEqual(wrong)
    expect(await rebuildReadModels({ ...runtime, log: silent }, projections, { signal: forEver })).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
    // And again: nothing of the first is in the way.
    expect(await rebuildReadModels({ ...runtime, log: silent }, projections, { signal: forEver })).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('keeps every text to the letter, also what a database would read as something else', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, logOf(3))
    const { store, readModels, runner } = runtime
    const [journey] = (await everything(readModels)).timeline!
    const stream = `journey-${String(journey!.journey_id)}`
    const last = (await Array.fromAsync(store.read(stream))).at(-1)!
    const odd = ['\\N', '\\.', '\\\\x00', 'a\tb\r\nc\\', '""', "'; --", '\u00e9\u{1f6b6}', ' ']
    const transfers = odd.map((provider) => ({
      id: randomUUID(),
      type: 'ProviderTransferAccepted',
      data: { provider },
      metadata: last.metadata as object,
    }))
    await appenderOf(runtime).append(stream, last.revision, transfers)
    await runner!.catchUpTo(await store.headPositionOf(['journey']))
    const right = await everything(readModels)
    expect(right.timeline!.map(({ provider }) => provider)).toEqual(expect.arrayContaining(odd))
    expect(await rebuildReadModels({ ...runtime, log: silent }, projections, { signal: forEver })).toBe(true)
    expect(await everything(readModels)).toEqual(right)
  })

  it('and a verification come to their end where the log ends in events no projection listens to', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, logOf(3))
    const refused = Array.from({ length: 40 }, (_, n) => ({
      id: randomUUID(),
      type: 'ContactRefused',
      data: { recordId: `r${n}`, occurrence: 1, reason: 'no_referral' },
      metadata: {},
    }))
    const { position } = await appenderOf(runtime).append('import-refused', -1, refused)
    // Ahead by a place the log told the projector of, and perhaps nobody else.
    const checkpoints = await acquireAll(runtime.readModels)
    await runtime.readModels.checkpointStore.commit(
      checkpoints.map((checkpoint) => {
        const { lastEvent } = checkpoint
        return { checkpoint, upTo: BigInt(position) - 1n, lastEvent, rows: new Map(), parked: [] }
      }),
    )
    expect(await rebuildReadModels({ ...runtime, log: silent }, projections, { signal: forEver })).toBe(true)
    const verdicts = await verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
    expect(verdicts.every(({ differences }) => differences === 0)).toBe(true)
  })

  it('runs while events are told and the projector follows, and neither loses anything', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, logOf(3))
    runtime.runner!.start()
    const telling = importText(runtime, logOf(4))
    for (let n = 0; n < 3; n++)
      expect(await rebuildReadModels({ ...runtime, log: silent }, projections, { signal: forEver })).toBe(true)
    await telling
    await waitUntilCaughtUp(runtime)
    const verdicts = await verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
    expect(verdicts.every(({ differences }) => differences === 0)).toBe(true)
    expect(verdicts.find(({ table }) => table === 'caseload')!.rows).toBeGreaterThan(15)
  })

  it('begins by itself where a projection has changed, and was served until then as it was', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, logOf(3))
    const { readModels, store, vault } = runtime
    const before = await everything(readModels)
    const changed = projections.map((projection): Projection =>
      projection.name === 'timeline' ? { ...projection, version: projection.version + 1 } : projection,
    )
    const runner = runnerOf({ store, readModels, vault }, changed)
    runner.start()
    onTestFinished(() => runner.stop())
    const versionOf = async () =>
      (await readModels.checkpoints()).find((row) => row.projection === 'timeline' && row.table_set === 'live')!.version
    await expect
      .poll(versionOf, { timeout: 10_000 })
      .toBe(projections.find(({ name }) => name === 'timeline')!.version + 1)
    expect(await everything(readModels)).toEqual(before)
    await importText({ ...runtime, runner: null }, logOf(4))
    expect((await everything(readModels)).caseload!.length).toBeGreaterThan(15)
  })
})

describe.each(databases)('verifying, on %s', (kind) => {
  it('names every row that is altered, missing or too many', async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, logOf(3))
    const check = () => verifyProjections({ ...runtime, log: silent }, projections, runtime.config.dataDir)
    const whole = await check()
    expect(whole.map(({ table, differences }) => [table, differences])).toEqual([
      ['participant', 0],
      ['participant_token', 0],
      ['participant_details', 0],
      ['erasure', 0],
      ['own_words', 0],
      ['caseload', 0],
      ['timeline', 0],
      ['programme_group', 0],
      ['group_member', 0],
      ['group_session', 0],
      ['register_row', 0],
      ['facilitator', 0],
      ['facilitator_fact', 0],
      ['audit_entry', 0],
      ['audit_journey', 0],
      ['parked_stream', 0],
    ])
    const [one, two, three] = (await everything(runtime.readModels)).caseload!.map(({ journey_id }) =>
      String(journey_id),
    )
    await spoil(runtime, [
      `UPDATE caseload SET attended = 99 WHERE journey_id = '${one}'`,
      `DELETE FROM caseload WHERE journey_id = '${two}'`,
      `UPDATE caseload SET journey_id = 'zz' WHERE journey_id = '${three}'`,
    ])
    const spoilt = (await check()).find(({ table }) => table === 'caseload')!
    expect(spoilt.wrong).toEqual([`altered: ${one}`, `missing: ${two}`, `missing: ${three}`, 'too many: zz'])
    expect(spoilt.checksum).not.toBe(whole.find(({ table }) => table === 'caseload')!.checksum)
  })
})

describe('read models of an earlier release', () => {
  it('are made anew where their books were kept otherwise', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, logOf(3))
    const right = await everything(runtime.readModels)
    await runtime.close()
    const file = new DatabaseSync(`${runtime.config.dataDir}/read-models.sqlite`)
    file.exec('DROP TABLE checkpoint; CREATE TABLE checkpoint (projection TEXT PRIMARY KEY, position TEXT)')
    file.exec('PRAGMA user_version = 0')
    file.close()
    const { openIn } = await import('../support/runtime.ts')
    const again = await openIn(runtime.config.dataDir)
    onTestFinished(() => again.close())
    await waitUntilCaughtUp(again)
    expect(await everything(again.readModels)).toEqual(right)
    expect(again.readModels).toBeInstanceOf(ReadModels)
  })
})
