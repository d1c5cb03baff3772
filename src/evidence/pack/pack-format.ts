/**
 * What an evidence pack holds. Read by the page inside the pack as well as here, so nothing in this file or in verification.ts
 * needs Node.
 */

/** What somebody asked for. */
export type PackScope =
  | { readonly of: 'journey'; readonly stream: string; readonly reference: string }
  /** A group with all that belongs to it: its sessions, and the whole journeys of whoever has or had a place in it. */
  | { readonly of: 'group'; readonly name: string; readonly streams: readonly string[] }
  /** Every event recorded from one day to another, both included. */
  | { readonly of: 'days'; readonly from: string; readonly to: string }
  | { readonly of: 'log' }
  /** The rows of a register across journeys, and the events that they rest on. */
  | {
      readonly of: 'register'
      /** Its name in the address of its page, such as `late-recording`, and on the page. */
      readonly name: string
      readonly title: string
      readonly meaning: string
      /** Which rows were asked for: the first and the last day of recording, and who recorded them; null for all. */
      readonly from: string | null
      readonly to: string | null
      readonly by: string | null
      readonly rows: readonly PackedRow[]
    }

/** One row of a register: what it says of its event can be compared with the event. */
export interface PackedRow {
  readonly stream: string
  readonly revision: number
  readonly eventId: string
  readonly type: string
  readonly occurredOn: string
  /** ISO 8601 UTC. */
  readonly recordedAt: string
  readonly by: string
  /** As the register says it, in words. */
  readonly says: string
  /** How long it took, as the register says it, under the heading that it has there. */
  readonly span: string
  /** Revisions of the same stream that it rests on besides its own: what it corrects, what took it back, the ending it changes. */
  readonly alsoRestsOn: readonly number[]
}

export type RegisterScope = Extract<PackScope, { of: 'register' }>

/** Content of an event as the store has it, in the form that is hashed: RFC 8785 for JSON. */
export type StoredContent =
  | { readonly form: 'canonical'; readonly text: string }
  /** JSON that RFC 8785 has no form for, as JavaScript writes it. */
  | { readonly form: 'text'; readonly text: string }
  /** No JSON at all: its bytes in base64. */
  | { readonly form: 'bytes'; readonly text: string }
  | { readonly form: 'absent' }

export interface PackedEvent {
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly type: string
  /** ISO 8601 UTC. What this store says; the log does not prove it. */
  readonly receivedAt: string
  readonly data: StoredContent
  readonly metadata: StoredContent
  /** Which leaf of the log it is and the way from there to the root, in base64; null where no checkpoint covers it yet. */
  readonly proof: { readonly index: number; readonly path: readonly string[] } | null
  /** Personal fields as they were opened when the pack was made; null where they were left out, are none, or their key is gone. */
  readonly opened: Readonly<Record<string, unknown>> | null
}

/**
 * An entry of the log that is in a pack of the whole log without its event: what the entry is about is shown to nobody, and the
 * entry proves that it is there.
 */
export interface EntryApart {
  /** The record of the event that is hashed as its leaf: digests, and nothing that was recorded. */
  readonly record: string
  readonly proof: { readonly index: number; readonly path: readonly string[] }
}

/** How the streams are called whose events go into no pack. */
export const streamsApart = /^partnersafety-/

export interface EvidencePack {
  readonly format: typeof packFormat
  readonly id: string
  readonly scope: PackScope
  /** What is to be read first: the history as it was known at the end of this day; null for as it is known now. */
  readonly knownOn: string | null
  /** ISO 8601 UTC. */
  readonly madeAt: string
  /** An opaque id, never a name. */
  readonly madeBy: string
  /** The signed note of the log's head, with its cosignatures. */
  readonly checkpoint: string
  /** Verifier keys of the log, and of witnesses that are asked for cosignatures. */
  readonly logKeys: readonly string[]
  readonly witnessKeys: readonly string[]
  readonly hasPersonalFields: boolean
  /** In the order of the log. */
  readonly events: readonly PackedEvent[]
  /** Of the whole log: the entries whose events are shown to nobody; absent where there are none. */
  readonly apart?: readonly EntryApart[]
}

export const packFormat = 'throughline-evidence-pack/1'

/** Every event that a register rests on, as `<stream> revision <number>`, each once. */
export const placesOf = ({ rows }: RegisterScope): ReadonlySet<string> =>
  new Set(
    rows.flatMap(({ stream, revision, alsoRestsOn }) =>
      [revision, ...alsoRestsOn].map((one) => `${stream} revision ${one}`),
    ),
  )

/** The streams that a pack has whole; null where it has no stream whole. */
export const wholeStreamsOf = (scope: PackScope): readonly string[] | null =>
  scope.of === 'journey' ? [scope.stream] : scope.of === 'group' ? scope.streams : null

/** The most events that one pack may hold: what a browser verifies and shows in some seconds. */
export const mostPackedEvents = 20_000

/** No pack can be made of what was asked for, or what was handed in is none. */
export class PackRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PackRefused'
  }
}
