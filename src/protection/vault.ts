/** The keys: one data key a participant, the register that finds him by a keyed index, and nothing else that could name him. */
import Database from 'better-sqlite3'
import { LRUCache } from 'lru-cache'
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  randomUUID,
  type KeyObject,
} from 'node:crypto'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { CrnClaims } from './crn-claims.ts'

/** What kind of thing a look-up value is; the same text of another kind gives another token. */
export type TokenKind =
  'crn' | 'name' | 'reference' | 'details' | 'contact-record' | 'idempotency-key' | 'request-body' | 'code' | 'strand'

/** The key that could open this is gone, or never was here: the text cannot be read by anybody. */
export class KeyMissing extends Error {
  readonly keyId: string

  constructor(keyId: string) {
    super(`The key ${keyId} is not in this vault.`)
    this.name = 'KeyMissing'
    this.keyId = keyId
  }
}

/** The sealed text was altered, moved to another event, or sealed under another key. */
export class SealBroken extends Error {
  readonly about: string

  constructor(about: string) {
    super(`A sealed field of ${about} does not open with its key: it was altered or moved.`)
    this.name = 'SealBroken'
    this.about = about
  }
}

/** Another process kept the keys locked for longer than we wait. Nothing was changed. */
export class KeysBusy extends Error {
  constructor(options?: ErrorOptions) {
    super('The keys are in use by another process. Nothing was changed: try again in a few seconds.', options)
    this.name = 'KeysBusy'
  }
}

/** An event of the log that these keys stand for: each participant that was in the log when it was appended has a key here. */
export interface CheckedEvent {
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly position: string
}

/** How long one attempt waits inside SQLite, in which nothing else in this process goes on, in milliseconds. */
const attemptMs = 100
/** The pause between two attempts, in which everything else goes on. */
const pauseMs = 50
/** How long all attempts take together before it is given up. */
const patienceMs = 10_000

const prefix = 'v1.'
const cachedKeys = 500

/** How long a text of so many bytes is once it is sealed, in characters: nonce, text and tag in base64url, without padding. */
export const sealedLength = (bytes: number): number => prefix.length + Math.ceil(((12 + bytes + 16) * 4) / 3)

/**
 * Everything here is in one SQLite file of its own, written with secure_delete, so that a destroyed key is destroyed.
 * Data keys are wrapped by an epoch key. Lose this file and the personal fields of the log are gone for good: back it up
 * apart from the log.
 */
export class Vault {
  /** There were no keys here until this vault was opened. */
  readonly isNew: boolean
  /** A keyed digest of a fixed text, in base64url: tells whether two vaults are one, not what is in them. */
  readonly identity: string
  /** Called after each key that this process destroyed: what was opened with it and is kept in memory must be let go of. */
  readonly onDestroyed = new Set<() => void>()
  /** The CRNs that the log is about to be told of. */
  readonly crnClaims: CrnClaims
  private readonly db: Database.Database
  private readonly file: string
  private readonly indexKey: KeyObject
  private readonly epoch: { readonly id: number; readonly key: Buffer }
  private readonly epochKeys = new Map<number, KeyObject>()
  private readonly unwrapped = new LRUCache<string, KeyObject>({ max: cachedKeys })
  private readonly statements
  private lookedAt = 0
  /** Changes when another connection has written to the file. */
  private dataVersion: number | undefined

