/** The rows of one projection in memory: those that the next events may change again, and those that wait to be written. */
import type { Change, Row, Table, Value } from '../projection.ts'
import type { ChangedRows, Database, WriteBuffer, WriteTarget, WriteTargets } from '../storage/database.ts'

/** An event's changes, or why there are none. */
export interface EventChanges {
  readonly changes: readonly Change[] | Error
  /** For each change the cached row that it is about; undefined where its rows are only added. */
  rows: readonly (CachedRow | undefined)[]
}

interface CachedRow {
  readonly table: Table
  row: Row | undefined
  isChanged: boolean
  /** The number of writes at the time when an event last needed the row. */
  usedAt: number
}

/**
 * How many rows of each `fold` stay in memory from write to write, so that they need not be read and decoded again. With 3,000 a
 * rebuild took 12 MB more, and as long.
 */
export const mostRowsKept = 2_000

export class RowCache {
  private readonly cached = new Map<Table, Map<string, CachedRow>>()
  private readonly buffers = new Map<Table, WriteBuffer>()
  private changed: CachedRow[] = []
  private writes = 0

  constructor(
    private readonly database: Database,
    private targets: WriteTargets,
  ) {}

  /** The number of rows that wait to be written. */
  get changedCount(): number {
    let rows = this.changed.length
    for (const { length } of this.buffers.values()) rows += length
    return rows
  }

  /** Reads the rows that the changes are about, many at a time, where they are not in memory. */
  async read(events: readonly EventChanges[]): Promise<void> {
    const missing = new Map<Table, (readonly Value[])[]>()
    const rowFor = ({ table, key, replaces }: Change): CachedRow | undefined => {
      if (table.kind === 'append' || (table.kind === 'document' && !this.targets.get(table)!.hasKey)) return undefined
      const rows = this.rowsOf(table)
      const name = nameOf(key)
      let cached = rows.get(name)
      if (!cached) {
        cached = { table, row: undefined, isChanged: false, usedAt: 0 }
        rows.set(name, cached)
        if (table.kind === 'fold' && !replaces) {
          const keys = missing.get(table)
          if (keys) keys.push(key)
          else missing.set(table, [key])
        }
      }
      cached.usedAt = this.writes
      return cached
    }
    for (const event of events) if (!(event.changes instanceof Error)) event.rows = event.changes.map(rowFor)
    for (const [table, keys] of missing)
      for (const row of await this.database.load(this.targets.get(table)!, keys))
        this.rowsOf(table).get(nameOf(table.key.map((column) => row[column] as Value)))!.row = row
  }

  /** Makes all the changes of one event, or none. @returns the error where one of them failed */
  apply(changes: readonly Change[], rows: readonly (CachedRow | undefined)[]): Error | undefined {
    const after: (Row | undefined)[] = []
    try {
      for (let n = 0; n < changes.length; n++) {
        const { table, apply } = changes[n]!
        after.push(apply(table.kind === 'fold' ? rows[n]?.row : undefined))
      }
    } catch (error) {
      return error as Error
    }
    for (let n = 0; n < changes.length; n++) {
      const row = after[n]
      if (row === undefined) continue
      const cached = rows[n]
      if (!cached) {
        this.bufferOf(changes[n]!.table).add(row)
        continue
      }
      cached.row = row
      if (cached.isChanged) continue
      cached.isChanged = true
      this.changed.push(cached)
    }
    return undefined
  }

  get changedRows(): ChangedRows {
    const rows = new Map<WriteTarget, readonly Row[] | WriteBuffer>()
    for (const [table, buffer] of this.buffers) rows.set(this.targets.get(table)!, buffer)
    // No table has both: the rows of a table with a buffer are only added, and not cached.
    for (const [table, cached] of Map.groupBy(this.changed, ({ table }) => table))
      rows.set(this.targets.get(table)!, cached.map(derivedRow))
    return rows
  }

  /** The changed rows have been written. */
  written(): void {
    for (const buffer of this.buffers.values()) buffer.clear()
    for (const row of this.changed) row.isChanged = false
    this.changed = []
    for (const [{ kind }, rows] of this.cached)
      if (kind !== 'fold') rows.clear()
      else if (rows.size > mostRowsKept) this.evict(rows)
    this.writes++
  }

  /** From here on rows are written elsewhere. To be called when no row waits to be written. */
  writeTo(targets: WriteTargets): void {
    this.targets = targets
    this.buffers.clear()
  }

  private rowsOf(table: Table): Map<string, CachedRow> {
    let rows = this.cached.get(table)
    if (!rows) this.cached.set(table, (rows = new Map()))
    return rows
  }

  private bufferOf(table: Table): WriteBuffer {
    let buffer = this.buffers.get(table)
    if (!buffer) this.buffers.set(table, (buffer = this.database.writeBuffer(this.targets.get(table)!)))
    return buffer
  }

  /** The oldest first, except those that an event has needed since the write before. */
  private evict(rows: Map<string, CachedRow>): void {
    for (const [name, { usedAt }] of rows) {
      if (usedAt < this.writes) rows.delete(name)
      if (rows.size <= mostRowsKept) return
    }
  }
}

const derivedRow = (cached: CachedRow): Row => {
  const { table, row } = cached
  if (table.derive) cached.row = table.derive(row!)
  return cached.row!
}

const textOf = (value: Value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value))

const nameOf = (key: readonly Value[]): string => (key.length === 1 ? textOf(key[0]!) : key.map(textOf).join('\0'))
