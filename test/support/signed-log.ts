/** A transparency log in memory, for specs: leaves, and a key that signs whatever checkpoint a spec asks for. */
import { randomBytes } from 'node:crypto'
import { signCheckpoint } from '../../src/evidence/checkpoint.ts'
import { consistencyProof, inclusionProof, leafHash, nodeHash, rootOf } from '../../src/evidence/merkle-tree.ts'
import { newSigningKey, type SigningKey } from '../../src/evidence/signed-note.ts'

export class SignedLog {
  private readonly records: Buffer[]

  constructor(
    readonly key: SigningKey = newSigningKey('log.example.org/spec'),
    records: readonly Buffer[] = [],
  ) {
    this.records = [...records]
  }

  get size(): number {
    return this.records.length
  }

  record(index: number): Buffer {
    return this.records[index]!
  }

  add(count: number): this {
    for (let n = 0; n < count; n++) this.records.push(randomBytes(20))
    return this
  }

  /** A log of the same key that was the same up to an entry, has others from there on, and has grown to a size. */
  forkedAt(index: number, size = this.size): SignedLog {
    return new SignedLog(this.key, this.records.slice(0, index)).add(size - index)
  }

  root(size = this.size): Buffer {
    return rootOf(size, this.subtree)
  }

  checkpoint(size = this.size, key = this.key): string {
    return signCheckpoint({ origin: this.key.verifier.name, size, root: this.root(size) }, [key])
  }

  consistency(from: number, size = this.size): Buffer[] {
    return consistencyProof(from, size, this.subtree)
  }

  inclusion(index: number, size = this.size): Buffer[] {
    return inclusionProof(index, size, this.subtree)
  }

  private readonly subtree = (level: number, index: number): Buffer =>
    level === 0
      ? leafHash(this.records[index]!)
      : nodeHash(this.subtree(level - 1, 2 * index), this.subtree(level - 1, 2 * index + 1))
}
