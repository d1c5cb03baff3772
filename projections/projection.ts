/** What a projection is: a question, the tables that answer it, and what each event changes in them. Pure but for the vault's tokens. */
import type { DomainEvent } from '../src/domain/events.ts'
import type { Recorded } from '../src/domain/history.ts'
import type { Vault } from '../src/protection/vault.ts'

export type Value = string | number | Buffer | null

/** A row as handlers see it: a `json` column holds the value itself. */
export type Row = Record<string, Value | object>

export type ColumnType = 'text' | 'integer' | 'blob' | 'json'

/** How the value of a `json` column is kept where that is shorter than the value as it is. */
export interface ShortForm {
  shorten(value: object): readonly unknown[]
  inFull(short: readonly unknown[]): object
}

export interface Table {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnType>>
  /** The columns of the primary key, in order. */
  readonly key: readonly string[]
  readonly indexes?: readonly (readonly string[])[]
  /** Each row is written once, by one event, and never changed: while a rebuild fills the table it needs no key. */
  readonly writtenOnce?: true
  /**
   * A row is only ever replaced by another, never gone on from: a rebuild puts down what it hears one after another, and
   * puts it in the order of the key once, at its end. Of several with one key the last counts.
   */
  readonly onlyReplaced?: true
  /** Later events go on from its rows: they are kept at hand between batches. */
  readonly foldedOn?: true
  /** By column; whoever changes one raises the version, as for a handler. */
  readonly shortForms?: Readonly<Record<string, ShortForm>>
  /** Works out the columns that follow from the others, once a batch rather than once an event. */
  readonly conclude?: (row: Row) => Row
}

/** One row that an event changes. The projector loads it, applies the change, and writes what has become of it: many at a time. */
export interface Change {
  readonly table: Table
  readonly key: readonly Value[]
  /** The change says all there is to say, whatever was there: the row need not be read first. */
  readonly whole?: true
  /**
   * A row of a table that is folded on belongs to whoever changes it and may be added to in place, once nothing can fail
   * any more; no other row may. Where one event changes a row twice, each change sees it as it was before the event.
   * @returns the row as it is now; undefined leaves things as they were
   */
  readonly become: (row: Row | undefined) => Row | undefined
}

export type Handler<E extends DomainEvent> = (event: Recorded<E>, vault: Vault) => readonly Change[]

/** Every event type has an answer: a handler, or `ignored`, said aloud. A new event does not compile until it has one. */
export type Handlers<E extends DomainEvent = DomainEvent> = {
  readonly [T in E['type']]: Handler<Extract<E, { type: T }>> | 'ignored'
}

export interface Projection {
  readonly name: string
  /** Raised when the tables or handlers change: the projection is then built again from the log. */
  readonly version: number
  readonly question: string
  readonly tables: readonly Table[]
  readonly on: Handlers
}

/** The categories of streams any projection listens to. */
export const categories: readonly string[] = ['journey', 'participant']

/** Not caring about an event is an answer; this is how it is said. */
export const ignoring = <T extends DomainEvent['type']>(...types: T[]): Record<T, 'ignored'> =>
  Object.fromEntries(types.map((type) => [type, 'ignored'])) as Record<T, 'ignored'>

/** The same handler for several event types. */
export const each = <T extends DomainEvent['type']>(
  types: readonly T[],
  handler: Handler<Extract<DomainEvent, { type: T }>>,
): { readonly [K in T]: Handler<Extract<DomainEvent, { type: K }>> } =>
  Object.fromEntries(types.map((type) => [type, handler])) as never

/** The id in a stream's name: `journey-<id>`. */
export const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1)
