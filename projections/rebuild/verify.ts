/** Compares the read models with the log: rebuilt in a scratch database up to the same event, every row must be the same. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { categories, type Projection, type Table, type Value } from '../projection.ts'
import { BatchProcessor } from '../runner/batch-processor.ts'
import { ReadModels } from '../runner/read-models.ts'
import type { ProjectionSources } from '../runner/batch-processor.ts'
import type { CheckpointTable } from '../storage/bookkeeping.ts'
import { SqliteDatabase } from '../storage/sqlite.ts'

export interface TableVerification {
  readonly projection: string
  readonly table: string
  readonly rows: number
  /** Of every row of the table, in the order of its key. */
  readonly checksum: string
  /** The first few rows that are altered, missing or too many in the live table, by their key. */
  readonly wrong: readonly string[]
  readonly differences: number
}

const mostNamed = 10

const parkedStreamTable: Table = {
  name: 'parked_stream',
  columns: { projection: 'text', table_set: 'text', stream: 'text', revision: 'integer', why: 'text' },
  key: ['projection', 'table_set', 'stream'],
  kind: 'document',
}

/**
 * The application may run: the live tables are read as of one moment, and the scratch database processes the log up to there.
 * The scratch database is always a SQLite file, so that on PostgreSQL the two databases are compared as well.
 */
export async function verifyProjections(
  { store, readModels, vault, log }: ProjectionSources & { readonly readModels: ReadModels },
  projections: readonly Projection[],
  scratchDir: string,
  onProgress: (done: { position: bigint; of: bigint }) => void = () => undefined,
): Promise<readonly TableVerification[]> {
  const dir = await mkdtemp(join(scratchDir, 'verify-'))
  const scratch = await ReadModels.in(new SqliteDatabase(join(dir, 'scratch.sqlite')))
  try {
    return await readModels.snapshot(async (live) => {
      const checkpoints = await live.all<CheckpointTable>("SELECT * FROM checkpoint WHERE table_set = 'live'")
      const byPosition = Map.groupBy(
        projections.filter(({ name }) => checkpoints.some(({ projection }) => projection === name)),
        ({ name }) => checkpoints.find(({ projection }) => projection === name)!.position,
      )
      for (const [position, together] of byPosition) {
        const begun = []
        for (const projection of together) begun.push(await scratch.reset(projection))
        const processor = await BatchProcessor.of({ readModels: scratch, vault, log }, begun)
        const end = position === '' ? -1n : BigInt(position)
        if (end < 0n) continue
        const all = { categories, after: null, batchSize: 50, signal: new AbortController().signal }
        for await (const batch of store.subscribe(all)) {
          // Caught up, it has processed everything up to the position, even where the log has not named the position itself.
          const upTo = batch.caughtUp || batch.upTo === null || batch.upTo > end ? end : batch.upTo
          const events = batch.events.filter((event) => event.position <= end)
          await processor.process({ ...batch, events, upTo }, upTo < end)
          onProgress({ position: upTo, of: end })
          if (upTo >= end) break
        }
      }
      return scratch.snapshot(async (rebuilt) => {
        const verdicts: TableVerification[] = []
        for (const { name, tables } of projections)
          for (const table of tables)
            verdicts.push(await compared(name, table, rebuilt.rows(table, table.name), live.rows(table, table.name)))
        const parked = [rebuilt, live].map((moment) => onlyLive(moment.rows(parkedStreamTable, parkedStreamTable.name)))
        verdicts.push(await compared('all', parkedStreamTable, parked[0]!, parked[1]!))
        return verdicts
      })
    })
  } finally {
    await scratch.close()
    await rm(dir, { recursive: true, force: true })
  }
}

async function* onlyLive(rows: AsyncIterable<Record<string, Value>>) {
  for await (const row of rows) if (row.table_set === 'live') yield row
}

/** Both in the order of the key, one row of each at a time. */
async function compared(
  projection: string,
  table: Table,
  rebuilt: AsyncIterable<Record<string, Value>>,
  live: AsyncIterable<Record<string, Value>>,
): Promise<TableVerification> {
  const should = rebuilt[Symbol.asyncIterator]()
  const does = live[Symbol.asyncIterator]()
  const checksum = createHash('sha256')
  const wrong: string[] = []
  let rows = 0
  let differences = 0
  const differs = (what: string, row: Record<string, Value>) => {
    differences++
    if (wrong.length < mostNamed) wrong.push(`${what}: ${table.key.map((column) => plain(row[column])).join(' ')}`)
  }
  let one = await should.next()
  let other = await does.next()
  while (!one.done || !other.done) {
    const order = one.done ? 1 : other.done ? -1 : byKey(table, one.value, other.value)
    if (order < 0) differs('missing', one.value as Record<string, Value>)
    else if (order > 0) differs('too many', other.value as Record<string, Value>)
    else if (textOf(table, one.value) !== textOf(table, other.value)) differs('altered', one.value)
    if (order <= 0) one = await should.next()
    if (order >= 0) {
      checksum.update(textOf(table, other.value as Record<string, Value>))
      rows++
      other = await does.next()
    }
  }
  return { projection, table: table.name, rows, checksum: checksum.digest('hex').slice(0, 16), wrong, differences }
}

const plain = (value: Value | undefined) => (Buffer.isBuffer(value) ? value.toString('hex') : (value ?? null))

const textOf = (table: Table, row: Record<string, Value>) =>
  `${JSON.stringify(Object.keys(table.columns).map((column) => plain(row[column])))}\n`

/** As the databases order them: texts and bytes by their bytes. */
function byKey(table: Table, one: Record<string, Value>, other: Record<string, Value>): number {
  for (const column of table.key) {
    const [a, b] = [one[column]!, other[column]!]
    const order =
      typeof a === 'number' ? a - (b as number) : Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
    if (order !== 0) return order
  }
  return 0
}
