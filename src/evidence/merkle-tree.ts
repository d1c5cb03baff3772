/**
 * The Merkle tree of RFC 6962, section 2.1, over SHA-256: hashing, the compact range that a log appends with, and inclusion and
 * consistency proofs. Sizes and indexes are whole numbers below 2^53.
 */
import { hash } from 'node:crypto'

export const hashBytes = 32

/** RFC 6962 puts a byte before what is hashed, so that a leaf can never be passed off as an inner node. */
const leafPrefix = Buffer.from([0])
const pair = Buffer.alloc(1 + 2 * hashBytes, 1)

const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')

/** Where most records are put behind their prefix: a buffer of its own for each costs as much as hashing it. */
const prefixed = Buffer.alloc(4_096)

/** The hash of a record as a leaf of the tree. */
export function leafHash(record: Uint8Array): Buffer {
  if (record.length >= prefixed.length) return sha256(Buffer.concat([leafPrefix, record]))
  prefixed.set(record, 1)
  return sha256(prefixed.subarray(0, record.length + 1))
}

/** The hash of an inner node over its two children. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1)
  pair.set(right, 1 + hashBytes)
  return sha256(pair)
}

/** The root of the tree without leaves. */
export const emptyRoot = (): Buffer => sha256(Buffer.alloc(0))

/**
 * The root of one complete subtree: `level` 0 is the leaf hashes, and the subtree `index` of a level covers the leaves from
 * `index * 2^level` up to, but not including, `(index + 1) * 2^level`.
 */
export type SubtreeHash = (level: number, index: number) => Buffer

/**
 * The roots of the complete subtrees that a tree consists of, the largest first: all that is needed to append to it and to know
 * its root.
 */
export class CompactRange {
  private readonly subtrees: Buffer[]
  private leaves: number

  /** @throws RangeError where the number of hashes does not fit the size */
  constructor(size = 0, subtrees: readonly Buffer[] = []) {
    if (subtrees.length !== bitsSet(size)) throw new RangeError(`A tree of ${size} leaves has other subtrees.`)
    this.leaves = size
    this.subtrees = [...subtrees]
  }

  get size(): number {
    return this.leaves
  }

  /** @param onComplete is called with each subtree that the leaf completes, itself first */
  append(leaf: Buffer, onComplete?: (level: number, index: number, hash: Buffer) => void): void {
    let hash = leaf
    let index = this.leaves
    onComplete?.(0, index, hash)
    for (let level = 1; index % 2 === 1; level++) {
      hash = nodeHash(this.subtrees.pop()!, hash)
      index = (index - 1) / 2
      onComplete?.(level, index, hash)
    }
    this.subtrees.push(hash)
    this.leaves++
  }

  root(): Buffer {
    return this.subtrees.length === 0 ? emptyRoot() : this.subtrees.reduceRight((right, left) => nodeHash(left, right))
  }

  /** The hashes one after another: with the size, all that the constructor needs. */
  hashes(): readonly Buffer[] {
    return [...this.subtrees]
  }
}

/** The root of the tree of the first `size` leaves. */
export const rootOf = (size: number, subtree: SubtreeHash): Buffer =>
  size === 0 ? emptyRoot() : hashOfRange(0, size, subtree)

/**
 * The hashes that lead from a leaf to the root of the tree of the first `size` leaves, the leaf's sibling first.
 * @throws RangeError where the tree has no such leaf
 */
export function inclusionProof(index: number, size: number, subtree: SubtreeHash): Buffer[] {
  assertWhole(index, size)
  if (index >= size) throw new RangeError(`A tree of ${size} leaves has no leaf ${index}.`)
  return pathTo(index, 0, size, subtree)
}

/**
 * The hashes that show the tree of `size` leaves to begin with the tree of `from` leaves; none where either is the other or
 * `from` is empty.
 * @throws RangeError where `from` is larger than `size`
 */
export function consistencyProof(from: number, size: number, subtree: SubtreeHash): Buffer[] {
  assertWhole(from, size)
  if (from > size) throw new RangeError(`A tree of ${size} leaves does not begin with one of ${from}.`)
  return from === 0 || from === size ? [] : pathFrom(from, 0, size, true, subtree)
}

