/** User accounts, with salted scrypt hashes of their passwords. A new store has no user and no default password. */
import { LRUCache } from 'lru-cache'
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { SqliteConnection } from '../../storage/database.ts'
import type { CallerIdentity } from '../../grpc/grpc-server.ts'

const scryptHash = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>
const HASH_LENGTH = 32
/** Credentials that were right are cached for this long, because hashing a password for every call would be too slow. */
const CREDENTIAL_CACHE_MILLISECONDS = 60_000
const MAX_CACHED_CREDENTIALS = 1000
const MIN_PASSWORD_LENGTH = 8

export interface UserAccount {
  name: string
  groups: readonly string[]
}

export class UserAccounts {
  private readonly connection: SqliteConnection
  private readonly credentialCache = new LRUCache<string, CallerIdentity>({
    max: MAX_CACHED_CREDENTIALS,
    ttl: CREDENTIAL_CACHE_MILLISECONDS,
  })

  constructor(connection: SqliteConnection) {
    this.connection = connection
  }

  list(): UserAccount[] {
    const rows = this.connection.prepare('SELECT name, groups FROM user ORDER BY name').all() as {
      name: string
      groups: string
    }[]
    return rows.map(({ name, groups }) => ({ name, groups: JSON.parse(groups) as string[] }))
  }

  /** Adds a user, or replaces the groups and password of one. */
  async set(name: string, groups: readonly string[], password: string): Promise<void> {
    if (name === '' || /[:\s]/.test(name)) throw new Error('A user name has no spaces or colons')
    if (password.length < MIN_PASSWORD_LENGTH)
      throw new Error(`A password has at least ${MIN_PASSWORD_LENGTH} characters`)
    const salt = randomBytes(16)
    const hashed = await scryptHash(password, salt, HASH_LENGTH)
    this.connection
      .prepare('INSERT OR REPLACE INTO user (name, groups, salt, password) VALUES (?, ?, ?, ?)')
      .run(name, JSON.stringify(groups), salt, hashed)
  }

  /** @returns false when there is no such user */
  remove(name: string): boolean {
    return this.connection.prepare('DELETE FROM user WHERE name = ?').run(name).changes > 0
  }

  /** @param header the call's `authorization` header @returns undefined when the name or the password is wrong */
  async authenticate(header: string): Promise<CallerIdentity | undefined> {
    const key = createHash('sha256').update(header).digest('base64')
    const known = this.credentialCache.get(key)
    if (known) return known
    const encoded = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header)?.[1]
    const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? []
    if (name === undefined || password === undefined) return undefined
    const row = this.connection.prepare('SELECT groups, salt, password FROM user WHERE name = ?').get(name) as
      { groups: string; salt: Buffer; password: Buffer } | undefined
    // An unknown name takes as long to refuse as a wrong password.
    const hashed = await scryptHash(password, row?.salt ?? Buffer.alloc(16), HASH_LENGTH)
    if (!row || !timingSafeEqual(hashed, row.password)) return undefined
    const identity = { name, groups: JSON.parse(row.groups) as string[] }
    this.credentialCache.set(key, identity)
    return identity
  }
}
