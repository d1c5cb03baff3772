/** Holds the read models to the log: built again in a scratch place up to the same event, every row must be the same. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SqliteDatabase } from '../storage/sqlite.ts'
import { BatchProcessor } from '../runner/batch-processor.ts'
import { categories, type Projection, type Table, type Value } from '../projection.ts'
import type { CheckpointTable } from '../runner/checkpoint-store.ts'
import { ReadModels } from '../storage/read-models.ts'
import type { Sources } from './partition.ts'

export interface TableVerification {
  readonly projection: string
  readonly table: string
  readonly rows: number
  /** Of every row of the table, in the order of its key. */
  readonly checksum: string
  /** Rows that are altered, missing or too many in the live table, by their key: the first few. */
  readonly wrong: readonly string[]
  readonly differences: number
}

const namedAtMost = 10

const heldTable: Table = {
  name: 'held',
  columns: { projection: 'text', place: 'text', stream: 'text', revision: 'integer', why: 'text' },
  key: ['projection', 'place', 'stream'],
}

/**
 * While the app runs, too: what is live is looked at as of one moment, and the scratch place hears the log up to there.
 * The scratch place is always a SQLite file, so that on PostgreSQL the two databases are held to each other as well.
 */
export async function verifyProjections(
  { store, readModels, vault, log }: Sources,
  projections: readonly Projection[],
  scratchDir: string,
  onProgress: (done: { position: bigint; of: bigint }) => void = () => undefined,
): Promise<readonly TableVerification[]> {
  const dir = await mkdtemp(join(scratchDir, 'verify-'))
  const scratch = await ReadModels.in(new SqliteDatabase(join(dir, 'scratch.sqlite')))
  try {
    return await readModels.snapshot(async (live) => {
      const checkpoints = await live.all<CheckpointTable>("SELECT * FROM checkpoint WHERE place = 'live'")
      const byPosition = Map.groupBy(
        projections.filter(({ name }) => checkpoints.some(({ projection }) => projection === name)),
        ({ name }) => checkpoints.find(({ projection }) => projection === name)!.position,
      )
      for (const [position, together] of byPosition) {
        const builds = []
        for (const projection of together) builds.push(await scratch.reset(projection))
        const hearing = await BatchProcessor.of(scratch, vault, log, builds)
        const end = position === '' ? -1n : BigInt(position)
        if (end < 0n) continue
        const all = { categories, after: null, batchSize: 50, signal: new AbortController().signal }
        for await (const batch of store.subscribe(all)) {
          // Level with the log, it has heard whatever is up to there, also where the place itself was not told.
          const upTo = batch.caughtUp || batch.upTo === null || batch.upTo > end ? end : batch.upTo
          const events = batch.events.filter((event) => event.position <= end)
          await hearing.process({ ...batch, events, upTo }, upTo < end)
          onProgress({ position: upTo, of: end })
          if (upTo >= end) break
        }
      }
      return scratch.snapshot(async (rebuilt) => {
        const verdicts: TableVerification[] = []
        for (const { name, tables } of projections)
          for (const table of tables)
            verdicts.push(await compared(name, table, rebuilt.rows(table, table.name), live.rows(table, table.name)))
        const heldNow = live.rows(heldTable, 'held')
        verdicts.push(await compared('all', heldTable, rebuilt.rows(heldTable, 'held'), onlyLive(heldNow)))
        return verdicts
      })
    })
  } finally {
    await scratch.close()
    await rm(dir, { recursive: true, force: true })
  }
}

async function* onlyLive(rows: AsyncIterable<Record<string, Value>>) {
  for await (const row of rows) if (row.place === 'live') yield row
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
    if (wrong.length < namedAtMost) wrong.push(`${what}: ${table.key.map((column) => plain(row[column])).join(' ')}`)
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