export interface InclusionClaim {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/** Whether the proof leads from the leaf at the index to the root of the tree: RFC 9162, section 2.1.3.2. */
export function verifyInclusion({ index, size, leaf, proof, root }: InclusionClaim): boolean {
  if (!isWhole(index) || !isWhole(size) || index >= size || !areHashes([leaf, ...proof])) return false
  let node = index
  let last = size - 1
  let hash: Uint8Array = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else hash = nodeHash(hash, sibling)
    node = half(node)
    last = half(last)
  }
  return last === 0 && areEqual(hash, root)
}

export interface ConsistencyClaim {
  readonly from: { readonly size: number; readonly root: Uint8Array }
  readonly to: { readonly size: number; readonly root: Uint8Array }
  readonly proof: readonly Uint8Array[]
}

/** Whether the proof shows that the later tree begins with the earlier one: RFC 9162, section 2.1.4.2. */
export function verifyConsistency({ from, to, proof }: ConsistencyClaim): boolean {
  if (!isWhole(from.size) || !isWhole(to.size) || from.size > to.size || !areHashes(proof)) return false
  if (from.size === to.size) return proof.length === 0 && areEqual(from.root, to.root)
  if (from.size === 0) return proof.length === 0 && areEqual(from.root, emptyRoot())
  let node = from.size - 1
  let last = to.size - 1
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  // Where the earlier tree is one complete subtree, its root is where the path begins.
  const [first, ...path] = node === 0 ? [from.root, ...proof] : proof
  if (first === undefined) return false
  let earlier = first
  let later = first
  for (const sibling of path) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      earlier = nodeHash(sibling, earlier)
      later = nodeHash(sibling, later)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else later = nodeHash(later, sibling)
    node = half(node)
    last = half(last)
  }
  return last === 0 && areEqual(earlier, from.root) && areEqual(later, to.root)
}

/** MTH(D[begin:end]) of RFC 6962, for ranges that occur in a tree. */
function hashOfRange(begin: number, end: number, subtree: SubtreeHash): Buffer {
  const length = end - begin
  const level = Math.log2(length)
  if (Number.isInteger(level) && 2 ** level === length) return subtree(level, begin / length)
  const middle = begin + splitOf(length)
  return nodeHash(hashOfRange(begin, middle, subtree), hashOfRange(middle, end, subtree))
}

/** PATH(m, D[n]) of RFC 6962, section 2.1.1. */
function pathTo(index: number, begin: number, end: number, subtree: SubtreeHash): Buffer[] {
  if (end - begin === 1) return []
  const middle = begin + splitOf(end - begin)
  return index < middle
    ? [...pathTo(index, begin, middle, subtree), hashOfRange(middle, end, subtree)]
    : [...pathTo(index, middle, end, subtree), hashOfRange(begin, middle, subtree)]
}

/** SUBPROOF(m, D[n], b) of RFC 6962, section 2.1.2; `from` is where the earlier tree ends. */
function pathFrom(from: number, begin: number, end: number, isWholeTree: boolean, subtree: SubtreeHash): Buffer[] {
  if (from === end) return isWholeTree ? [] : [hashOfRange(begin, end, subtree)]
  const middle = begin + splitOf(end - begin)
  return from <= middle
    ? [...pathFrom(from, begin, middle, isWholeTree, subtree), hashOfRange(middle, end, subtree)]
    : [...pathFrom(from, middle, end, false, subtree), hashOfRange(begin, middle, subtree)]
}

/** The largest power of two below a length of at least two: where RFC 6962 splits a tree. */
function splitOf(length: number): number {
  let split = 1
  while (split * 2 < length) split *= 2
  return split
}

function bitsSet(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = half(rest)) count += rest % 2
  return count
}

const half = (number: number) => Math.floor(number / 2)
const isWhole = (number: number) => Number.isSafeInteger(number) && number >= 0
const areHashes = (hashes: readonly Uint8Array[]) => hashes.every(({ length }) => length === hashBytes)
const areEqual = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0

function assertWhole(...numbers: number[]): void {
  if (!numbers.every(isWhole)) throw new RangeError(`${numbers.join(', ')}: not whole numbers.`)
}
