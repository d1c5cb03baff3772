/** Who is signed in with which browser, and who has just been sent to the identity provider to sign in. */
import { LRUCache } from 'lru-cache'
import { createHash, randomBytes } from 'node:crypto'
import { exhaustMap, filter, interval, map, merge, Subject, take, type Observable } from 'rxjs'
import type { AccessDatabase } from './access-database.ts'
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
/** How often an open event stream looks whether its session is still there: another instance may have ended it. */
const lookMs = 5_000
/** How long a session is taken to be alive that cannot be looked up, since it last was. */
const unseenMs = 5 * 60_000

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

/** In the database that all instances share, or in this one's file. It holds digests of cookies, never a cookie. */
export class Sessions {
  private readonly closing = new Subject<string>()
  /** Sessions that were found to be alive lately, and when. */
  private readonly known = new LRUCache<string, { readonly session: Session; readonly at: number }>({ max: 10_000 })

  constructor(
    private readonly database: AccessDatabase,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns what the browser's cookie holds from now on: 256 random bits */
  async begin(who: SignedIn, { issuer, subject, sid }: ProviderSession): Promise<string> {
    const secret = randomBytes(32).toString('base64url')
    const now = this.now()
    const db = await this.database.db()
    await db
      .deleteFrom('access_session')
      .where((row) => row.or([row('begun', '<', now - longestMs), row('seen', '<', now - idleMs)]))
      .execute()
    const { id: actor, role, organisation, name } = who
    const id = digest(secret)
    await db
      .insertInto('access_session')
      .values({ id, issuer, subject, sid, actor, role, organisation, name, begun: now, seen: now })
      .execute()
    this.known.set(id, { session: { id, who }, at: now })
    return secret
  }

  /**
   * While the database is away, a session that was found alive in the last five minutes is taken to be so still: nobody can end
   * one meanwhile, and what pages show of a record is in the same database.
   * @returns null for a cookie that is unknown, or whose session is over
   */
  of(secret: string): Promise<Session | null> {
    return this.alive(digest(secret))
  }

  /** Ends a session: at once here, and for the streams it has open in another instance within seconds. */
  async end(id: string): Promise<void> {
    this.forget(id)
    const db = await this.database.db()
    await db.deleteFrom('access_session').where('id', '=', id).execute()
  }

  /** Ends what the identity provider says is over: one session, or all of a person. @returns how many there were */
  async endAt({
    issuer,
    subject,
    sid,
  }: {
    issuer: string
    subject: string | null
    sid: string | null
  }): Promise<number> {
    const db = await this.database.db()
    const ended = await db
      .deleteFrom('access_session')
      .where('issuer', '=', issuer)
      .$if(subject !== null, (rows) => rows.where('subject', '=', subject!))
      .$if(sid !== null, (rows) => rows.where('sid', '=', sid))
      .returning('id')
      .execute()
    for (const { id } of ended) this.forget(id)
    return ended.length
  }

  /** Says once that a session is over, whoever ended it, or that nobody can say any longer whether it is. */
  ended(id: string): Observable<true> {
    const here = this.closing.pipe(filter((one) => one === id))
    const elsewhere = interval(lookMs).pipe(
      exhaustMap(() => this.alive(id, false).catch(() => null)),
      filter((session) => session === null),
    )
    return merge(here, elsewhere).pipe(
      map((): true => true),
      take(1),
    )
  }

  /** @returns what the browser's cookie holds until it is back */
  async expect(pending: PendingSignIn): Promise<string> {
    const secret = randomBytes(32).toString('base64url')
    const db = await this.database.db()
    await db
      .deleteFrom('access_sign_in')
      .where('begun', '<', this.now() - signInMs)
      .execute()
    await db
      .insertInto('access_sign_in')
      .values({ id: digest(secret), what: JSON.stringify(pending), begun: this.now() })
      .execute()
    return secret
  }

  /** Each is taken once, by one instance: an answer of the identity provider that comes again finds nothing. */
  async take(secret: string): Promise<PendingSignIn | null> {
    const db = await this.database.db()
    const row = await db
      .deleteFrom('access_sign_in')
      .where('id', '=', digest(secret))
      .returning(['begun', 'what'])
      .executeTakeFirst()
    return row && row.begun >= this.now() - signInMs ? (JSON.parse(row.what) as PendingSignIn) : null
  }

  /** @returns false for a message that came before, to whichever instance */
  async isNew(messageId: string, until: number): Promise<boolean> {
    const db = await this.database.db()
    await db.deleteFrom('access_message').where('until', '<', this.now()).execute()
    const kept = await db
      .insertInto('access_message')
      .values({ id: digest(messageId), until })
      .onConflict((before) => before.doNothing())
      .returning('id')
      .execute()
    return kept.length === 1
  }

  private async alive(id: string, used = true): Promise<Session | null> {
    const now = this.now()
    try {
      const session = await this.look(id, now, used)
      if (session) this.known.set(id, { session, at: now })
      else this.forget(id)
      return session
    } catch (error) {
      const known = this.known.get(id)
      if (!known || known.at < now - unseenMs) throw error
      return known.session
    }
  }

  private async look(id: string, now: number, used: boolean): Promise<Session | null> {
    const db = await this.database.db()
    const row = await db.selectFrom('access_session').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row || !isRole(row.role)) return null
    if (row.begun < now - longestMs || row.seen < now - idleMs) {
      await this.end(id)
      return null
    }
    if (used && row.seen < now - touchMs)
      await db.updateTable('access_session').set({ seen: now }).where('id', '=', id).execute()
    const { actor, role, organisation, name } = row
    return { id, who: { id: actor, role, organisation, name } }
  }

  private forget(id: string): void {
    this.known.delete(id)
    this.closing.next(id)
  }
}

const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
