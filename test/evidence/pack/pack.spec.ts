/** An evidence pack holds what was asked with all that proves it, and its making is itself recorded. */
import { createHash, randomUUID } from 'node:crypto'
import { strFromU8, unzipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { recordedFrom } from '../../../src/domain/codec.ts'
import type { EvidencePackEvent } from '../../../src/domain/evidence-pack.ts'
import { checkPack } from '../../../src/evidence/pack/check-pack.ts'
import {
  PackRefused,
  type EvidencePack,
  type PackedRow,
  type RegisterScope,
} from '../../../src/evidence/pack/pack-format.ts'
import { verifyPack } from '../../../src/evidence/pack/verification.ts'
import { parseProof } from '../../../src/evidence/inclusion-proof.ts'
import { parseCheckpoint } from '../../../src/evidence/checkpoint.ts'
import { recordOf } from '../../../src/evidence/leaf.ts'
import { parseNote } from '../../../src/evidence/signed-note.ts'
import { signingKeysIn } from '../../../src/evidence/signing-keys.ts'
import { goVerifier, type GoCheck } from '../../support/go-verifier.ts'
import { importJourneys, journeyScopeOf, marked, packOf, reference, registerScopeOf } from '../../support/packs.ts'
import { temporaryWorkplace } from '../../support/runtime.ts'
import { startWitness } from '../../support/witness.ts'

const filesOf = (bytes: Uint8Array) =>
  new Map(Object.entries(unzipSync(bytes)).map(([name, content]) => [name, strFromU8(content)]))

describe('a pack of one journey', () => {
  it('has every event of it as stored, proved, and opened for who may read it', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const scope = journeyScopeOf(runtime)
    const { bytes, pack } = await packOf(runtime, scope)
    const { isProven, verdict, files } = checkPack(bytes, pack.logKeys[0])
    expect({ isProven, files, counts: verdict.counts }).toMatchObject({ isProven: true, files: [], counts: { ok: 7 } })

    const stored = await Array.fromAsync(runtime.store.read(scope.of === 'journey' ? scope.stream : ''))
    const found = filesOf(bytes)
    const records = [...found].filter(([name]) => name.startsWith('records/')).map(([, record]) => record)
    expect(records).toEqual(stored.map((event) => recordOf(event).toString()))
    expect(pack.events[0]!.opened).toMatchObject({ note: marked.note })
    expect([...found.keys()].filter((name) => !/^(records|proofs)\//.test(name)).toSorted()).toEqual(
      ['README.txt', 'checkpoint.txt', 'events.jsonl', 'keys.txt', 'pack.json', 'report.html'].toSorted(),
    )
    expect(found.get('README.txt')).toContain(pack.logKeys[0])
  })

  it('sealed, says nothing about anybody', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const { bytes } = await packOf(runtime, journeyScopeOf(runtime), { withPersonalFields: false })
    expect(checkPack(bytes).isProven).toBe(true)
    for (const text of filesOf(bytes).values())
      for (const marker of Object.values(marked)) expect(text).not.toContain(marker)
  })

  it('is recorded before it is handed out, and the next pack proves that', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const { bytes, pack } = await packOf(runtime, journeyScopeOf(runtime))
    const [made] = await Array.fromAsync(runtime.store.read(`evidence-${pack.id}`))
    const { data, metadata, type } = recordedFrom<EvidencePackEvent>(made!)
    expect(type).toBe('EvidencePackMade')
    const digest = createHash('sha256').update(filesOf(bytes).get('events.jsonl')!).digest('hex')
    const journeyId = runtime.vault.find('reference', reference)
    expect(data).toEqual({
      scope: 'journey',
      of: journeyId,
      events: 7,
      logSize: expect.any(Number),
      digest,
      personalFields: true,
    })
    expect(metadata).toMatchObject({ actor: { id: 'auditor-1' }, recordedAt: pack.madeAt, source: 'ui' })

    const whole = await packOf(runtime, { of: 'log' })
    expect(checkPack(whole.bytes).isProven).toBe(true)
    expect(whole.pack.events.at(-1)).toMatchObject({ stream: `evidence-${pack.id}`, revision: 0, opened: null })
  })

  it('that cannot be recorded is not handed out', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const commands = { ...runtime.commands, evidencePacks: { record: () => Promise.reject(new Error('no log')) } }
    const broken = { ...runtime, commands } as unknown as typeof runtime
    await expect(packOf(broken, journeyScopeOf(runtime))).rejects.toThrow('no log')
  })

  it('is proved by Go’s checksum database from the files in it alone', async () => {
    const runtime = await temporaryWorkplace()
    const { verifier } = signingKeysIn(runtime.config.keysDir).keys[0]
    const witness = await startWitness([verifier])
    const config = { ...runtime.config, witness: { url: witness.url, key: witness.key.verifier.text } }
    await importJourneys(runtime)
    const { bytes, pack } = await packOf({ ...runtime, config }, journeyScopeOf(runtime))
    const { verdict, isProven } = checkPack(bytes, verifier.text)
    expect(isProven).toBe(true)
    expect(verdict.signatures.map(({ name, isValid }) => [name, isValid])).toEqual([
      [verifier.name, true],
      [witness.key.verifier.name, true],
    ])

    const found = filesOf(bytes)
    const proofs = [...found].filter(([name]) => name.startsWith('proofs/'))
    const checks = proofs.map(([name, text]): GoCheck => {
      const { index, path, checkpoint } = parseProof(text)
      const { size, root } = parseCheckpoint(parseNote(checkpoint).text)
      const record = found.get(name.replace('proofs/', 'records/').replace('.tlog-proof', '.json'))!
      return {
        Kind: 'inclusion',
        Record: Buffer.from(record).toString('base64'),
        Index: index,
        Size: size,
        Root: root.toString('base64'),
        Proof: path.map((hash) => hash.toString('base64')),
      }
    })
    expect(checks).toHaveLength(pack.events.length)
    const keys = found.get('keys.txt')!.trim().split('\n')
    const note: GoCheck = { Kind: 'note', Note: found.get('checkpoint.txt')!, VerifierKeys: keys }
    expect(goVerifier()([note, ...checks])).toEqual(['ok', ...checks.map(() => 'ok')])
  })
})

