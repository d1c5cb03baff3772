/** Events as the auditor inspects them: read from the log itself, and each compared with its leaf in the evidence log. */
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import type { DomainEvent } from '../domain/events.ts'
import type { Recorded } from '../domain/history.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import { signedHeadOf, type EvidenceFile, type SignedHead } from '../evidence/evidence-file.ts'
import { canonicalForm, contentHash, recordOf } from '../evidence/leaf.ts'
import { hashBytes, leafHash } from '../evidence/merkle-tree.ts'
import { tileWidth } from '../evidence/tiles.ts'
import { opened, openedFields } from '../protection/sealing.ts'
import { SealBroken, type Vault } from '../protection/vault.ts'
import type { PlaceInStream } from './event-search.ts'
import { inclusionPath, type InclusionPath } from './inclusion-path.ts'

/**
 * `ok`: word for word what its leaf says. `altered`: something else. `missing`: the log has a leaf for it, and the store has
 * nothing there. `extra`: the store has it among events that are leaves, and it is none. `not-yet-covered`: it came after
 * everything that the signed head covers. `no-log`: there is no evidence log to compare with.
 */
export type LeafVerdict = 'ok' | 'altered' | 'missing' | 'extra' | 'not-yet-covered' | 'no-log'

/** What of an event is hashed. */
export interface CanonicalContent {
  /** The canonical JSON of RFC 8785; null where there is none, and the hash says of what it is. */
  readonly text: string | null
  readonly bytes: number
  /** As the record has it: see `contentHash`. */
  readonly hash: string
}

export interface InspectedEvent extends PlaceInStream {
  readonly verdict: LeafVerdict
  /** As the store has it; null where it has nothing there. */
  readonly stored: StoredEvent | null
  /** Read, with its personal fields open; null where it cannot be. */
  readonly event: Recorded<DomainEvent> | null
  /** Why it cannot be read. */
  readonly unreadable: string | null
  /** Which fields of it are sealed in the store, and whether their key is gone. */
  readonly sealed: { readonly fields: readonly string[]; readonly isKeyMissing: boolean }
  readonly data: CanonicalContent | null
  readonly metadata: CanonicalContent | null
  /** The record that is hashed as its leaf; null where there is no event to make it from. */
  readonly record: string | null
  /** Which leaf of the evidence log it is, from 0; null where it is none. */
  readonly leafIndex: number | null
  /** The leaf's hash as the evidence log has it, in hexadecimal. */
  readonly leafInLog: string | null
  /** Null where no signed head covers it. */
  readonly path: InclusionPath | null
}

export interface EventSources {
  readonly store: Pick<EventStore, 'readRange' | 'lastOf' | 'read'>
  readonly vault: Vault
  /** The evidence log; null where it is not open. */
  readonly file: EvidenceFile | null
}

export class EventReader {
  private readonly sources: EventSources

  constructor(sources: EventSources) {
    this.sources = sources
  }

  /** Each of some events, in the order asked for. */
  async each(places: readonly PlaceInStream[]): Promise<InspectedEvent[]> {
    const head = this.head()
    return Promise.all(
      places.map(async (place) => {
        const [event] = await this.sources.store.readRange(place.stream, place.revision, 1)
        return this.inspected(place, event?.revision === place.revision ? event : null, head)
      }),
    )
  }

  /** The events of one stream from one revision to another, both included; also those that are missing in between. */
  async range(stream: string, from: number, to: number): Promise<InspectedEvent[]> {
    const head = this.head()
    const events = await this.sources.store.readRange(stream, from, to - from + 1)
    const byRevision = new Map(events.map((event) => [event.revision, event]))
    const revisions = Array.from({ length: to - from + 1 }, (_, n) => from + n)
    return revisions
      .map((revision) => this.inspected({ stream, revision }, byRevision.get(revision) ?? null, head))
      .filter(({ stored, leafIndex }) => stored !== null || leafIndex !== null)
  }

  /** The last revision that the store has of a stream; null where it has none. */
  async newestRevision(stream: string): Promise<number | null> {
    return (await this.sources.store.lastOf(stream))?.revision ?? null
  }

  /** The signed head that everything is compared with; null where nothing was signed. */
  head(): SignedHead | null {
    return signedHeadOf(this.sources.file)
  }

  private inspected(place: PlaceInStream, stored: StoredEvent | null, head: SignedHead | null): InspectedEvent {
    const { file } = this.sources
    const leafIndex = file?.indexOf(place.stream, place.revision) ?? null
    const leafInLog = leafIndex === null ? null : this.leafAt(leafIndex)
    const record = stored && recordOf(stored)
    const leaf = record && leafHash(record)
    const isCovered = leafIndex !== null && head !== null && leafIndex < head.size
    return {
      ...place,
      verdict: this.verdictOn(stored, leaf, leafIndex, leafInLog, isCovered),
      stored,
      ...this.read(stored),
      data: stored && canonicalContent(stored.data),
      metadata: stored && canonicalContent(stored.metadata),
      record: record && record.toString(),
      leafIndex,
      leafInLog: leafInLog && leafInLog.toString('hex'),
      path: leaf && isCovered && file ? inclusionPath({ index: leafIndex, leaf, subtree: file.subtree }, head) : null,
    }
  }

  private verdictOn(
    stored: StoredEvent | null,
    leaf: Buffer | null,
    leafIndex: number | null,
    leafInLog: Buffer | null,
    isCovered: boolean,
  ): LeafVerdict {
    const { file } = this.sources
    if (!file) return 'no-log'
    if (leafIndex === null) {
      const readUpTo = file.head()?.position ?? -1n
      return stored?.position != null && stored.position <= readUpTo ? 'extra' : 'not-yet-covered'
    }
    if (stored === null) return 'missing'
    if (!leaf || !leafInLog?.equals(leaf)) return 'altered'
    return isCovered ? 'ok' : 'not-yet-covered'
  }

  private leafAt(index: number): Buffer | null {
    const hashes = this.sources.file?.hashes(0, Math.floor(index / tileWidth))
    const at = (index % tileWidth) * hashBytes
    return hashes && hashes.length >= at + hashBytes ? hashes.subarray(at, at + hashBytes) : null
  }

  private read(stored: StoredEvent | null): Pick<InspectedEvent, 'event' | 'unreadable' | 'sealed'> {
    const nothingSealed = { fields: [], isKeyMissing: false }
    if (!stored) return { event: null, unreadable: null, sealed: nothingSealed }
    try {
      const recorded = recordedFrom(stored)
      const { vault } = this.sources
      const { sealed } = recorded.data as { readonly sealed?: string }
      const { fields, keyMissing } = openedFields(vault, { ...recorded, keyId: recorded.metadata.keyId, sealed })
      return {
        event: opened(vault, recorded),
        unreadable: null,
        sealed: { fields: Object.keys(fields), isKeyMissing: keyMissing },
      }
    } catch (error) {
      if (error instanceof PoisonEvent) return { event: null, unreadable: error.why, sealed: nothingSealed }
      if (error instanceof SealBroken)
        return {
          event: null,
          unreadable: 'its sealed part does not open: it was altered or moved',
          sealed: nothingSealed,
        }
      throw error
    }
  }
}

function canonicalContent(value: unknown): CanonicalContent {
  const hash = contentHash(value)
  if (value === undefined || value instanceof Uint8Array || hash.startsWith('text:'))
    return { text: null, bytes: value instanceof Uint8Array ? value.length : 0, hash }
  const text = canonicalForm(value) ?? null
  return { text, bytes: Buffer.byteLength(text ?? ''), hash }
}
