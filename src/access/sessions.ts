/** Who is signed in with which browser, and who has just been sent to the identity provider to sign in. */
import Database from 'better-sqlite3'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { filter, interval, map, merge, Subject, take, type Observable } from 'rxjs'
import { isRole } from './policy.ts'
import type { SignedIn } from './session.ts'

/** A session nobody uses ends after half an hour; NIST SP 800-63B asks for this at assurance level 2 and above. */
const idleMs = 30 * 60_000
/** However busy, it ends with the working day; NIST SP 800-63B allows 12 hours. */
const longestMs = 10 * 3_600_000
/** How long a person may take at the identity provider. */
const signInMs = 10 * 60_000
/** How often the last use is written down: not for every picture on a page. */
const touchMs = 60_000
/** How often an open event stream looks whether its session is still there: another process may have ended it. */
const lookMs = 5_000

export interface Session {
  /** Not the secret in the cookie, which is known to the browser alone. */
  readonly id: string
  readonly who: SignedIn
}

/** Where the identity provider knows a session: by its own id of it, and by the person. */
export interface ProviderSession {
  readonly issuer: string
  readonly subject: string
  readonly sid: string | null
}

/** What has to come back from the identity provider, and where the person wanted to go. */
export interface PendingSignIn {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly redirectUri: string
  readonly returnTo: string
}

interface SessionRow {
  readonly id: string
  readonly subject: string
  readonly role: string
  readonly organisation: string
  readonly name: string
  readonly begun: number
  readonly seen: number
}

/** One SQLite file of its own, opened when it is first needed. It holds digests of cookies, never a cookie. */
export class Sessions {
  private opened: Database.Database | undefined
  private readonly closing = new Subject<string>()

  constructor(
    private readonly file: string,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns what the browser's cookie holds from now on: 256 random bits */
  begin(who: SignedIn, { issuer, subject, sid }: ProviderSession): string {
    const secret = randomBytes(32).toString('base64url')
    this.db.prepare('DELETE FROM session WHERE begun < ? OR seen < ?').run(this.now() - longestMs, this.now() - idleMs)
    this.db
      .prepare(
        `INSERT INTO session (id, issuer, subject, sid, actor, role, organisation, name, begun, seen)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(digest(secret), issuer, subject, sid, who.id, who.role, who.organisation, who.name, this.now(), this.now())
    return secret
  }

  /** @returns null for a cookie that is unknown, or whose session is over */
  of(secret: string): Session | null {
    return this.alive(digest(secret))
  }

  /** Ends a session, at once for every stream it has open here. */
  end(id: string): void {
    this.db.prepare('DELETE FROM session WHERE id = ?').run(id)
    this.closing.next(id)
  }

  /** Ends what the identity provider says is over: one session, or all of a person. @returns how many there were */
  endAt({ issuer, subject, sid }: { issuer: string; subject: string | null; sid: string | null }): number {
    const ended = this.db
      .prepare<unknown[], { id: string }>(
        'SELECT id FROM session WHERE issuer = ? AND (? IS NULL OR subject = ?) AND (? IS NULL OR sid = ?)',
      )
      .all(issuer, subject, subject, sid, sid)
    for (const { id } of ended) this.end(id)
    return ended.length
  }

  /** Says once that a session is over, whoever ended it. */
  ended(id: string): Observable<true> {
    const here = this.closing.pipe(filter((one) => one === id))
    const elsewhere = interval(lookMs).pipe(filter(() => this.alive(id, false) === null))
    return merge(here, elsewhere).pipe(
      map((): true => true),
      take(1),
    )
  }

  /** @returns what the browser's cookie holds until it is back */
  expect(pending: PendingSignIn): string {
    const secret = randomBytes(32).toString('base64url')
    this.db.prepare('DELETE FROM pending WHERE begun < ?').run(this.now() - signInMs)
    this.db.prepare('INSERT INTO pending VALUES (?, ?, ?)').run(digest(secret), JSON.stringify(pending), this.now())
    return secret
  }

  /** Each is taken once: an answer of the identity provider that comes again finds nothing. */
  take(secret: string): PendingSignIn | null {
    const row = this.db
      .prepare<[string], { begun: number; what: string }>('DELETE FROM pending WHERE id = ? RETURNING begun, what')
      .get(digest(secret))
    return row && row.begun >= this.now() - signInMs ? (JSON.parse(row.what) as PendingSignIn) : null
  }

  /** @returns false for a message that came before */
  isNew(messageId: string, until: number): boolean {
    this.db.prepare('DELETE FROM message WHERE until < ?').run(this.now())
    return this.db.prepare('INSERT OR IGNORE INTO message VALUES (?, ?)').run(digest(messageId), until).changes === 1
  }

  close(): void {
    this.opened?.close()
    this.opened = undefined
  }

  private alive(id: string, used = true): Session | null {
    const row = this.db.prepare<[string], SessionRow>('SELECT *, actor AS subject FROM session WHERE id = ?').get(id)
    if (!row || !isRole(row.role)) return null
    const now = this.now()
    if (row.begun < now - longestMs || row.seen < now - idleMs) {
      this.end(id)
      return null
    }
    if (used && row.seen < now - touchMs) this.db.prepare('UPDATE session SET seen = ? WHERE id = ?').run(now, id)
    const { subject, role, organisation, name } = row
    return { id, who: { id: subject, role, organisation, name } }
  }

  private get db(): Database.Database {
    if (this.opened) return this.opened
    mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 })
    const db = new Database(this.file, { timeout: 5_000 })
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('secure_delete = ON')
    db.exec(`
      CREATE TABLE IF NOT EXISTS session (
        id TEXT PRIMARY KEY, issuer TEXT NOT NULL, subject TEXT NOT NULL, sid TEXT, actor TEXT NOT NULL, role TEXT NOT NULL,
        organisation TEXT NOT NULL, name TEXT NOT NULL, begun INTEGER NOT NULL, seen INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS pending (id TEXT PRIMARY KEY, what TEXT NOT NULL, begun INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    `)
    return (this.opened = db)
  }
}

const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