  /** @param dryRun what is registered is known to this vault only, and is gone when it is closed; the keys' file must be there */
  constructor(keysDir: string, { dryRun = false } = {}) {
    if (!dryRun) mkdirSync(keysDir, { recursive: true, mode: 0o700 })
    this.file = join(keysDir, 'keys.sqlite')
    this.isNew = !existsSync(this.file)
    this.db = new Database(this.file, { timeout: 10_000, readonly: dryRun })
    if (dryRun) this.addToTemporaryTables()
    else this.prepareFile()
    const index = this.db.prepare<[string], { value: Buffer }>('SELECT value FROM secret WHERE name = ?').get('index')!
    this.indexKey = createSecretKey(index.value)
    const identityKey = Buffer.from(hkdfSync('sha256', index.value, '', 'throughline installation', 32))
    this.identity = createHmac('sha256', identityKey).update('which keys are these').digest('base64url')
    this.epoch = this.db
      .prepare<[], { id: number; key: Buffer }>('SELECT id, key FROM epoch ORDER BY id DESC LIMIT 1')
      .get()!
    this.db.pragma(`busy_timeout = ${attemptMs}`)
    const all = (table: string) =>
      dryRun ? `(SELECT * FROM main.${table} UNION ALL SELECT * FROM temp.${table})` : table
    this.statements = {
      registered: this.db.prepare<[Buffer], { id: string }>(`SELECT id FROM ${all('register')} WHERE token = ?`),
      register: this.db.prepare('INSERT INTO register VALUES (?, ?)'),
      release: this.db.prepare('DELETE FROM register WHERE token = ? AND id = ?'),
      key: this.db.prepare<[string], { wrapped: Buffer; epoch: number }>(
        `SELECT wrapped, epoch FROM ${all('data_key')} WHERE id = ?`,
      ),
      epochKey: this.db.prepare<[number], { key: Buffer }>('SELECT key FROM epoch WHERE id = ?'),
      addKey: this.db.prepare('INSERT INTO data_key VALUES (?, ?, ?)'),
      dataVersion: this.db.prepare<[], number>('PRAGMA data_version').pluck(),
    }
    this.crnClaims = new CrnClaims(this, this.db)
  }

  private prepareFile(): void {
    this.db.pragma('journal_mode = WAL')
    this.db.pragma('synchronous = FULL')
    this.db.pragma('secure_delete = ON')
    this.db.exec(`
      CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS epoch (id INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS data_key (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL REFERENCES epoch, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS register (token BLOB PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS to_destroy (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS checked (id TEXT NOT NULL, stream TEXT NOT NULL, revision INTEGER NOT NULL, position TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS lost (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS claim (attempt TEXT NOT NULL, token BLOB NOT NULL, id TEXT NOT NULL, lapses_at INTEGER NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS claim_token ON claim (token);
      CREATE INDEX IF NOT EXISTS claim_attempt ON claim (attempt);
      CREATE TRIGGER IF NOT EXISTS claims_gone AFTER DELETE ON data_key BEGIN DELETE FROM claim WHERE id = OLD.id; END;
      CREATE TRIGGER IF NOT EXISTS key_gone AFTER DELETE ON data_key BEGIN DELETE FROM checked; END;
    `)
    this.db
      .transaction(() => {
        this.db.prepare('INSERT OR IGNORE INTO secret VALUES (?, ?)').run('index', randomBytes(32))
        this.db.prepare('INSERT OR IGNORE INTO epoch VALUES (1, ?)').run(randomBytes(32))
      })
      .immediate()
  }

  /** SQLite takes a temporary table for the one of the same name in the file: what is added goes there, and reading asks both. */
  private addToTemporaryTables(): void {
    this.db.exec(`
      CREATE TEMP TABLE data_key AS SELECT * FROM main.data_key LIMIT 0;
      CREATE TEMP TABLE register AS SELECT * FROM main.register LIMIT 0;
      CREATE TEMP TABLE claim (attempt TEXT NOT NULL, token BLOB NOT NULL, id TEXT NOT NULL, lapses_at INTEGER NOT NULL);
      CREATE UNIQUE INDEX temp.data_key_id ON data_key (id);
      CREATE UNIQUE INDEX temp.register_token ON register (token);
    `)
  }

  /** Up to where the log was found to have no participant without a key; null where that is not known, as after a key went. */
  get checkedUpTo(): CheckedEvent | null {
    return this.db.prepare<[], CheckedEvent>('SELECT id, stream, revision, position FROM checked').get() ?? null
  }

  /** Kept with the keys, so that an older copy of them also has the older place. */
  set checkedUpTo(place: CheckedEvent) {
    this.db
      .transaction(() => {
        this.db.prepare('DELETE FROM checked').run()
        this.db
          .prepare('INSERT INTO checked (id, stream, revision, position) VALUES (:id, :stream, :revision, :position)')
          .run(place)
      })
      .immediate()
  }

  /** A secret of this installation that outlives a restart, made on first use: the one that signs cookies, for instance. */
  secret(name: string): string {
    this.db.prepare('INSERT OR IGNORE INTO secret VALUES (?, ?)').run(name, randomBytes(32))
    return this.db
      .prepare<[string], { value: Buffer }>('SELECT value FROM secret WHERE name = ?')
      .get(name)!
      .value.toString('base64url')
  }

