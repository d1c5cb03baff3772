/** A pack that is not what was recorded is found out, whatever was done to it. PACK_MUTATIONS sets how many are tried. */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkPack } from '../../../src/evidence/pack/check-pack.ts'
import { PackRefused, type EvidencePack, type PackedEvent } from '../../../src/evidence/pack/pack-format.ts'
import { zipPack } from '../../../src/evidence/pack/pack-zip.ts'
import { verifyPack, type PackedEventVerdict } from '../../../src/evidence/pack/verification.ts'
import { SignedLog } from '../../support/signed-log.ts'
import { newSigningKey, signNote, parseNote } from '../../../src/evidence/signed-note.ts'
import { recordBytes } from '../../../src/evidence/pack/verification.ts'
import { importJourneys, journeyScopeOf, packOf } from '../../support/packs.ts'
import { openIn } from '../../support/runtime.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const mutations = Number(process.env.PACK_MUTATIONS ?? 500)
const seed = Number(process.env.PACK_SEED ?? Date.now() % 1_000_000)

let directory: string
let runtime: Runtime
let journey: EvidencePack
let other: EvidencePack
let log: EvidencePack
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'throughline-spec-'))
  runtime = await openIn(directory)
  await importJourneys(runtime)
  ;({ pack: journey } = await packOf(runtime, journeyScopeOf(runtime)))
  ;({ pack: other } = await packOf(runtime, journeyScopeOf(runtime, 'REF-OTHER-1')))
  ;({ pack: log } = await packOf(runtime, { of: 'log' }))
})
afterAll(async () => {
  await runtime.close()
  rmSync(directory, { recursive: true, force: true })
})

/** One character of a text becomes another. */
function edited(text: string, between: (least: number, most: number) => number): string {
  const at = between(0, text.length - 1)
  const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  const other = [...alphabet].filter((letter) => letter !== text[at])
  return text.slice(0, at) + other[between(0, other.length - 1)]! + text.slice(at + 1)
}

it(`${mutations} alterations are each found out, named rightly where it happened (PACK_SEED=${seed})`, () => {
  const random = xoroshiro128plus(seed)
  const between = (least: number, most: number) => uniformInt(random, least, most)
  const seen = new Map<string, number>()
  for (let n = 0; n < mutations; n++) {
    const pack = n % 4 === 3 ? log : journey
    const at = between(0, pack.events.length - 1)
    const event = pack.events[at]!
    const where = `${event.stream} revision ${event.revision}`
    const change = (changed: Partial<PackedEvent>) => ({
      ...pack,
      events: pack.events.with(at, { ...event, ...changed }),
    })
    const content = (field: 'data' | 'metadata') => {
      const { text } = event[field] as { text: string }
      return { form: 'canonical' as const, text: edited(text, between) }
    }
    const proof = event.proof!
    const alterations: [PackedEventVerdict, string, EvidencePack][] = [
      ['altered', where, change({ data: content('data') })],
      ['altered', where, change({ metadata: content('metadata') })],
      ['altered', where, change({ type: edited(event.type, between) })],
      ['altered', where, change({ id: edited(event.id, between) })],
      ['altered', where, change({ proof: { ...proof, path: proof.path.with(0, edited(proof.path[0]!, between)) } })],
      ['altered', where, change({ proof: { ...proof, index: proof.index + 1 } })],
      ['missing', '', { ...pack, events: pack.events.toSpliced(at, 1) }],
      ['extra', where, { ...pack, events: pack.events.toSpliced(at, 0, event) }],
      ['reordered', '', { ...pack, events: pack.events.toSpliced(at, 1).toSpliced(at === 0 ? 1 : at - 1, 0, event) }],
    ]
    const which = between(0, alterations.length - 1)
    const [verdict, place, altered] = alterations[which]!
    // The end of a journey’s history can be left out of a pack unseen: the pack says how far it goes, the log says how far there is.
    if (verdict === 'missing' && pack === journey && at === pack.events.length - 1) continue
    const { isProven, events, counts } = verifyPack(altered)
    expect({ isProven, which, at, verdict: counts[verdict] > 0 }).toEqual({ isProven: false, which, at, verdict: true })
    if (place !== '') expect(events.find((one) => one.verdict === verdict)?.where).toBe(place)
    seen.set(verdict, (seen.get(verdict) ?? 0) + 1)
  }
  expect([...seen.keys()].toSorted()).toEqual(['altered', 'extra', 'missing', 'reordered'])
})

