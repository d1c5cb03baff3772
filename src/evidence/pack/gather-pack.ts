/** Gathers what an evidence pack holds: events from the event store, and the proof of each from the evidence log. */
import canonicalize from 'canonicalize'
import { randomUUID } from 'node:crypto'
import type { EventStore } from '../../event-store/event-store.ts'
import type { StoredEvent } from '../../event-store/stored-event.ts'
import { openedFields } from '../../protection/sealing.ts'
import { SealBroken, type Vault } from '../../protection/vault.ts'
import { dayOf } from '../../domain/calendar.ts'
import type { EvidenceFile, SignedCheckpoint } from '../evidence-file.ts'
import { coveredCategories, shownCategories } from '../evidence-follower.ts'
import { recordOf } from '../leaf.ts'
import { inclusionProof } from '../merkle-tree.ts'
import {
  mostPackedEvents,
  packFormat,
  PackRefused,
  placesOf,
  wholeStreamsOf,
  type EntryApart,
  type EvidencePack,
  type PackedEvent,
  type PackScope,
  type StoredContent,
} from './pack-format.ts'
import { inSlices } from './slices.ts'

export interface PackRequest {
  readonly scope: PackScope
  readonly knownOn: string | null
  /** An opaque id, never a name. */
  readonly madeBy: string
  /** Whether the personal fields go in, opened: only for who may read them. */
  readonly withPersonalFields: boolean
}

export interface PackSources {
  readonly store: Pick<EventStore, 'read' | 'readAll'>
  readonly vault: Vault
  readonly file: EvidenceFile
  /** Verifier keys. */
  readonly logKeys: readonly string[]
  readonly witnessKeys: readonly string[]
}

/** @throws PackRefused, StoreUnavailable, SealBroken */
export async function gatherPack(request: PackRequest, sources: PackSources, now = new Date()): Promise<EvidencePack> {
  const { file, vault } = sources
  const checkpoint = file.latestCheckpoint()
  if (!checkpoint) throw new PackRefused('The evidence log has signed nothing yet, so nothing can be proved from it.')
  const events: PackedEvent[] = []
  const othersTurn = inSlices()
  for await (const event of eventsIn(request.scope, sources.store)) {
    if (events.length === mostPackedEvents) throw tooMany()
    events.push({
      stream: event.stream,
      revision: event.revision,
      id: event.id,
      type: event.type,
      receivedAt: event.receivedAt.toISOString(),
      data: storedContent(event.data),
      metadata: storedContent(event.metadata),
      proof: proofOf(event, file, checkpoint),
      opened: request.withPersonalFields ? openedOf(event, vault) : null,
    })
    await othersTurn()
  }
  // Several streams are read one after another; a pack has them in the order of the log.
  if (request.scope.of === 'group' || request.scope.of === 'register')
    events.sort((a, b) => (a.proof?.index ?? Infinity) - (b.proof?.index ?? Infinity) || 0)
  const apart = request.scope.of === 'log' ? await entriesApart(sources, checkpoint) : []
  if (events.length === 0) throw new PackRefused('There is no event of what was asked for.')
  return {
    format: packFormat,
    id: randomUUID(),
    scope: request.scope,
    knownOn: request.knownOn,
    madeAt: now.toISOString(),
    madeBy: request.madeBy,
    checkpoint: checkpoint.note,
    logKeys: [...sources.logKeys],
    witnessKeys: [...sources.witnessKeys],
    hasPersonalFields: request.withPersonalFields,
    events,
    ...(apart.length > 0 && { apart }),
  }
}

/** Without them a pack of the whole log would seem to lack what it must not tell. */
async function entriesApart({ store, file }: PackSources, checkpoint: SignedCheckpoint): Promise<EntryApart[]> {
  const entries: EntryApart[] = []
  const categories = coveredCategories.filter((category) => !shownCategories.includes(category))
  for await (const event of store.readAll(categories)) {
    if (entries.length === mostPackedEvents) throw tooMany()
    const proof = proofOf(event, file, checkpoint)
    if (proof) entries.push({ record: recordOf(event).toString(), proof })
  }
  return entries
}

const tooMany = () =>
  new PackRefused(`That is more than ${mostPackedEvents} events, the most that one pack holds. Ask for fewer days.`)

async function* eventsIn(scope: PackScope, store: PackSources['store']): AsyncGenerator<StoredEvent> {
  const streams = wholeStreamsOf(scope)
  if (streams) {
    for (const stream of streams) yield* store.read(stream)
    return
  }
  if (scope.of === 'register') {
    const places = placesOf(scope)
    if (places.size > mostPackedEvents) throw tooMany()
    for (const stream of new Set(scope.rows.map((row) => row.stream)))
      for await (const event of store.read(stream)) if (places.has(`${stream} revision ${event.revision}`)) yield event
    return
  }
  for await (const event of store.readAll(shownCategories)) {
    if (scope.of === 'days') {
      const day = recordedOn(event)
      if (day === null || day < scope.from || day > scope.to) continue
    }
    yield event
  }
}

/** The day on which it was recorded, here or in the system it was imported from; null where the event does not say. */
function recordedOn({ metadata }: StoredEvent): string | null {
  const recordedAt = (metadata as { recordedAt?: unknown } | null)?.recordedAt
  return typeof recordedAt === 'string' && !Number.isNaN(Date.parse(recordedAt)) ? dayOf(recordedAt) : null
}

/** The content in the form that is hashed into the record of an event: see `contentHash` in leaf.ts. */
function storedContent(value: unknown): StoredContent {
  if (value === undefined) return { form: 'absent' }
  if (value instanceof Uint8Array) return { form: 'bytes', text: Buffer.from(value).toString('base64') }
  try {
    return { form: 'canonical', text: canonicalize(value)! }
  } catch {
    return { form: 'text', text: JSON.stringify(value) }
  }
}

function proofOf(
  { stream, revision }: StoredEvent,
  file: EvidenceFile,
  { size }: SignedCheckpoint,
): PackedEvent['proof'] {
  const index = file.indexOf(stream, revision)
  if (index === null || index >= size) return null
  return { index, path: inclusionProof(index, size, file.subtree).map((hash) => hash.toString('base64')) }
}

function openedOf(event: StoredEvent, vault: Vault): PackedEvent['opened'] {
  const { sealed } = (event.data ?? {}) as { sealed?: unknown }
  const { keyId } = (event.metadata ?? {}) as { keyId?: unknown }
  if (typeof sealed !== 'string' || typeof keyId !== 'string') return null
  try {
    const { fields, keyMissing } = openedFields(vault, { stream: event.stream, id: event.id, keyId, sealed })
    return keyMissing ? null : fields
  } catch (error) {
    if (error instanceof SealBroken) return null // an altered event is for the proofs to name
    throw error
  }
}