  /**
   * Does work that may write here. While another process holds the keys it is tried again and again, without keeping this
   * process from anything else.
   * @throws KeysBusy after ten seconds
   */
  async whenFree<T>(work: () => T): Promise<T> {
    for (const begun = performance.now(); ;) {
      try {
        return work()
      } catch (error) {
        if (!(error as { code?: string }).code?.startsWith('SQLITE_BUSY')) throw error
        if (performance.now() - begun > patienceMs) throw new KeysBusy({ cause: error })
        await wait(pauseMs)
      }
    }
  }

  /** Several registrations made durable at once. */
  together<T>(work: () => T): T {
    return this.db.transaction(work).immediate()
  }

  /** A keyed digest, 128 bits: tells equal from different to who holds the key, and nothing to who does not. */
  token(kind: TokenKind, value: string): Buffer {
    return createHmac('sha256', this.indexKey).update(`${kind}\0${value}`).digest().subarray(0, 16)
  }

  /** A keyed digest in the form of a UUID (version 8, RFC 9562): for ids that must be the same each time they are worked out. */
  uuidFor(kind: TokenKind, value: string): string {
    const bytes = Buffer.from(this.token(kind, value))
    bytes[6] = (bytes[6]! & 0x0f) | 0x80
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const hex = bytes.toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** The opaque id under which this CRN or reference is known, if it is. */
  find(kind: 'crn' | 'reference', value: string): string | undefined {
    return this.statements.registered.get(this.token(kind, value))?.id
  }

  /** The opaque id of the participant with this CRN; on first sight, an id and a data key of his own are made and kept. */
  participant(crn: string): string {
    return this.known('crn', crn, (id) => this.makeKey(id))
  }

  /** The opaque id of the facilitator with this staff code, the same each time; on first sight, a data key is made and kept. */
  facilitator(code: string): string {
    const value = `facilitator ${code}`
    return this.known('code', value, (id) => this.makeKey(id), this.uuidFor('code', value))
  }

  /**
   * The opaque id of the nth partner-safety record that was asked for on a journey, the same each time; on first sight, a random
   * id and a data key of its own are made and kept. Nothing leads back from the id to the journey.
   */
  strand(journeyId: string, n: number): string {
    return this.known('strand', `${journeyId} ${n}`, (id) => this.makeKey(id))
  }

  /** The opaque id of the journey with this reference, made and kept on first sight. */
  journey(reference: string): string {
    return this.known('reference', reference, () => undefined)
  }

  /** The opaque id first bound to this value; on first sight, the given one is bound, durably and for good. */
  bound(kind: TokenKind, value: string, id: string): string {
    return this.known(kind, value, () => undefined, id)
  }

  /** A value no longer leads to this id, as a CRN that was never his. What leads elsewhere stays as it is. */
  release(kind: TokenKind, value: string, id: string): void {
    this.statements.release.run(this.token(kind, value), id)
  }

  /** Whether anything sealed under this key can still be read. */
  hasKey(id: string): boolean {
    return this.statements.key.get(id) !== undefined
  }

  /** Whose keys are about to be destroyed, or should have been: each start looks again until they are. */
  get toDestroy(): readonly string[] {
    return this.db.prepare<[], string>('SELECT id FROM to_destroy').pluck().all()
  }

  /** Notes that a key will be destroyed, before that is authorised for good: whatever fails from here on, it is not forgotten. */
  async announceDestruction(id: string): Promise<void> {
    await this.whenFree(() => this.db.prepare('INSERT OR IGNORE INTO to_destroy VALUES (?)').run(id))
  }

  /**
   * Destroys the key of a participant, and forgets under which CRN and references he and his journeys were known. The bytes are
   * overwritten in the file and gone from its write-ahead log when this resolves. Destroyed again, nothing happens.
   * @param alsoKnown the journeys whose references are forgotten
   * @throws KeysBusy where another process read the keys for longer than we wait: what was deleted may still be in the write-ahead log
   */
  async destroy(id: string, alsoKnown: readonly string[] = []): Promise<void> {
    await this.whenFree(() =>
      this.together(() => {
        this.db.prepare('DELETE FROM data_key WHERE id = ?').run(id)
        const ids = JSON.stringify([id, ...alsoKnown])
        this.db.prepare('DELETE FROM register WHERE id IN (SELECT value FROM json_each(?))').run(ids)
        this.db.prepare('DELETE FROM to_destroy WHERE id = ?').run(id)
      }),
    )
    this.unwrapped.delete(id)
    await this.whenFree(() => this.emptyWriteAheadLog())
    for (const listener of this.onDestroyed) listener()
  }

  private emptyWriteAheadLog(): void {
    const [result] = this.db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
    if (result?.busy === 1)
      throw Object.assign(new Error('Another process reads the keys.'), { code: 'SQLITE_BUSY_CHECKPOINT' })
  }

  /** Whether the key was lost, and somebody has said that it is lost for good. */
  hasLost(id: string): boolean {
    return this.db.prepare('SELECT 1 FROM lost WHERE id = ?').get(id) !== undefined
  }

  /** Keeps whose keys are lost for good. An older copy of these keys does not know it, and is told from this one by that. */
  acceptLoss(ids: Iterable<string>): void {
    const insert = this.db.prepare('INSERT OR IGNORE INTO lost VALUES (?)')
    this.together(() => {
      for (const id of ids) insert.run(id)
    })
  }

  /** @param about where the text belongs; it opens nowhere else */
  seal(keyId: string, about: string, text: string): string {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.key(keyId), nonce)
    cipher.setAAD(Buffer.from(about))
    return (
      prefix +
      Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
    )
  }