describe('a pack', () => {
  it('with an event of another journey is found out', () => {
    const mixed = { ...journey, events: [...journey.events, other.events[0]!] }
    expect(verifyPack(mixed)).toMatchObject({ isProven: false, counts: { extra: 1 } })
  })
  it('with a checkpoint that was altered, or signed by nobody, is signature-bad', () => {
    for (const checkpoint of [
      journey.checkpoint.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`),
      `${journey.checkpoint.split('\n\n')[0]!}\n\n`,
      '',
      signNote(parseNote(journey.checkpoint).text, [newSigningKey('stranger.example.org')]),
    ])
      expect(verifyPack({ ...journey, checkpoint })).toMatchObject({ isProven: false, log: 'signature-bad' })
  })
  it('that was forged whole, under a key of the forger, is found out by who knows the key of the log', () => {
    const [trusted] = journey.logKeys
    const first = journey.events[0]!
    const lie = { ...first, data: { form: 'canonical' as const, text: '{"provider":"Elsewhere"}' } }
    const events = journey.events.with(0, lie)
    const name = journey.checkpoint.split('\n')[0]!
    const forged = new SignedLog(
      newSigningKey(name),
      events.map((event) => Buffer.from(recordBytes(event))),
    )
    const pack: EvidencePack = {
      ...journey,
      events: events.map((event, index) => ({
        ...event,
        proof: { index, path: forged.inclusion(index).map((hash) => hash.toString('base64')) },
      })),
      checkpoint: forged.checkpoint(),
      logKeys: [forged.key.verifier.text],
    }
    expect(verifyPack(pack).isProven).toBe(true)
    expect(verifyPack(pack, trusted)).toMatchObject({ isProven: false, log: 'signature-bad' })
    expect(verifyPack(journey, trusted).isProven).toBe(true)
  })
  it('with events that no checkpoint covers yet says so of them, and is proved as far as it goes', () => {
    const last = journey.events.at(-1)!
    const pack = { ...journey, events: journey.events.with(-1, { ...last, proof: null }) }
    expect(verifyPack(pack)).toMatchObject({ isProven: true, counts: { 'not-yet-covered': 1, altered: 0 } })
  })
  it('in which one file says something else than the others is found out', async () => {
    const files = unzipSync(await zipPack(journey))
    const check = (changed: Record<string, Uint8Array>) => checkPack(zipSync({ ...files, ...changed }))
    expect(check({})).toMatchObject({ isProven: true, files: [] })
    const page = strFromU8(files['report.html']!).replace('ATTC', 'UAAB')
    expect(check({ 'report.html': strToU8(page) }).files).toEqual(['report.html carries other evidence than the pack'])
    expect(check({ 'checkpoint.txt': strToU8('x') }).files).toEqual(['checkpoint.txt was altered'])
    expect(check({ 'notes.txt': strToU8('x') }).files).toEqual(['notes.txt does not belong here'])
    const [proof] = Object.keys(files).filter((name) => name.startsWith('proofs/'))
    const { [proof!]: _, ...fewer } = files
    expect(checkPack(zipSync(fewer)).files).toEqual([`${proof} is missing`])
  })
  it.each([
    ['no zip', Buffer.from('PK is not enough')],
    ['nothing', Buffer.alloc(0)],
    ['another zip', zipSync({ 'a.txt': strToU8('a') })],
  ])('that is none is refused: %s', (_, bytes) => expect(() => checkPack(bytes)).toThrow(PackRefused))
  it('with anything at all for an event is refused, not fallen over', async () => {
    const files = unzipSync(await zipPack(journey))
    for (const line of [
      'null',
      '{}',
      '[]',
      '7',
      '{"stream":1}',
      'x',
      '{"stream":"a","revision":0,"id":"","type":"","data":{"form":"canonical"}}',
    ])
      expect(() => checkPack(zipSync({ ...files, 'events.jsonl': strToU8(`${line}\n`) }))).toThrow(PackRefused)
    for (const json of ['null', '{}', '[]', '{"format":"throughline-evidence-pack/1"}'])
      expect(() => checkPack(zipSync({ ...files, 'pack.json': strToU8(json) }))).toThrow(PackRefused)
  })
})
