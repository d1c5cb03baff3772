/** What was sought, kept here and not in an address: a page of its results has an id that says nothing, and no one else can use. */
import { Injectable } from '@nestjs/common'
import { LRUCache } from 'lru-cache'
import { randomBytes } from 'node:crypto'
import { identityOf, whoIsAsking } from '../../access/session.ts'

/** As long as an unused session lasts, in milliseconds from when it was sent. */
const keptMs = 30 * 60_000
/** All that are kept at once, of everybody; the one that nobody asked for longest goes first. */
const mostKept = 10_000

interface Search {
  readonly owner: string
  /** The fields of the form, none longer than {@link longestSought}. */
  readonly fields: Readonly<Record<string, string>>
}

/** In characters. */
export const longestSought = 200

/** In the memory of this process: nothing that was sought is on any disk, and a restart ends every search. */
@Injectable()
export class Searches {
  private readonly kept: LRUCache<string, Search>

  /** @param perf what tells the time, for a spec that does not want to wait */
  constructor(perf?: { now(): number }) {
    this.kept = new LRUCache({ max: mostKept, ttl: keptMs, ttlResolution: 0, ...(perf && { perf }) })
  }

  /** @returns the id that stands in the address: 128 random bits */
  keep(request: object, fields: Readonly<Record<string, string>>): string {
    const id = randomBytes(16).toString('base64url')
    this.kept.set(id, { owner: ownerOf(request), fields })
    return id
  }

  /** Somebody was erased: his name may be among what was sought. */
  forgetAll(): void {
    this.kept.clear()
  }

  /** @returns null for a search that is over, that never was, or that was sent in another session */
  of(request: object, id: string): Readonly<Record<string, string>> | null {
    const search = this.kept.get(id)
    return search?.owner === ownerOf(request) ? search.fields : null
  }
}

/** The session it was sent in; whoever comes with an access token has none, and is known by it. */
const ownerOf = (request: object): string => {
  const { id } = whoIsAsking(request)
  const identity = identityOf(request)
  return identity.who !== null && identity.sessionId !== null ? `session ${identity.sessionId}` : `person ${id}`
}
