/** The texts and bytes that other people's programs read: signed notes, checkpoints, tiles and proofs, exactly as C2SP says. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openCheckpoint, parseCheckpoint, signCheckpoint } from '../../src/evidence/checkpoint.ts'
import { formatProof, parseProof, verifyProof } from '../../src/evidence/inclusion-proof.ts'
import { CompactRange, inclusionProof, leafHash, rootOf } from '../../src/evidence/merkle-tree.ts'
import {
  MalformedNote,
  SignatureBad,
  newSigningKey,
  openNote,
  parseNote,
  parseSigningKey,
  parseVerifierKey,
  signNote,
} from '../../src/evidence/signed-note.ts'
import {
  decodeBundle,
  encodeBundle,
  parseTilePath,
  subtreesIn,
  tilePath,
  tilesOf,
  widthAt,
} from '../../src/evidence/tiles.ts'

/** The key and the note of the documentation of Go's golang.org/x/mod/sumdb/note. */
const published = {
  signing: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
}

describe('a signed note', () => {
  const key = parseSigningKey(published.signing)
  const trusted = [parseVerifierKey(published.verifier)]
  const note = `${published.text}\n${published.line}`

  it('is signed as published, byte for byte', () => {
    expect(key.verifier.text).toBe(published.verifier)
    expect(key.text).toBe(published.signing)
    expect(signNote(published.text, [key])).toBe(note)
    expect(openNote(note, trusted).text).toBe(published.text)
  })

  it('is not opened when its text or a trusted signature was changed', () => {
    expect(() => openNote(note.replace('answer', 'answers'), trusted)).toThrow(SignatureBad)
    expect(() => openNote(note.replace('x08go/ZJ', 'x08go/ZK'), trusted)).toThrow(SignatureBad)
    expect(() => openNote(note, [newSigningKey('PeterNeumann').verifier])).toThrow(SignatureBad)
    expect(() => openNote(note, [])).toThrow(SignatureBad)
  })

  it('may be signed by others, whom we do not know', () => {
    const stranger = newSigningKey('witness.example')
    const { signedBy } = openNote(signNote(published.text, [stranger, key]), trusted)
    expect(signedBy).toEqual(trusted)
    expect(parseNote(signNote(published.text, [stranger, key])).signatures.map(({ name }) => name)).toEqual([
      'witness.example',
      'PeterNeumann',
    ])
  })

  it('with a wrong signature of a trusted key is refused, whoever else signed it', () => {
    const other = newSigningKey('other.example')
    const wrong = signNote(published.text, [other, key]).replace('x08go/ZJ', 'x08go/ZK')
    expect(() => openNote(wrong, [...trusted, other.verifier])).toThrow(SignatureBad)
  })

  it.each([
    ['no signature', published.text],
    ['no empty line', published.text + published.line],
    ['no last newline', note.slice(0, -1)],
    ['a hyphen for a dash', note.replace('—', '-')],
    ['a control character', note.replace('answer', 'answer\r')],
    ['an untidy signature', note.replace('nAM=', 'nAN=')],
    ['a signature without a key', note.replace(/x08go.*=/, 'AAAA')],
  ])('is malformed with %s', (_, text) => expect(() => openNote(text, trusted)).toThrow(MalformedNote))

  it.each(['PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'PeterNeumann', 'a b+00000000+AAAA'])(
    'is not trusted for the key %s',
    (text) => expect(() => parseVerifierKey(text)).toThrow(MalformedNote),
  )
})

describe('a checkpoint', () => {
  const key = newSigningKey('log.example/evidence')
  const root = leafHash(Buffer.from('one'))
  const origin = 'log.example/evidence'

  it('says origin, size and root, and is read back', () => {
    const note = signCheckpoint({ origin, size: 1, root }, [key])
    expect(note.split('\n').slice(0, 4)).toEqual([origin, '1', root.toString('base64'), ''])
    expect(openCheckpoint(note, [key.verifier])).toEqual({ origin, size: 1, root })
  })

  it('may have lines that we do not know', () =>
    expect(parseCheckpoint(`${origin}\n0\n${root.toString('base64')}\nsomething else\n`).size).toBe(0))

  it.each([
    `${origin}\n01\n${root.toString('base64')}\n`,
    `${origin}\n-1\n${root.toString('base64')}\n`,
    `${origin}\n1\n${root.subarray(1).toString('base64')}\n`,
    `${origin}\n1\n`,
    `\n1\n${root.toString('base64')}\n`,
    `${origin}\n1\n${root.toString('base64')}`,
    `${origin}\n1\n${root.toString('base64')}\n\n`,
  ])('is not %j', (text) => expect(() => parseCheckpoint(text)).toThrow(MalformedNote))
})

describe('a tile', () => {
  it.each([
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
    ['tile/1/999.p/12', { level: 1, index: 999, width: 12 }],
    ['tile/63/x001/000.p/255', { level: 63, index: 1_000, width: 255 }],
    ['tile/entries/x001/x234/067.p/1', { level: 'entries', index: 1_234_067, width: 1 }],
  ] as const)('is at %s', (path, tile) => {
    expect(tilePath(tile)).toBe(path)
    expect(parseTilePath(path)).toEqual(tile)
  })

  it.each([
    'tile/00/000',
    'tile/64/000',
    'tile/0/0',
    'tile/0/000/000',
    'tile/0/x000/001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/entry/000',
    'tile/0/../000',
    '/tile/0/000',
  ])('is not at %s', (path) => expect(parseTilePath(path)).toBeNull())

  it('has the path it is read from, whichever it is', () =>
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const)),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width })
        },
      ),
    ))

  it('is there as often as the specification counts for 70,000 entries', () => {
    const tiles = [...tilesOf(70_000)]
    const widths = (level: number) => tiles.filter((tile) => tile.level === level).map(({ width }) => width)
    expect(widths(0)).toEqual([...Array<number>(273).fill(256), 112])
    expect(widths(1)).toEqual([256, 17])
    expect(widths(2)).toEqual([1])
    expect([...tilesOf(256)].map((tile) => tilePath(tile))).toEqual(['tile/0/000', 'tile/1/000.p/1'])
    expect([...tilesOf(0)]).toEqual([])
    expect(widthAt(70_000, 'entries', 273)).toBe(112)
    expect(widthAt(70_000, 0, 274)).toBe(0)
  })

  it('has enough in it for the root and the proofs of the whole log', () => {
    const range = new CompactRange()
    const levels: Buffer[][] = []
    const size = 66_000
    for (let n = 0; n < size; n++)
      range.append(
        leafHash(Buffer.from(`${n}`)),
        (level, _, hash) => level % 8 === 0 && (levels[level / 8] ??= []).push(hash),
      )
    const subtree = subtreesIn((level, index) => Buffer.concat(levels[level]!.slice(index * 256, (index + 1) * 256)))
    expect(rootOf(size, subtree)).toEqual(range.root())
    expect(inclusionProof(65_999, size, subtree).length).toBeGreaterThan(6)
    expect(() => rootOf(size + 1, subtree)).toThrow(RangeError)
  })
})

