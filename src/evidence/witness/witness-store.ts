/** What a witness remembers: the checkpoints that it cosigned, and those that it refused because they contradict one of them. */
import Database from 'better-sqlite3'
import { join } from 'node:path'

export interface CosignedCheckpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  /** The signed note as the log sent it. */
  readonly note: string
}

export type RefusedFor =
  /** Another root for a size that was cosigned: the log shows different people different histories. */
  | 'fork'
  /** No valid proof that it grew out of the checkpoint cosigned last. */
  | 'inconsistent'

/** Two checkpoints signed by one log of which only one can be true; each is a signed note, to be shown to anybody. */
export interface Contradiction {
  readonly origin: string
  readonly refusedFor: RefusedFor
  readonly cosigned: string
  readonly refused: string
  /** The request's proof lines, one a line; empty where there were none. */
  readonly proof: string
  /** When it was refused first, as seconds since 1970. */
  readonly refusedAt: number
}

export class WitnessInUse extends Error {}

const format = 1

/** How many contradictions are kept of one log. One convicts it; without a bound, whoever stole its key could fill the disk. */
const mostContradictions = 100

export class WitnessStore {
  private readonly lock: Database.Database
  private readonly db: Database.Database
  private readonly statements

  /** @throws WitnessInUse where another process has it open: two would cosign two histories. */
  constructor(directory: string) {
    this.lock = lockedFile(directory)
    this.db = new Database(fileIn(directory))
    this.db.pragma('journal_mode = WAL')
    this.db.pragma('synchronous = FULL')
    this.db.transaction(() => create(this.db)).exclusive()
    this.statements = {
      latest: this.db.prepare<[string], CosignedCheckpoint>(
        'SELECT * FROM cosigned WHERE origin = ? ORDER BY size DESC LIMIT 1',
      ),
      ofSize: this.db.prepare<[string, number], CosignedCheckpoint>(
        'SELECT * FROM cosigned WHERE origin = ? AND size = ?',
      ),
      keep: this.db.prepare<CosignedCheckpoint>(
        'INSERT INTO cosigned (origin, size, root, note) VALUES (@origin, @size, @root, @note) ON CONFLICT DO NOTHING',
      ),
      refuse: this.db.prepare<Contradiction>(
        `INSERT INTO contradiction (origin, refusedFor, cosigned, refused, proof, refusedAt)
         SELECT @origin, @refusedFor, @cosigned, @refused, @proof, @refusedAt
         WHERE (SELECT count(*) FROM contradiction WHERE origin = @origin) < ${mostContradictions}
         ON CONFLICT DO NOTHING`,
      ),
    }
  }

  /** The largest checkpoint cosigned for a log. */
  latest(origin: string): CosignedCheckpoint | undefined {
    return this.statements.latest.get(origin)
  }

  ofSize(origin: string, size: number): CosignedCheckpoint | undefined {
    return this.statements.ofSize.get(origin, size)
  }

  /** On disk when this returns. */
  keep(checkpoint: CosignedCheckpoint): void {
    this.statements.keep.run(checkpoint)
  }

  /** On disk when this returns; once, however often the same is refused. */
  refuse(contradiction: Contradiction): void {
    this.statements.refuse.run(contradiction)
  }

  close(): void {
    this.db.close()
    this.lock.close()
  }
}

/** What the witness of a directory has refused, in the order in which it did. It may run meanwhile. */
export function contradictionsIn(directory: string): Contradiction[] {
  const db = new Database(fileIn(directory), { readonly: true, fileMustExist: true })
  try {
    return db
      .prepare<[], Contradiction>(
        'SELECT origin, refusedFor, cosigned, refused, proof, refusedAt FROM contradiction ORDER BY id',
      )
      .all()
  } finally {
    db.close()
  }
}

const fileIn = (directory: string) => join(directory, 'witness.sqlite')

/** The lock is the operating system's: it goes when the process goes, however it goes. */
function lockedFile(directory: string): Database.Database {
  const lock = new Database(join(directory, 'witness.lock'), { timeout: 0 })
  try {
    lock.pragma('journal_mode = DELETE')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY'))
      throw new WitnessInUse(`Another witness works in ${directory}. Stop that one first.`)
    throw error
  }
}

function create(db: Database.Database): void {
  const found = db.pragma('user_version', { simple: true }) as number
  if (found > format) throw new Error(`This witness’s store has format ${found}; this release knows ${format}.`)
  if (found === format) return
  db.exec(`
    CREATE TABLE cosigned (
      origin TEXT    NOT NULL,
      size   INTEGER NOT NULL,
      root   BLOB    NOT NULL,
      note   TEXT    NOT NULL,
      PRIMARY KEY (origin, size)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE contradiction (
      id         INTEGER PRIMARY KEY,
      origin     TEXT    NOT NULL,
      refusedFor TEXT    NOT NULL,
      cosigned   TEXT    NOT NULL,
      refused    TEXT    NOT NULL,
      proof      TEXT    NOT NULL,
      refusedAt  INTEGER NOT NULL,
      UNIQUE (origin, cosigned, refused)
    ) STRICT;
    PRAGMA user_version = ${format};
  `)
}