describe('a pack of a register', () => {
  it('has its rows, and of each the event and what that corrects or changes, proved', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const corrections = await packOf(runtime, await registerScopeOf(runtime, 'corrections'))
    expect(checkPack(corrections.bytes, corrections.pack.logKeys[0])).toMatchObject({ isProven: true, files: [] })
    const typesOf = ({ events }: EvidencePack) => events.map(({ type }) => type).toSorted()
    expect(typesOf(corrections.pack)).toEqual([
      ...Array<string>(4).fill('AttendanceCorrected'),
      ...Array<string>(4).fill('AttendanceRecorded'),
    ])
    const recategorised = await packOf(runtime, await registerScopeOf(runtime, 'recategorised-outcomes'))
    expect(recategorised.pack.scope).toMatchObject({ rows: { length: 4 }, title: 'Outcomes recategorised' })
    expect(typesOf(recategorised.pack)).toEqual([
      ...Array<string>(4).fill('OutcomeRecategorised'),
      ...Array<string>(4).fill('ParticipantDroppedOut'),
    ])
    const [made] = await Array.fromAsync(runtime.store.read(`evidence-${recategorised.pack.id}`))
    expect(made!.data).toMatchObject({ scope: 'register', of: 'recategorised-outcomes', events: 8 })
    const taken = await packOf(runtime, await registerScopeOf(runtime, 'taken-away'))
    expect(taken.pack.events.map(({ stream }) => stream)).toContain(`evidence-${recategorised.pack.id}`)
    expect(checkPack(taken.bytes).isProven).toBe(true)
  })

  it('is not proven where a row says otherwise than its event, or an event is missing or too many', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const { pack } = await packOf(runtime, await registerScopeOf(runtime, 'corrections'))
    const scope = pack.scope as RegisterScope
    const [row] = scope.rows
    const where = `${row!.stream} revision ${row!.revision}`
    const changes: Partial<PackedRow>[] = [
      { by: 'somebody-else' },
      { recordedAt: '2023-07-02T00:00:00.000Z' },
      { occurredOn: '2023-06-29' },
      { type: 'RecordWithdrawn' },
      { eventId: randomUUID() },
    ]
    for (const changed of changes) {
      const altered = { ...pack, scope: { ...scope, rows: scope.rows.with(0, { ...row!, ...changed }) } }
      expect(verifyPack(altered)).toMatchObject({ isProven: false, rowsAtOdds: [where] })
    }
    expect(verifyPack({ ...pack, events: pack.events.slice(1) })).toMatchObject({
      isProven: false,
      counts: { missing: 1 },
    })
    expect(verifyPack({ ...pack, scope: { ...scope, rows: scope.rows.slice(1) } })).toMatchObject({
      isProven: false,
      counts: { extra: 2 },
    })
    expect(verifyPack(pack)).toMatchObject({ isProven: true, rowsAtOdds: [] })
  })

  it('that has no row is refused', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    await expect(packOf(runtime, await registerScopeOf(runtime, 'reinstatements'))).rejects.toThrow(PackRefused)
  })
})

describe('a pack of more', () => {
  it('has what was recorded in some days, or the whole log in its order', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    const days = await packOf(runtime, { of: 'days', from: '2023-06-20', to: '2023-07-01' })
    expect(checkPack(days.bytes)).toMatchObject({ isProven: true, verdict: { counts: { ok: 8 } } })
    expect(new Set(days.pack.events.map(({ type }) => type))).toEqual(
      new Set(['AttendanceRecorded', 'AttendanceCorrected']),
    )
    const log = await packOf(runtime, { of: 'log' })
    const { isProven, verdict } = checkPack(log.bytes)
    expect(isProven).toBe(true)
    expect(verdict.counts.ok).toBe(verdict.checkpoint!.size)
  })

  it('is refused where nothing is there', async () => {
    const runtime = await temporaryWorkplace()
    await importJourneys(runtime)
    await expect(packOf(runtime, { of: 'days', from: '1999-01-01', to: '1999-12-31' })).rejects.toThrow(PackRefused)
  })
})
