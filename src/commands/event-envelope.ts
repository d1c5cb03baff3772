/** An event as it goes to the log: an id worked out from its command, personal fields sealed, both clocks in the metadata. What could not be kept is refused. */
import { v5 as uuidv5 } from 'uuid'
import type { Instant } from '../domain/calendar.ts'
import { schemaVersionOf } from '../domain/codec.ts'
import type { DomainEvent } from '../domain/events.ts'
import {
  Refusal,
  type Actor,
  type CommandContext,
  type Metadata,
  type Recorded,
  type Source,
} from '../domain/history.ts'
import { refuseControlCharacters } from '../domain/text.ts'
import type { NewEvent } from '../event-store/stored-event.ts'
import { partedFields, sealedData } from '../protection/sealing.ts'
import { sealedLength, type Vault } from '../protection/vault.ts'

/** Who issues a command, where it came in and when: what the metadata of every event says beside the fact. */
export interface Issuer {
  readonly by: Actor
  /** Who sent the contact log, where a person did. */
  readonly importedBy?: Actor
  readonly source: Source
  readonly recordedAt: Instant
  readonly correlationId?: string
  /** The event that led to it, where a process issues the command; the command itself unless said. */
  readonly causationId?: string
  /**
   * The run of an import. Another run may write the same record at the same moment, and an event store answers whoever sends an
   * event that is there already as if he had written it: each run's events have ids of their own, so that one of the two is told.
   */
  readonly run?: string
}

/** An event of a command, as it will stand in its stream; its personal fields are not sealed yet. */
export interface Envelope<E> {
  readonly event: Recorded<E>
  readonly keyId: string | undefined
  /** What EventStoreDB counts of it towards the limit of one append, in bytes: data and metadata as JSON, its type in UTF-16. */
  readonly bytes: number
}

/**
 * The most that the data of one event may take in the log, as JSON with its personal fields sealed, in bytes. EventStoreDB
 * takes a mebibyte in one append unless it is set otherwise; half of that leaves room for metadata and for a smaller setting.
 */
export const maximumEventBytes = 512 * 1024

/**
 * The rule that every event passes before any of its command is written, wherever the command came in.
 * @returns the bytes its data takes in the log
 * @throws Refusal `control_characters`, `event_too_large`
 */
export function refuseUnstorable(event: DomainEvent): number {
  refuseControlCharacters(event.data)
  const { open, personal } = partedFields(event)
  const sealed = Object.keys(personal).length === 0 ? 0 : sealedLength(jsonBytes(personal)) + ',"sealed":""'.length
  const bytes = jsonBytes(open) + sealed
  if (bytes > maximumEventBytes) {
    throw new Refusal(
      'event_too_large',
      'This is more text than one record can hold. Shorten it, or record it in parts.',
    )
  }
  return bytes
}

/**
 * The events of one command, as they will stand in the stream after a revision.
 * @param oddities what is improbable about them and was confirmed
 * @param at.keyIdOf the key under which the personal fields of one of them are sealed, where it has any
 * @throws Refusal where one of them cannot be kept
 */
export function envelopesOf<E extends DomainEvent>(
  events: readonly E[],
  { stream, revision, keyIdOf }: { stream: string; revision: number; keyIdOf: (event: E) => string | undefined },
  { commandId, occurredOn }: CommandContext,
  oddities: readonly string[],
  { by, importedBy, source, recordedAt, correlationId, causationId, run }: Issuer,
): Envelope<E>[] {
  const category = stream.slice(0, stream.indexOf('-'))
  return events.map((event, n) => {
    const dataBytes = refuseUnstorable(event)
    const metadata: Metadata = {
      commandId,
      actor: actorIn(by),
      ...(importedBy && { importedBy: actorIn(importedBy) }),
      occurredAt: occurredOn,
      recordedAt,
      schemaVersion: schemaVersionOf(event.type),
      correlationId: correlationId ?? commandId,
      causationId: causationId ?? commandId,
      source,
      ...(oddities.length > 0 && { oddities }),
    }
    const keyId = keyIdOf(event)
    const bytes = dataBytes + jsonBytes({ ...metadata, keyId }) + 2 * event.type.length
    // One command may be answered in two streams (a referral is): the category keeps their ids apart.
    const id = commandEventId(commandId, category, n, run)
    return { event: { ...event, id, stream, revision: revision + 1 + n, metadata }, keyId, bytes }
  })
}

/** @throws KeyMissing where the key was destroyed */
export function sealedEnvelope(vault: Vault, { event, keyId }: Envelope<DomainEvent>): NewEvent {
  const { id, type, metadata } = event
  const data = sealedData(vault, keyId, event, event)
  return { id, type, data, metadata: data.sealed === undefined ? metadata : { ...metadata, keyId } }
}

/** What the log says of somebody: not his name. */
const actorIn = ({ id, role, organisation }: Actor): Actor => ({ id, role, organisation })

const jsonBytes = (value: object): number => Buffer.byteLength(JSON.stringify(value))

/** The id of the nth event that a command adds to a stream of a category: the same whenever the command comes, in one run of an import. */
export const commandEventId = (commandId: string, category: string, n = 0, run = ''): string =>
  uuidv5(`${category} ${n}${run && ` ${run}`}`, commandId)
