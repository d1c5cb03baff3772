import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { Projector } from '../../projections/projector.ts'
import { ReadModels } from '../../projections/read-models.ts'
import { rebuildBeside } from '../../projections/rebuild.ts'
import { verifyProjections } from '../../projections/verify.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { heardEverything, type Workplace } from '../../src/workplace.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent, takenOver } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/workplace.ts'

const logOf = (seed: number) =>
  csvOf(simulateContactLog({ seed, journeys: 15, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()
const forEver = new AbortController().signal

/** What a bug, or somebody at the database, might have done. */
async function spoil(workplace: Workplace, statements: readonly string[]): Promise<void> {
  const { sql } = await import('kysely')
  for (const statement of statements) await sql.raw(statement).execute(workplace.readModels.db)
}

describe.each(databases)('a rebuild, on %s', (kind) => {
  const workplaceOfItsOwn = async () => temporaryWorkplace(await freshDatabase(kind))

  it('makes each index, also one whose columns begin another', async () => {
    const { readModels } = await workplaceOfItsOwn()
    const table = { name: 'other', columns: { id: 'text', said: 'text' }, key: ['id'] } as const
    await readModels.builds.takeOver({
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
    const workplace = await workplaceOfItsOwn()
    await importText(workplace, logOf(3))
    const right = await everything(workplace.readModels)
    await spoil(workplace, ["UPDATE caseload SET provider = 'wrong'"])
    const wrong = await everything(workplace.readModels)
    let looked = 0
    const stop = new AbortController()
    // Cut short after its first batch: what is served is as it was.
    const interrupted = await rebuildBeside({ ...workplace, log: silent }, projections, {
      signal: stop.signal,
      most: 50,
      onProgress: () => {
        looked++
        stop.abort()
      },
    })
    expect([interrupted, looked]).toEqual([false, 1])
    expect(await everything(workplace.readModels)).toEqual(wrong)
    expect(await rebuildBeside({ ...workplace, log: silent }, projections, { signal: forEver })).toBe(true)
    expect(await everything(workplace.readModels)).toEqual(right)
    // And again: nothing of the first is in the way.
    expect(await rebuildBeside({ ...workplace, log: silent }, projections, { signal: forEver })).toBe(true)
    expect(await everything(workplace.readModels)).toEqual(right)
  })

  it('keeps every text to the letter, also what a database would read as something else', async () => {
    const workplace = await workplaceOfItsOwn()
    await importText(workplace, logOf(3))
    const { store, readModels, projector } = workplace
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
    await store.append(stream, last.revision, transfers)
    await projector!.level(await store.endOf(['journey']))
    const right = await everything(readModels)
    expect(right.timeline!.map(({ provider }) => provider)).toEqual(expect.arrayContaining(odd))
    expect(await rebuildBeside({ ...workplace, log: silent }, projections, { signal: forEver })).toBe(true)
    expect(await everything(readModels)).toEqual(right)
  })

  it('and a verification come to their end where the log ends in events no projection listens to', async () => {
    const workplace = await workplaceOfItsOwn()
    await importText(workplace, logOf(3))
    const refused = Array.from({ length: 40 }, (_, n) => ({
      id: randomUUID(),
      type: 'ContactRefused',
      data: { recordId: `r${n}`, occurrence: 1, reason: 'no_referral' },
      metadata: {},
    }))
    const { position } = await workplace.store.append('import-refused', -1, refused)
    // Ahead by a place the log told the projector of, and perhaps nobody else.
    const builds = await takenOver(workplace.readModels)
    await workplace.readModels.commit(
      builds.map((build) => ({ build, to: BigInt(position) - 1n, rows: new Map(), isInOrder: true, held: [] })),
    )
    expect(await rebuildBeside({ ...workplace, log: silent }, projections, { signal: forEver })).toBe(true)
    const verdicts = await verifyProjections({ ...workplace, log: silent }, projections, workplace.config.dataDir)
    expect(verdicts.every(({ differences }) => differences === 0)).toBe(true)
  })

  it('runs while events are told and the projector follows, and neither loses anything', async () => {
    const workplace = await workplaceOfItsOwn()
    await importText(workplace, logOf(3))
    workplace.projector!.start()
    const telling = importText(workplace, logOf(4))
    for (let n = 0; n < 3; n++)
      expect(await rebuildBeside({ ...workplace, log: silent }, projections, { signal: forEver })).toBe(true)
    await telling
    await heardEverything(workplace)
    const verdicts = await verifyProjections({ ...workplace, log: silent }, projections, workplace.config.dataDir)
    expect(verdicts.every(({ differences }) => differences === 0)).toBe(true)
    expect(verdicts.find(({ table }) => table === 'caseload')!.rows).toBeGreaterThan(15)
  })

  it('begins by itself where a projection has changed, and was served until then as it was', async () => {
    const workplace = await workplaceOfItsOwn()
    await importText(workplace, logOf(3))
    const { readModels, store, vault } = workplace
    const before = await everything(readModels)
    const changed = projections.map((projection): Projection =>
      projection.name === 'timeline' ? { ...projection, version: projection.version + 1 } : projection,
    )
    const projector = new Projector(store, readModels, vault, silent, changed)
    projector.start()
    onTestFinished(() => projector.stop())
    const versionOf = async () =>
      (await readModels.checkpoints()).find(({ projection, place }) => projection === 'timeline' && place === 'live')!
        .version
    await expect
      .poll(versionOf, { timeout: 10_000 })
      .toBe(projections.find(({ name }) => name === 'timeline')!.version + 1)
    expect(await everything(readModels)).toEqual(before)
    await importText({ ...workplace, projector: null }, logOf(4))
    expect((await everything(readModels)).caseload!.length).toBeGreaterThan(15)
  })
})

describe.each(databases)('verifying, on %s', (kind) => {
  it('names every row that is altered, missing or too many', async () => {
    const workplace = await temporaryWorkplace(await freshDatabase(kind))
    await importText(workplace, logOf(3))
    const check = () => verifyProjections({ ...workplace, log: silent }, projections, workplace.config.dataDir)
    const whole = await check()
    expect(whole.map(({ table, differences }) => [table, differences])).toEqual([
      ['participant', 0],
      ['participant_token', 0],
      ['caseload', 0],
      ['timeline', 0],
      ['held', 0],
    ])
    const [one, two, three] = (await everything(workplace.readModels)).caseload!.map(({ journey_id }) =>
      String(journey_id),
    )
    await spoil(workplace, [
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
    const workplace = await temporaryWorkplace()
    await importText(workplace, logOf(3))
    const right = await everything(workplace.readModels)
    await workplace.close()
    const file = new DatabaseSync(`${workplace.config.dataDir}/read-models.sqlite`)
    file.exec('DROP TABLE checkpoint; CREATE TABLE checkpoint (projection TEXT PRIMARY KEY, position TEXT)')
    file.exec('PRAGMA user_version = 0')
    file.close()
    const { openIn } = await import('../support/workplace.ts')
    const again = await openIn(workplace.config.dataDir)
    onTestFinished(() => again.close())
    await heardEverything(again)
    expect(await everything(again.readModels)).toEqual(right)
    expect(again.readModels).toBeInstanceOf(ReadModels)
  })
})
