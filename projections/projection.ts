/** What a projection is: a question, the tables that answer it, and what each event changes in them. Pure but for the vault's tokens. */
import type { DomainEvent } from '../src/domain/events.ts'
import type { Recorded } from '../src/domain/history.ts'
import type { Vault } from '../src/protection/vault.ts'

export type Value = string | number | Buffer | null

/** A row as handlers see it: decoded, with the value itself in a `json` column. */
export type Row = Record<string, Value | object>

export type ColumnType = 'text' | 'integer' | 'blob' | 'json'

/** How the value of a `json` column is stored, where a shorter form than its JSON is worth having. */
export interface Codec {
  encode(value: object): readonly unknown[]
  decode(stored: readonly unknown[]): object
}

export interface Table {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnType>>
  /** The columns of the primary key, in order. */
  readonly key: readonly string[]
  readonly indexes?: readonly (readonly string[])[]
  /**
   * What becomes of a row. `append`: one event writes it and nothing changes it. `document`: an event writes it whole, and a later
   * event may write another in its place. `fold`: an event may change it, knowing what it was.
   */
  readonly kind: 'append' | 'document' | 'fold'
  /** By column. A change of one needs a new version of the projection, as a change of a handler does. */
  readonly codec?: Readonly<Record<string, Codec>>
  /** Computes the columns that follow from the others. It is called before a row is written, not after each event. */
  readonly derive?: (row: Row) => Row
}

/** One row that an event changes. The batch processor reads the row, applies the change, and writes the result. */
export interface Change {
  readonly table: Table
  readonly key: readonly Value[]
  /** Of a `fold`: the change does not depend on the row before it. Rows of the other kinds are always replaced. */
  readonly replaces?: true
  /**
   * Given the row before the event, which may be changed in place once nothing can fail any more; undefined where there is none,
   * and always in a table that is no `fold`. Where one event changes a row twice, each change is given the row before the event.
   * @returns the row after the event; undefined leaves everything as it was
   */
  readonly apply: (row: Row | undefined) => Row | undefined
}

export type Handler<E extends DomainEvent> = (event: Recorded<E>, vault: Vault) => readonly Change[]

/** Every type of event has a handler, or is `ignored` explicitly. A new type does not compile until each projection has one or the other. */
export type Handlers<E extends DomainEvent = DomainEvent> = {
  readonly [T in E['type']]: Handler<Extract<E, { type: T }>> | 'ignored'
}

export interface Projection {
  readonly name: string
  /** Raised when the tables or handlers change: the projection is then rebuilt from the log. */
  readonly version: number
  readonly question: string
  readonly tables: readonly Table[]
  readonly on: Handlers
}

/** The categories of streams that projections use. */
export const categories: readonly string[] = ['journey', 'participant', 'group', 'session', 'facilitator', 'evidence']

/** For types of event that do not change the answer to the question. */
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
