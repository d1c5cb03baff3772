/**
 * The store's file damaged at random, and the verifier asked what was done. Every damage is found, with the right verdict and the
 * right events named; stores that nobody has touched raise nothing. MUTATIONS sets how many damages there are, MUTATION_SEED
 * repeats a run: the seed is in the name of each test.
 */
import Database from 'better-sqlite3'
import { copyFileSync, cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EvidenceFile, openForReading } from '../../src/evidence/evidence-file.ts'
import { EvidenceFollower, coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { EvidenceLog } from '../../src/evidence/evidence-log.ts'
import { verifyEvents } from '../../src/evidence/event-verification.ts'
import type { RecordedFields } from '../../src/evidence/leaf.ts'
import { verifyLog } from '../../src/evidence/log-verification.ts'
import { newSigningKey, type SigningKey, type VerifierKey } from '../../src/evidence/signed-note.ts'
import { signingKeysIn } from '../../src/evidence/signing-keys.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { openRuntime } from '../../src/runtime/runtime.ts'
import { storedEvents } from '../../src/runtime/stored-events.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { settingsIn } from '../support/runtime.ts'
import { syntheticLog } from '../support/served.ts'
import { mutations, StoreFile, untouching } from './damage.ts'

const runs = Number(process.env.MUTATIONS ?? 60)
const seed = Number(process.env.MUTATION_SEED ?? Date.now() % 1_000_000)

const root = mkdtempSync(join(tmpdir(), 'throughline-mutations-'))
const original = join(root, 'original')
let keys: readonly [SigningKey, ...SigningKey[]]
let trusted: VerifierKey[]
let size: number

beforeAll(async () => {
  const config = settingsIn(original)
  const runtime = await openRuntime(config)
  try {
    const contacts = join(root, 'contacts.csv')
    writeFileSync(contacts, syntheticLog(12))
    await importFile(runtime, contacts, { rejects: join(root, 'rejects.csv') })
    keys = signingKeysIn(config.keysDir).keys
    trusted = [keys[0].verifier]
    const log = new EvidenceLog(join(original, 'evidence.db'), keys)
    const follower = new EvidenceFollower(runtime.store, log, runtime.log)
    follower.start()
    await follower.catchUpTo(await runtime.store.headPositionOf(coveredCategories), AbortSignal.timeout(60_000))
    await follower.stop()
    size = log.size
    log.close()
  } finally {
    await runtime.close()
  }
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe(`a store that was damaged (seed ${seed})`, () => {
  it.each(Object.keys(mutations))(
    'by %s is found out, and the events are named',
    { timeout: runs * 2_000 },
    async (name) => {
      for (let run = 0; run < Math.ceil(runs / Object.keys(mutations).length); run++)
        await onCopy(async (dir) => {
          const file = new StoreFile(dir)
          const damage = mutations[name]!(file, new Chance(seed, run))
          file.close()
          const { log, events } = await verified(dir)
          const found = events.findings.map(({ verdict, stream, revision }) => `${verdict} ${stream} ${revision}`)
          expect(found.sort(), `run ${run}: ${damage.what}`).toEqual([...damage.expected].sort())
          expect(log.verdict).toBe('ok')
          const { ok, altered, missing, reordered } = events.counts
          expect(ok + altered + missing + reordered).toBe(size)
        })
    },
  )

  it.each(Object.keys(untouching))('by nobody, after %s, raises nothing', { timeout: runs * 2_000 }, async (name) => {
    for (let run = 0; run < Math.ceil(runs / 10 / Object.keys(untouching).length); run++)
      await onCopy(async (dir) => {
        const file = new StoreFile(dir)
        const copy = join(dir, 'copy.sqlite')
        untouching[name]!(file, copy)
        file.close()
        if (name === 'backup') renameSync(copy, join(dir, 'store', 'events.sqlite'))
        const { log, events } = await verified(dir)
        expect(events.findings).toEqual([])
        expect(log).toMatchObject({ verdict: 'ok', problems: [], unsigned: 0 })
        expect(events.counts.ok).toBe(size)
      })
  })
})

describe('keys that were destroyed', () => {
  it('change no event; with a register of erasures the events are said to be erased', () =>
    onCopy(async (dir) => {
      const vault = new Database(join(dir, 'keys', 'keys.sqlite'))
      const [{ id }] = vault.prepare<[], { id: string }>('SELECT id FROM data_key').all() as [{ id: string }]
      vault.exec('DELETE FROM data_key').close()
      expect((await verified(dir)).events).toMatchObject({ findings: [], counts: { ok: size } })
      const { events } = await verified(dir, { erased: new Set([id]) })
      expect(events.findings).toEqual([])
      expect(events.counts['erased-authorised']).toBeGreaterThan(0)
      expect(events.counts.ok + events.counts['erased-authorised']).toBe(size)
    }))

  it('and a stream removed under an authority is not said to be missing, and another is', () =>
    onCopy(async (dir) => {
      const file = new StoreFile(dir)
      const [one, other] = [...new Set(file.rows.map(({ name }) => name))] as [string, string]
      const gone = file.rows.filter(({ name }) => name === one || name === other)
      for (const row of gone) file.remove(row)
      file.close()
      const { counts } = (await verified(dir, { erased: new Set([one]) })).events
      expect(counts['erased-authorised']).toBe(gone.filter(({ name }) => name === one).length)
      expect(counts.missing).toBe(gone.filter(({ name }) => name === other).length)
    }))
})

describe('a log that was damaged', () => {
  const damaged = (sql: string, check: (found: Awaited<ReturnType<typeof verified>>) => void) =>
    onCopy(async (dir) => {
      new Database(join(dir, 'evidence.db')).exec(sql).close()
      check(await verified(dir))
    })

  it.each([
    ['an entry is edited', "UPDATE leaf SET record = CAST(replace(record, 'Recorded', 'Reported') AS BLOB)"],
    ['an entry is gone', 'DELETE FROM leaf WHERE nth = 5'],
    [
      'entries have changed places',
      'UPDATE leaf SET nth = CASE nth WHEN 5 THEN -1 ELSE 5 END WHERE nth IN (5, 6); UPDATE leaf SET nth = 6 WHERE nth = -1',
    ],
    ['a tile is gone', 'DELETE FROM tile WHERE level = 0 AND nth = 0'],
    ['a hash is another', 'UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0'],
  ])('is a fork where %s; the events are still what was signed', (_, sql) =>
    damaged(sql, ({ log, events }) => {
      expect(log.verdict).toBe('fork')
      expect(log.problems.length).toBeGreaterThan(0)
      expect(events).toMatchObject({ findings: [], counts: { ok: size } })
    }),
  )

  it('is not signed where its head was edited, or taken away', async () => {
    await damaged("UPDATE checkpoint SET note = replace(note, '=', '+')", ({ log }) =>
      expect(log.verdict).toBe('signature-bad'),
    )
    await damaged(
      `UPDATE checkpoint SET note = replace(note, char(10) || size || char(10), char(10) || (size - 1) || char(10))`,
      ({ log }) => expect(log.verdict).not.toBe('ok'),
    )
    await damaged('DELETE FROM checkpoint', ({ log }) => expect(log.verdict).toBe('signature-bad'))
  })
})

describe('a history that was rewritten, and its log with it', () => {
  it('is not signed by us where the key was not had', () =>
    forged([newSigningKey('PLACEHOLDER')], async (dir) => {
      expect((await verified(dir)).log.verdict).toBe('signature-bad')
    }))

  it('is a fork where the old heads were kept', () =>
    forged([newSigningKey('PLACEHOLDER')], async (dir) => {
      const forgery = new Database(join(dir, 'evidence.db'))
      forgery.exec(`ATTACH '${join(original, 'evidence.db')}' AS old; DELETE FROM checkpoint;
                    INSERT INTO checkpoint SELECT * FROM old.checkpoint`)
      forgery.close()
      expect((await verified(dir)).log.verdict).toBe('fork')
    }))

  it('is a fork to whoever has kept one head, where even the key was had', () =>
    forged(keys, async (dir) => {
      expect((await verified(dir)).log.verdict).toBe('ok')
      const kept = new EvidenceFile(openForReading(join(original, 'evidence.db')))
      const { note } = kept.latestCheckpoint()!
      kept.close()
      expect((await verified(dir, { known: [note] })).log.verdict).toBe('fork')
    }))

  it('is a fork to whoever has kept a later head, where the log was cut short', () =>
    onCopy(async (dir) => {
      const kept = new EvidenceFile(openForReading(join(dir, 'evidence.db')))
      const { note } = kept.latestCheckpoint()!
      const [event] = (
        await Array.fromAsync(storedEvents({ dataDir: dir, eventStoreUrl: undefined }, coveredCategories))
      ).flat()
      kept.close()
      rmSync(join(dir, 'evidence.db'))
      const short = new EvidenceLog(join(dir, 'evidence.db'), keys)
      const { stream, revision, position, content } = event!
      short.append([{ stream, revision, ...content! }], position)
      short.sign()
      short.close()
      const { log, events } = await verified(dir, { known: [note] })
      expect(log.verdict).toBe('fork')
      expect(events.counts).toMatchObject({ ok: 1, 'not-yet-covered': size - 1 })
    }))

  /** The store is rewritten in one place, and a log of it made from the beginning. */
  const forged = (signing: readonly [SigningKey, ...SigningKey[]], check: (dir: string) => Promise<void>) =>
    onCopy(async (dir) => {
      const file = new StoreFile(dir)
      mutations.rewrite!(file, new Chance(seed))
      file.close()
      const events = (
        await Array.fromAsync(storedEvents({ dataDir: dir, eventStoreUrl: undefined }, coveredCategories))
      ).flat()
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `evidence.db${suffix}`), { force: true })
      const named = signing[0].verifier.name === 'PLACEHOLDER' ? newSigningKey(keys[0].verifier.name) : signing[0]
      const log = new EvidenceLog(join(dir, 'evidence.db'), [named])
      log.append(
        events.map(({ stream, revision, content }): RecordedFields => ({ stream, revision, ...content! })),
        events.at(-1)!.position,
      )
      log.sign()
      log.close()
      await check(dir)
    })
})

async function onCopy(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(root, 'copy-'))
  try {
    for (const part of ['store', 'keys']) cpSync(join(original, part), join(dir, part), { recursive: true })
    copyFileSync(join(original, 'evidence.db'), join(dir, 'evidence.db'))
    await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function verified(dir: string, { erased, known }: { erased?: ReadonlySet<string>; known?: string[] } = {}) {
  const file = new EvidenceFile(openForReading(join(dir, 'evidence.db')))
  try {
    const log = verifyLog(file, trusted, known)
    const found = storedEvents({ dataDir: dir, eventStoreUrl: undefined }, coveredCategories)
    return { log, events: await verifyEvents(file, log, found, erased && { erased }) }
  } finally {
    file.close()
  }
}