  /** @throws KeyMissing, SealBroken */
  open(keyId: string, about: string, sealed: string): string {
    const key = this.key(keyId)
    try {
      if (!sealed.startsWith(prefix)) throw new Error('unknown form')
      const bytes = Buffer.from(sealed.slice(prefix.length), 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
      decipher.setAAD(Buffer.from(about))
      decipher.setAuthTag(bytes.subarray(-16))
      return decipher.update(bytes.subarray(12, -16)).toString('utf8') + decipher.final('utf8')
    } catch {
      throw new SealBroken(about)
    }
  }

  close(): void {
    this.db.close()
  }

  /** Takes back a vault that should not have been made: keys were looked for in the wrong place. Only a new one goes. */
  unmake(): void {
    if (!this.isNew) return
    this.db.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.file + suffix, { force: true })
  }

  private known(kind: TokenKind, value: string, onFirstSight: (id: string) => void, id: string = randomUUID()): string {
    const token = this.token(kind, value)
    const known = this.statements.registered.get(token)
    if (known) return known.id
    const register = this.db.transaction(() => {
      const meanwhile = this.statements.registered.get(token)
      if (meanwhile) return meanwhile.id
      onFirstSight(id)
      this.statements.register.run(token, id)
      return id
    })
    // A transaction that begins with a read cannot wait for another writer; inside together() it is part of that one.
    return this.db.inTransaction ? register() : register.immediate()
  }

  private makeKey(id: string): void {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.epoch.key, nonce)
    cipher.setAAD(Buffer.from(id))
    const wrapped = Buffer.concat([nonce, cipher.update(randomBytes(32)), cipher.final(), cipher.getAuthTag()])
    this.statements.addKey.run(id, this.epoch.id, wrapped)
  }

  private epochKey(id: number): KeyObject {
    let key = this.epochKeys.get(id)
    if (!key) this.epochKeys.set(id, (key = createSecretKey(this.statements.epochKey.get(id)!.key)))
    return key
  }

  /** Another process may have destroyed keys: what is kept of them here is let go of within a second. */
  private noticeOthers(): void {
    const now = performance.now()
    if (now - this.lookedAt < 1_000) return
    this.lookedAt = now
    const version = this.statements.dataVersion.get()
    if (version !== this.dataVersion) this.unwrapped.clear()
    this.dataVersion = version
  }

  private key(id: string): KeyObject {
    this.noticeOthers()
    const cached = this.unwrapped.get(id)
    if (cached) return cached
    const row = this.statements.key.get(id)
    if (!row) throw new KeyMissing(id)
    const decipher = createDecipheriv('aes-256-gcm', this.epochKey(row.epoch), row.wrapped.subarray(0, 12))
    decipher.setAAD(Buffer.from(id))
    decipher.setAuthTag(row.wrapped.subarray(-16))
    const key = createSecretKey(Buffer.concat([decipher.update(row.wrapped.subarray(12, -16)), decipher.final()]))
    this.unwrapped.set(id, key)
    return key
  }
}
