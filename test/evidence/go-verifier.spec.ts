/**
 * What the evidence log says is believed by code that nobody here wrote, Go's golang.org/x/mod/sumdb, and no more than that: every
 * proof and signature is accepted, and refused once anything in it is changed. GO_RUNS sets how many proofs.
 */
import { randomBytes } from 'node:crypto'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { expect, it } from 'vitest'
import { newSigningKey, parseNote, signatureTypes, signNote } from '../../src/evidence/signed-note.ts'
import { cosign } from '../../src/evidence/witness/cosignature.ts'
import { goVerifier, type GoCheck } from '../support/go-verifier.ts'
import { SignedLog } from '../support/signed-log.ts'

const runs = Number(process.env.GO_RUNS ?? 1_000)
const seed = Number(process.env.GO_SEED ?? Date.now() % 1_000_000)
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

it(
  `${runs} proofs are accepted, and ${runs} that were tampered with are refused (GO_SEED=${seed})`,
  { timeout: 300_000 },
  () => {
    const random = xoroshiro128plus(seed)
    const between = (least: number, most: number) => uniformInt(random, least, most)
    const flipped = (encoded: string): string => {
      const bytes = Buffer.from(encoded, 'base64')
      const at = between(0, bytes.length - 1)
      bytes[at] = bytes[at]! ^ (1 << between(0, 7))
      return base64(bytes)
    }
    const log = new SignedLog().add(600)
    const sound: GoCheck[] = []
    const tampered: GoCheck[] = []
    for (let run = 0; run < runs; run++) {
      const size = between(2, log.size)
      const root = base64(log.root(size))
      if (run % 2 === 0) {
        const index = between(0, size - 1)
        const proof = log.inclusion(index, size).map(base64)
        const check = {
          Kind: 'inclusion',
          Record: base64(log.record(index)),
          Index: index,
          Size: size,
          Root: root,
          Proof: proof,
        } as const
        const nth = between(0, proof.length - 1)
        const changes: Partial<typeof check>[] = [
          { Record: flipped(check.Record) },
          { Root: flipped(root) },
          { Index: index === 0 ? 1 : index - 1 },
          { Proof: proof.with(nth, flipped(proof[nth]!)) },
          { Proof: proof.slice(1) },
          { Proof: [...proof, base64(randomBytes(32))] },
        ]
        sound.push(check)
        tampered.push({ ...check, ...changes[between(0, changes.length - 1)]! })
      } else {
        const oldSize = between(1, size - 1)
        const proof = log.consistency(oldSize, size).map(base64)
        const check = {
          Kind: 'consistency',
          OldSize: oldSize,
          OldRoot: base64(log.root(oldSize)),
          Size: size,
          Root: root,
          Proof: proof,
        } as const
        const nth = between(0, proof.length - 1)
        const changes: Partial<typeof check>[] = [
          { OldRoot: flipped(check.OldRoot) },
          { Root: flipped(root) },
          { Proof: proof.with(nth, flipped(proof[nth]!)) },
          { Proof: proof.slice(1) },
          { OldRoot: base64(log.forkedAt(0, oldSize).root()) },
        ]
        sound.push(check)
        tampered.push({ ...check, ...changes[between(0, changes.length - 1)]! })
      }
    }
    const verdicts = goVerifier()([...sound, ...tampered])
    expect(verdicts).toHaveLength(2 * runs)
    expect(verdicts.slice(0, runs).filter((verdict) => verdict !== 'ok')).toEqual([])
    expect(tampered.filter((_, n) => verdicts[runs + n] === 'ok')).toEqual([])
  },
)

it('checkpoints are opened with the key of the log, with those of its witnesses, and with no other', () => {
  const log = new SignedLog().add(77)
  const witness = newSigningKey('witness.example.org/w1', signatureTypes.cosignature)
  const note = log.checkpoint()
  const { text } = parseNote(note)
  const cosigned = note + cosign(witness, text, 1_790_000_000)
  const rotated = newSigningKey(log.key.verifier.name)
  const stranger = newSigningKey(log.key.verifier.name)
  const keys = (...all: { verifier: { text: string } }[]) => all.map(({ verifier }) => verifier.text)
  const check = (Note: string, VerifierKeys: string[]): GoCheck => ({ Kind: 'note', Note, VerifierKeys })
  const verdicts = goVerifier()([
    check(note, keys(log.key)),
    check(cosigned, keys(log.key, witness)),
    check(signNote(text, [log.key, rotated]), keys(log.key, rotated)),
    check(note, keys(stranger)),
    check(note, keys(log.key, witness)),
    check(cosigned.replace('\n77\n', '\n78\n'), keys(log.key, witness)),
    check(cosigned.replace(/\n$/, ''), keys(log.key)),
    check(note + cosign(witness, text.replace('77', '76'), 1_790_000_000), keys(log.key, witness)),
  ])
  expect(verdicts.slice(0, 3)).toEqual(['ok', 'ok', 'ok'])
  expect(verdicts.slice(3).filter((verdict) => verdict === 'ok')).toEqual([])
  expect(verdicts).toHaveLength(8)
})
