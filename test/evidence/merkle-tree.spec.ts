/** The tree of RFC 6962, against the vectors that Certificate Transparency's implementations share, and against itself. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CompactRange,
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
  type SubtreeHash,
} from '../../src/evidence/merkle-tree.ts'

/** The records, their roots and paths as Certificate Transparency's C++, Go and Java implementations test with them. */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const inclusions: [index: number, size: number, path: string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]
const consistencies: [from: number, size: number, path: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]

describe('the tree of the published eight leaves', () => {
  const tree = treeOf(leaves.map((leaf) => Buffer.from(leaf, 'hex')))

  it('has the published roots at every size', () => {
    expect(emptyRoot().toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(roots.map((_, n) => rootOf(n + 1, tree.subtree).toString('hex'))).toEqual(roots)
    expect(new CompactRange().root()).toEqual(emptyRoot())
  })

  it.each(inclusions)('leads from leaf %i to the root of %i leaves as published', (index, size, path) => {
    const proof = inclusionProof(index, size, tree.subtree)
    expect(proof.map((hash) => hash.toString('hex'))).toEqual(path)
    expect(verifyInclusion({ index, size, leaf: tree.hashes[index]!, proof, root: tree.root(size) })).toBe(true)
  })

  it.each(consistencies)('shows %i leaves to become %i as published', (from, size, path) => {
    const proof = consistencyProof(from, size, tree.subtree)
    expect(proof.map((hash) => hash.toString('hex'))).toEqual(path)
    expect(verifyConsistency(claim(tree, from, size, proof))).toBe(true)
  })
})

describe('a tree of any size', () => {
  const tree = treeOf(Array.from({ length: 300 }, (_, n) => Buffer.from(`record ${n}`)))
  const size = fc.integer({ min: 1, max: 300 })

  it('proves each of its leaves, and no other', () =>
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), fc.nat({ max: 255 }), (size, nth, where, bit) => {
        const index = nth % size
        const proof = inclusionProof(index, size, tree.subtree)
        const claim = { index, size, leaf: tree.hashes[index]!, proof, root: tree.root(size) }
        expect(verifyInclusion(claim)).toBe(true)
        expect(verifyInclusion({ ...claim, leaf: flipped(claim.leaf, bit) })).toBe(false)
        expect(verifyInclusion({ ...claim, root: flipped(claim.root, bit) })).toBe(false)
        expect(verifyInclusion({ ...claim, proof: [...proof, claim.leaf] })).toBe(false)
        if (proof.length > 0) {
          const damaged = proof.with(where % proof.length, flipped(proof[where % proof.length]!, bit))
          expect(verifyInclusion({ ...claim, proof: damaged })).toBe(false)
          expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false)
        }
        if (size > 1) expect(verifyInclusion({ ...claim, index: (index + 1) % size })).toBe(false)
      }),
    ))

  it('proves that it begins with each smaller one, and with no other', () =>
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), fc.nat({ max: 255 }), (size, nth, where, bit) => {
        const from = nth % (size + 1)
        const proof = consistencyProof(from, size, tree.subtree)
        const right = claim(tree, from, size, proof)
        expect(verifyConsistency(right)).toBe(true)
        const other = { ...right.from, root: flipped(right.from.root, bit) }
        expect(verifyConsistency({ ...right, from: other })).toBe(false)
        if (from > 0) {
          const forked = { ...right.to, root: flipped(right.to.root, bit) }
          expect(verifyConsistency({ ...right, to: forked })).toBe(false)
        }
        if (proof.length > 0) {
          const damaged = proof.with(where % proof.length, flipped(proof[where % proof.length]!, bit))
          expect(verifyConsistency({ ...right, proof: damaged })).toBe(false)
          expect(verifyConsistency({ ...right, proof: proof.slice(1) })).toBe(false)
        }
        expect(verifyConsistency({ ...right, proof: [...proof, tree.hashes[0]!] })).toBe(false)
      }),
    ))

  it('goes on from the hashes that a compact range is kept as', () => {
    const range = new CompactRange()
    for (const [n, hash] of tree.hashes.entries()) {
      const again = new CompactRange(range.size, range.hashes())
      again.append(hash)
      range.append(hash)
      expect(again.root()).toEqual(range.root())
      expect(range.root()).toEqual(tree.root(n + 1))
    }
    expect(() => new CompactRange(3, range.hashes().slice(0, 1))).toThrow(RangeError)
  })

  it('has no proof of what it does not have', () => {
    expect(() => inclusionProof(300, 300, tree.subtree)).toThrow(RangeError)
    expect(() => inclusionProof(-1, 300, tree.subtree)).toThrow(RangeError)
    expect(() => consistencyProof(2, 1, tree.subtree)).toThrow(RangeError)
    const leaf = tree.hashes[0]!
    expect(verifyInclusion({ index: 0, size: 0, leaf, proof: [], root: emptyRoot() })).toBe(false)
    expect(verifyInclusion({ index: 0.5, size: 1, leaf, proof: [], root: leaf })).toBe(false)
    expect(verifyInclusion({ index: 0, size: 1, leaf: leaf.subarray(1), proof: [], root: leaf })).toBe(false)
  })

  it('takes no inner node for a leaf', () => {
    const [one, other] = [tree.hashes[0]!, tree.hashes[1]!]
    expect(leafHash(Buffer.concat([one, other]))).not.toEqual(nodeHash(one, other))
  })
})

interface Tree {
  readonly hashes: readonly Buffer[]
  readonly subtree: SubtreeHash
  root(size: number): Buffer
}

/** Hashed straight from the definition, with nothing kept. */
function treeOf(records: readonly Buffer[]): Tree {
  const hashes = records.map((record) => leafHash(record))
  const mth = (begin: number, end: number): Buffer => {
    if (end - begin === 1) return hashes[begin]!
    let split = 1
    while (split * 2 < end - begin) split *= 2
    return nodeHash(mth(begin, begin + split), mth(begin + split, end))
  }
  return {
    hashes,
    subtree: (level, index) => mth(index * 2 ** level, (index + 1) * 2 ** level),
    root: (size) => (size === 0 ? emptyRoot() : mth(0, size)),
  }
}

function claim(tree: Tree, from: number, to: number, proof: Buffer[]) {
  return { from: { size: from, root: tree.root(from) }, to: { size: to, root: tree.root(to) }, proof }
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}
