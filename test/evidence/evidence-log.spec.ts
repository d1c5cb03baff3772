/** The evidence log over a real store: one leaf for each event, in order, signed; the same after any interruption. */
import Database from 'better-sqlite3'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openCheckpoint } from '../../src/evidence/checkpoint.ts'
import { EvidenceDamaged } from '../../src/evidence/evidence-file.ts'
import { EvidenceFollower, coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { EvidenceLog } from '../../src/evidence/evidence-log.ts'
import { verifyProof } from '../../src/evidence/inclusion-proof.ts'
import { recordOf, type RecordedFields } from '../../src/evidence/leaf.ts'
import { CompactRange, leafHash, verifyConsistency } from '../../src/evidence/merkle-tree.ts'
import { signingKeysIn, verifierKeysIn } from '../../src/evidence/signing-keys.ts'
import { MalformedNote, newSigningKey } from '../../src/evidence/signed-note.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { importText, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'
import { syntheticLog } from '../support/served.ts'

describe('the evidence log', () => {
  it('has one leaf for each event of the store, in its order', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, syntheticLog(20))
    const log = openLog(runtime)
    await followed(runtime, log)
    const events = await Array.fromAsync(runtime.store.readAll(coveredCategories))
    expect(events.length).toBeGreaterThan(257)
    expect(log.file.records(0, log.size + 1)).toEqual(events.map((event) => recordOf(event)))

    const { verifier } = signingKeysIn(runtime.config.keysDir).keys[0]
    const { note } = log.file.latestCheckpoint()!
    const range = new CompactRange()
    for (const event of events) range.append(leafHash(recordOf(event)))
    expect(openCheckpoint(note, [verifier])).toEqual({ origin: log.origin, size: events.length, root: range.root() })
    for (const index of [0, 255, 256, events.length - 1]) {
      const { stream, revision } = events[index]!
      expect(log.file.indexOf(stream, revision)).toBe(index)
      expect(verifyProof(log.file.proofOf(index)!, recordOf(events[index]!), [verifier])?.size).toBe(events.length)
    }
  })

  it('is the same however often it was interrupted', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, syntheticLog(8))
    const log = openLog(runtime)
    await followed(runtime, log)
    const interrupted = openLog(runtime, 'interrupted.db')
    const events = await Array.fromAsync(runtime.store.readAll(coveredCategories))
    for (let from = 0; from < events.length; from += 37) {
      const some = events.slice(from, from + 37)
      expect(() => interrupted.append([...some, unrecordable], some.at(-1)!.position)).toThrow()
      expect(interrupted.size).toBe(from)
      interrupted.append(some, some.at(-1)!.position)
      if (from % 2 === 0) interrupted.sign()
      interrupted.close()
      Object.assign(interrupted, openLog(runtime, 'interrupted.db'))
    }
    expect(interrupted.sign().size).toBe(log.size)
    expect(interrupted.file.latestCheckpoint()!.note).toBe(log.file.latestCheckpoint()!.note)
    expect(interrupted.readUpTo).toBe(events.at(-1)!.position)
    const heads = interrupted.file.checkpoints()
    expect(heads.length).toBeGreaterThan(2)
    const keys = verifierKeysIn(runtime.config.keysDir)
    for (const [n, { note }] of heads.slice(1).entries()) {
      const [from, to] = [openCheckpoint(heads[n]!.note, keys), openCheckpoint(note, keys)]
      expect(verifyConsistency({ from, to, proof: log.file.consistencyProof(from.size, to.size) })).toBe(true)
    }
  })

  it('goes on with what is appended while it follows, and signs at most once a second', async () => {
    const runtime = await temporaryWorkplace()
    const log = openLog(runtime)
    const follower = new EvidenceFollower(runtime.store, log, runtime.log)
    follower.start()
    onTestFinished(() => follower.stop())
    const begun = performance.now()
    await importText(runtime, syntheticLog(12))
    const head = await runtime.store.headPositionOf(coveredCategories)
    await follower.catchUpTo(head, AbortSignal.timeout(20_000))
    await vi.waitFor(() => expect(log.file.latestCheckpoint()!.size).toBe(log.size), 5_000)
    const seconds = (performance.now() - begun) / 1_000
    // The empty log is signed at the start.
    expect(log.file.checkpoints().length).toBeLessThanOrEqual(2 + seconds)
  })

  it.each([
    'UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 1',
    'DELETE FROM tile WHERE level = 0 AND nth = 1',
    'UPDATE log SET size = size - 1',
    'UPDATE log SET subtrees = zeroblob(length(subtrees))',
    "UPDATE log SET size = 0, subtrees = x''",
    "UPDATE log SET origin = 'another'",
  ])('signs nothing more after its own file was damaged by %s', (sql) => {
    const dir = temporaryDirectory()
    const path = join(dir, 'evidence.db')
    const { keys } = signingKeysIn(dir)
    const log = new EvidenceLog(path, keys)
    log.append(
      Array.from({ length: 300 }, (_, n) => event(n)),
      1n,
    )
    log.sign()
    log.close()
    new EvidenceLog(path, keys).close()
    new Database(path).exec(sql).close()
    expect(() => new EvidenceLog(path, keys)).toThrow(EvidenceDamaged)
  })

  it('is not opened on a file of another program', () => {
    const dir = temporaryDirectory()
    const path = join(dir, 'evidence.db')
    new Database(path).exec('CREATE TABLE something (else_ INTEGER)').close()
    expect(() => new EvidenceLog(path, signingKeysIn(dir).keys)).toThrow(EvidenceDamaged)
  })
})

