/** The SQLite file of the evidence log as everybody reads it: its entries, tiles, checkpoints and proofs. */
import Database from 'better-sqlite3'
import { existsSync } from 'node:fs'
import { formatProof } from './inclusion-proof.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { consistencyProof, hashBytes, inclusionProof, type SubtreeHash } from './merkle-tree.ts'
import { parseNote } from './signed-note.ts'
import { encodeBundle, subtreesIn, tileWidth, type Tile } from './tiles.ts'

/** Its name in the data directory. */
export const evidenceFileName = 'evidence.db'

/** "TLev", SQLite's `application_id`: tells the file apart from other programs' databases. */
const applicationId = 0x544c6576

const format = `
  CREATE TABLE log (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    origin   TEXT    NOT NULL,
    position TEXT,
    size     INTEGER NOT NULL,
    subtrees BLOB    NOT NULL
  ) STRICT;
  CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE leaf (nth INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
  CREATE INDEX leaf_by_stream ON leaf (stream, revision);
  CREATE TABLE tile (level INTEGER NOT NULL, nth INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, nth)) STRICT;
  CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL, signed_at TEXT NOT NULL) STRICT;
`

/** The file is not what an evidence log leaves behind: it was edited, or is another program's. */
export class EvidenceDamaged extends Error {
  constructor(what: string) {
    super(`The evidence log is damaged: ${what}`)
    this.name = 'EvidenceDamaged'
  }
}

/** Where a log stands. */
export interface EvidenceHead {
  readonly origin: string
  /** The position in the event store up to which it has read; null before the first event. */
  readonly position: bigint | null
  readonly size: number
  /** The roots of its complete subtrees: its compact range. */
  readonly subtrees: readonly Buffer[]
}

export interface SignedCheckpoint {
  readonly size: number
  /** The signed note, word for word. */
  readonly note: string
  /** ISO 8601 UTC, by this machine's clock. */
  readonly signedAt: string
}

/** Opens the file for who appends to it, and makes it where there is none. */
export function openForAppending(path: string): Database.Database {
  const db = new Database(path)
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('wal_autocheckpoint = 4000')
    db.pragma('cache_size = -4096')
    db.transaction(() => {
      if (db.prepare('SELECT 1 FROM sqlite_master').get() !== undefined) return
      db.exec(format)
      db.pragma(`application_id = ${applicationId}`)
      db.pragma('user_version = 1')
    }).immediate()
    assertOurs(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Opens the file for who only reads it; whoever appends to it may go on. */
export function openForReading(path: string): Database.Database {
  const db = new Database(path, { readonly: true, fileMustExist: true })
  try {
    assertOurs(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function assertOurs(db: Database.Database): void {
  if (db.pragma('application_id', { simple: true }) !== applicationId)
    throw new EvidenceDamaged('its file is not one of an evidence log.')
  if (db.pragma('user_version', { simple: true }) !== 1)
    throw new EvidenceDamaged('its file was written by another version of this program.')
}

export class EvidenceFile {
  /** Of complete subtrees, worked out from the tiles. */
  readonly subtree: SubtreeHash
  private readonly statements
  private readonly db: Database.Database

  constructor(db: Database.Database) {
    this.db = db
    this.statements = {
      head: db.prepare<[], { origin: string; position: string | null; size: number; subtrees: Buffer }>(
        'SELECT origin, position, size, subtrees FROM log',
      ),
      tile: db.prepare<[number, number], { hashes: Buffer }>('SELECT hashes FROM tile WHERE level = ? AND nth = ?'),
      records: db
        .prepare<[number, number], Buffer>('SELECT record FROM leaf WHERE nth >= ? AND nth < ? ORDER BY nth')
        .pluck(),
      checkpoint: db.prepare<[], SignedCheckpoint>(
        'SELECT size, note, signed_at AS signedAt FROM checkpoint ORDER BY size DESC LIMIT 1',
      ),
      checkpoints: db.prepare<[], SignedCheckpoint>(
        'SELECT size, note, signed_at AS signedAt FROM checkpoint ORDER BY size',
      ),
      index: db
        .prepare<[string, number], number>(
          `SELECT nth FROM leaf WHERE stream = (SELECT id FROM stream WHERE name = ?) AND revision = ? ORDER BY nth LIMIT 1`,
        )
        .pluck(),
    }
    this.subtree = subtreesIn((level, index) => this.hashes(level, index) ?? Buffer.alloc(0))
  }

  /** @returns null where nothing has ever been written */
  head(): EvidenceHead | null {
    const row = this.statements.head.get()
    if (!row) return null
    const subtrees = Array.from({ length: row.subtrees.length / hashBytes }, (_, n) =>
      row.subtrees.subarray(n * hashBytes, (n + 1) * hashBytes),
    )
    return { ...row, position: row.position === null ? null : BigInt(row.position), subtrees }
  }

  /** The latest; null where none has been signed. */
  latestCheckpoint(): SignedCheckpoint | null {
    return this.statements.checkpoint.get() ?? null
  }

  /** All that were ever signed, the smallest first. */
  checkpoints(): SignedCheckpoint[] {
    return this.statements.checkpoints.all()
  }

  /** The records of the leaves from one index up to, but not including, another. */
  records(from: number, to: number): Buffer[] {
    return this.statements.records.all(from, to)
  }

  /** The index of the leaf of an event; null where the log does not cover it. */
  indexOf(stream: string, revision: number): number | null {
    return this.statements.index.get(stream, revision) ?? null
  }

  /** The bytes that are served for a tile or bundle; null where the log is not that long. */
  tile({ level, index, width }: Tile): Buffer | null {
    if (level === 'entries') {
      const begin = index * tileWidth
      const records = this.records(begin, begin + width)
      return records.length === width ? encodeBundle(records) : null
    }
    const hashes = this.hashes(level, index)
    return hashes && hashes.length >= width * hashBytes ? hashes.subarray(0, width * hashBytes) : null
  }

  /** The hashes of a tile as far as it reaches, one after another; null where there is no such tile. */
  hashes(level: number, index: number): Buffer | null {
    return this.statements.tile.get(level, index)?.hashes ?? null
  }

  /** The proof, as C2SP tlog-proof, that the latest checkpoint covers a leaf; null where it does not. */
  proofOf(index: number): string | null {
    const latest = this.latestCheckpoint()
    if (!latest || index >= latest.size) return null
    return formatProof({ index, path: inclusionProof(index, latest.size, this.subtree), checkpoint: latest.note })
  }

  /** The proof that the log of one size begins with the log of a smaller one. */
  consistencyProof(from: number, to: number): Buffer[] {
    return consistencyProof(from, to, this.subtree)
  }

  close(): void {
    this.db.close()
  }
}

/** What a checkpoint of the file says, whether or not anybody may trust its signature. */
export const unverified = ({ note }: SignedCheckpoint) => parseCheckpoint(parseNote(note).text)

/** A head of the evidence log that was signed. */
export interface SignedHead {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  /** ISO 8601 UTC, by the clock of whoever signed. */
  readonly signedAt: string
  /** The signed note, word for word. */
  readonly note: string
}

/** @returns null where no head has been signed, or where the evidence log cannot be opened */
export function signedHeadOf(file: EvidenceFile | null): SignedHead | null {
  const latest = file?.latestCheckpoint()
  return latest ? { ...unverified(latest), signedAt: latest.signedAt, note: latest.note } : null
}

/** The name that the heads of the evidence log in a file are signed under; undefined where there is no file, or no head in it. */
export function originOfLog(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const file = new EvidenceFile(openForReading(path))
  try {
    return file.head()?.origin
  } finally {
    file.close()
  }
}
