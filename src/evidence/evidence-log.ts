/** The evidence log as it is written: leaves appended in the order of the event store, and its head signed. */
import type Database from 'better-sqlite3'
import { LRUCache } from 'lru-cache'
import { signCheckpoint } from './checkpoint.ts'
import { EvidenceDamaged, EvidenceFile, openForAppending, unverified, type SignedCheckpoint } from './evidence-file.ts'
import { recordOf, type RecordedFields } from './leaf.ts'
import { CompactRange, leafHash, rootOf } from './merkle-tree.ts'
import { tileWidth } from './tiles.ts'
import type { SigningKey } from './signed-note.ts'

/** One tile of each level is unfinished; the levels of the tree between two levels of tiles. */
const tileHeight = 8

/** Known ids of streams are kept up to this number, so that a long log needs no more memory than a short one. */
const mostKnownStreams = 20_000

export class EvidenceLog {
  readonly file: EvidenceFile
  readonly origin: string
  private readonly db: Database.Database
  private readonly keys: readonly [SigningKey, ...SigningKey[]]
  private readonly statements
  private range = new CompactRange()
  private position: bigint | null = null
  /** Of each level, the hashes of the tile that is not full yet. */
  private tails: Buffer[][] = []
  private readonly streams = new LRUCache<string, number>({ max: mostKnownStreams })

  /**
   * @param keys the key of the log, then those it is also signed with while they are being replaced; all are named alike
   * @throws EvidenceDamaged where what is in the file does not lead to what was signed: it must not be signed again
   */
  constructor(path: string, keys: readonly [SigningKey, ...SigningKey[]]) {
    this.keys = keys
    this.origin = keys[0].verifier.name
    this.db = openForAppending(path)
    this.file = new EvidenceFile(this.db)
    this.statements = {
      begin: this.db.prepare("INSERT OR IGNORE INTO log VALUES (1, ?, NULL, 0, x'')"),
      stream: this.db.prepare<[string], number>('SELECT id FROM stream WHERE name = ?').pluck(),
      addStream: this.db.prepare('INSERT INTO stream (name) VALUES (?)'),
      addLeaf: this.db.prepare('INSERT INTO leaf VALUES (?, ?, ?, ?)'),
      putTile: this.db.prepare('INSERT OR REPLACE INTO tile VALUES (?, ?, ?)'),
      move: this.db.prepare('UPDATE log SET position = ?, size = ?, subtrees = ?'),
      addCheckpoint: this.db.prepare('INSERT INTO checkpoint VALUES (?, ?, ?)'),
      addSignature: this.db.prepare('UPDATE checkpoint SET note = note || ? WHERE size = ?'),
    }
    try {
      this.statements.begin.run(this.origin)
      this.load()
    } catch (error) {
      this.db.close()
      throw error
    }
  }

  get size(): number {
    return this.range.size
  }

  /** The position in the event store after which it goes on; null for the beginning. */
  get readUpTo(): bigint | null {
    return this.position
  }

  /**
   * Adds the events as leaves, in their order, and remembers how far the store was read: both or neither. Whether it survives a
   * loss of power is decided when the head is signed; until then the same events would be read from the store once more.
   */
  append(events: readonly RecordedFields[], upTo: bigint | null): void {
    try {
      this.db.transaction(() => {
        for (const event of events) this.add(event)
        for (const [level, tail] of this.tails.entries())
          if (tail.length > 0) this.putTile(level, Math.floor(this.range.size / tileWidth ** (level + 1)), tail)
        this.position = upTo ?? this.position
        const position = this.position === null ? null : String(this.position)
        this.statements.move.run(position, this.range.size, Buffer.concat(this.range.hashes()))
      })()
    } catch (error) {
      this.load()
      throw error
    }
  }

  /** Signs the log as it is, unless its head has been signed already. What was signed has survived when this returns. */
  sign(at = new Date()): SignedCheckpoint {
    const latest = this.file.latestCheckpoint()
    if (latest?.size === this.range.size) return latest
    const { origin } = this
    const signed: SignedCheckpoint = {
      size: this.range.size,
      note: signCheckpoint({ origin, size: this.range.size, root: this.range.root() }, this.keys),
      signedAt: at.toISOString(),
    }
    // Nobody may see a signed head that a loss of power could take back: this commit waits for the disk, and with it all before.
    this.db.pragma('synchronous = FULL')
    try {
      this.statements.addCheckpoint.run(signed.size, signed.note, signed.signedAt)
    } finally {
      this.db.pragma('synchronous = NORMAL')
    }
    return signed
  }

  /** Keeps a witness's signature line below the checkpoint of a size, newline included. */
  addCosignature(size: number, line: string): void {
    this.statements.addSignature.run(line, size)
  }

  close(): void {
    this.db.close()
  }

  private add(event: RecordedFields): void {
    const record = recordOf(event)
    this.statements.addLeaf.run(this.range.size, this.idOf(event.stream), event.revision, record)
    this.range.append(leafHash(record), (level, index, hash) => {
      if (level % tileHeight !== 0) return
      const tail = (this.tails[level / tileHeight] ??= [])
      tail.push(hash)
      if (tail.length < tileWidth) return
      this.putTile(level / tileHeight, Math.floor(index / tileWidth), tail)
      tail.length = 0
    })
  }

  private putTile(level: number, index: number, hashes: readonly Buffer[]): void {
    this.statements.putTile.run(level, index, Buffer.concat(hashes))
  }

  private idOf(stream: string): number {
    const known = this.streams.get(stream)
    if (known !== undefined) return known
    const id = this.statements.stream.get(stream) ?? Number(this.statements.addStream.run(stream).lastInsertRowid)
    this.streams.set(stream, id)
    return id
  }

  /** Takes what the file says for what is, after a start and after a transaction that failed. */
  private load(): void {
    this.db.pragma('synchronous = NORMAL')
    const head = this.file.head()!
    if (head.origin !== this.origin) throw new EvidenceDamaged(`it is that of ${head.origin}, not of ${this.origin}.`)
    this.range = rangeOf(head.size, head.subtrees)
    this.position = head.position
    this.streams.clear()
    this.tails = []
    for (let level = 0; head.size >= tileWidth ** level; level++) {
      const onLevel = Math.floor(head.size / tileWidth ** level)
      const hashes = onLevel % tileWidth === 0 ? null : this.file.hashes(level, Math.floor(onLevel / tileWidth))
      this.tails[level] = Array.from({ length: onLevel % tileWidth }, (_, n) =>
        hashes ? hashes.subarray(n * 32, (n + 1) * 32) : Buffer.alloc(0),
      )
    }
    this.assertWhole()
  }

  /** Compares compact range, tiles and the head that was signed last: three accounts of one history. */
  private assertWhole(): void {
    const isRoot = (size: number, root: Buffer) => {
      try {
        return rootOf(size, this.file.subtree).equals(root)
      } catch {
        return false // a tile is missing or too short
      }
    }
    if (!isRoot(this.range.size, this.range.root())) throw new EvidenceDamaged('its tiles do not lead to its head.')
    const latest = this.file.latestCheckpoint()
    if (!latest) return
    const { size, root } = unverified(latest)
    if (size > this.range.size || !isRoot(size, root)) throw new EvidenceDamaged('it does not lead to what it signed.')
  }
}

function rangeOf(size: number, subtrees: readonly Buffer[]): CompactRange {
  try {
    return new CompactRange(size, subtrees)
  } catch {
    throw new EvidenceDamaged('its compact range does not fit its size.')
  }
}