describe('the keys of the log', () => {
  it('are made once, in a file of their own that nobody else may read', () => {
    const dir = temporaryDirectory()
    const made = signingKeysIn(dir)
    expect(made.areNew).toBe(true)
    expect(statSync(join(dir, 'evidence.key')).mode & 0o777).toBe(0o600)
    const again = signingKeysIn(dir)
    expect(again.areNew).toBe(false)
    expect(again.keys.map(({ text }) => text)).toEqual(made.keys.map(({ text }) => text))
    expect(existsSync(join(dir, 'evidence.key.new'))).toBe(false)
    expect(readFileSync(join(dir, 'evidence.pub'), 'utf8')).not.toContain('PRIVATE')
  })

  it('are replaced line by line, and what they signed is verified ever after', () => {
    const dir = temporaryDirectory()
    const path = join(dir, 'evidence.db')
    const old = signingKeysIn(dir).keys[0]
    const log = new EvidenceLog(path, [old])
    log.append([event(0)], 1n)
    const first = log.sign().note
    log.close()
    const next = newSigningKey(old.verifier.name)
    writeFileSync(join(dir, 'evidence.key'), `${next.text}\n${old.text}\n`)
    const both = new EvidenceLog(path, signingKeysIn(dir).keys)
    both.append([event(1)], 2n)
    const second = both.sign().note
    both.close()
    expect([old, next].map(({ verifier }) => openCheckpoint(second, [verifier]).size)).toEqual([2, 2])
    writeFileSync(join(dir, 'evidence.key'), `${next.text}\n`)
    signingKeysIn(dir)
    expect(verifierKeysIn(dir).map(({ text }) => text)).toEqual([old.verifier.text, next.verifier.text])
    expect(openCheckpoint(first, verifierKeysIn(dir)).size).toBe(1)
  })

  it('are refused where they would sign as two logs, or are none', () => {
    const dir = temporaryDirectory()
    const [key] = signingKeysIn(dir).keys
    writeFileSync(join(dir, 'evidence.key'), `${key.text}\n${newSigningKey('another').text}\n`)
    expect(() => signingKeysIn(dir)).toThrow(MalformedNote)
    writeFileSync(join(dir, 'evidence.key'), '\n')
    expect(() => signingKeysIn(dir)).toThrow(MalformedNote)
  })
})

function openLog({ config }: Runtime, name = 'evidence.db'): EvidenceLog {
  const log = new EvidenceLog(join(config.dataDir, name), signingKeysIn(config.keysDir).keys)
  onTestFinished(() => log.close())
  return log
}

async function followed({ store, log: logger }: Runtime, log: EvidenceLog): Promise<void> {
  const follower = new EvidenceFollower(store, log, logger)
  follower.start()
  await follower.catchUpTo(await store.headPositionOf(coveredCategories), AbortSignal.timeout(30_000))
  await follower.stop()
}

const event = (n: number): RecordedFields => ({
  id: `id ${n}`,
  type: 'SomethingHappened',
  stream: `journey-${n % 7}`,
  revision: Math.floor(n / 7),
  data: { n },
  metadata: {},
})

/** No JSON has a number like this, and none comes from a store: what it stands for is any failure within a batch. */
const unrecordable: RecordedFields = { ...event(0), data: { n: 10n } }