describe('a bundle of entries', () => {
  it('has two bytes of length before each', () => {
    const bundle = encodeBundle([Buffer.from('a'), Buffer.alloc(0), Buffer.from('bcd')])
    expect(bundle.toString('hex')).toBe('00016100000003626364')
    expect(decodeBundle(bundle).map(String)).toEqual(['a', '', 'bcd'])
    expect(() => decodeBundle(bundle.subarray(0, -1))).toThrow(RangeError)
    expect(() => decodeBundle(Buffer.from([0]))).toThrow(RangeError)
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(RangeError)
  })
})

describe('a proof in one text', () => {
  const key = newSigningKey('log.example/evidence')
  const records = Array.from({ length: 11 }, (_, n) => Buffer.from(`record ${n}`))
  const range = new CompactRange()
  const levels: Buffer[][] = []
  for (const record of records) range.append(leafHash(record), (level, _, hash) => (levels[level] ??= []).push(hash))
  const checkpoint = signCheckpoint({ origin: key.verifier.name, size: 11, root: range.root() }, [key])
  const path = (index: number) => inclusionProof(index, 11, (level, nth) => levels[level]![nth]!)

  it('is laid out line by line', () => {
    const text = formatProof({ index: 3, path: path(3), checkpoint, extra: Buffer.from('more') })
    const lines = path(3).map((hash) => hash.toString('base64'))
    expect(text).toBe(['c2sp.org/tlog-proof@v1', 'extra bW9yZQ==', 'index 3', ...lines, '', checkpoint].join('\n'))
    expect(parseProof(text)).toEqual({ index: 3, path: path(3), checkpoint, extra: Buffer.from('more') })
  })

  it('proves each record, and nothing else', () => {
    for (const [index, record] of records.entries()) {
      const text = formatProof({ index, path: path(index), checkpoint })
      expect(verifyProof(text, record, [key.verifier])?.size).toBe(11)
      expect(verifyProof(text, Buffer.from('another record'), [key.verifier])).toBeNull()
      expect(() => verifyProof(text, record, [newSigningKey('log.example/evidence').verifier])).toThrow(SignatureBad)
    }
  })

  it.each([
    ['another heading', (text: string) => text.replace('@v1', '@v2')],
    ['no index', (text: string) => text.replace('index 3\n', '')],
    ['a zero before the index', (text: string) => text.replace('index 3', 'index 03')],
    ['a hash cut short', (text: string) => text.replace(/(index 3\n.{40})../, '$1')],
  ])('is not one with %s', (_, damage) => {
    const text = damage(formatProof({ index: 3, path: path(3), checkpoint }))
    expect(() => parseProof(text)).toThrow(MalformedNote)
  })
})
