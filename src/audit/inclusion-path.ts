/** The way from a leaf of the evidence log to its signed root, hash by hash, so that it can be drawn and followed. */
import { inclusionProof, nodeHash, type SubtreeHash } from '../evidence/merkle-tree.ts'

/** One hash of the path: two are put together, and give the next. In hexadecimal. */
export interface PathStep {
  /** On which side of the path the other hash is. */
  readonly side: 'left' | 'right'
  readonly sibling: string
  /** What the two give together. */
  readonly gives: string
}

export interface InclusionPath {
  /** Of the leaf, in hexadecimal. */
  readonly leaf: string
  readonly steps: readonly PathStep[]
  /** How many leaves the signed log has. */
  readonly size: number
  /** The root in the signed checkpoint, in hexadecimal. */
  readonly root: string
  /** Whether the path leads from the leaf to that root. */
  readonly leads: boolean
}

/** @param leaf the hash of the record as it is worked out from the store, whatever the log says it is */
export function inclusionPath(
  { index, leaf, subtree }: { readonly index: number; readonly leaf: Buffer; readonly subtree: SubtreeHash },
  head: { readonly size: number; readonly root: Buffer },
): InclusionPath {
  const steps: PathStep[] = []
  let hash = leaf
  let node = index
  let last = head.size - 1
  // RFC 9162, section 2.1.3.2.
  for (const sibling of inclusionProof(index, head.size, subtree)) {
    const isRight = node % 2 === 1 || node === last
    hash = isRight ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
    if (isRight) while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
    steps.push({ side: isRight ? 'left' : 'right', sibling: sibling.toString('hex'), gives: hash.toString('hex') })
  }
  return {
    leaf: leaf.toString('hex'),
    steps,
    size: head.size,
    root: head.root.toString('hex'),
    leads: hash.equals(head.root),
  }
}
