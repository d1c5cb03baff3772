/** Ways to damage an event store behind its protocol, each with what a verifier has to say about it. */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { checksum, decodeBody, encodeBody } from '../../src/embedded-store/storage/event-record.ts'
import type { Chance } from '../../src/simulator/chance.ts'

export interface Damage {
  /** What was done, for who reads of a failure. */
  readonly what: string
  /** Each event with its verdict, as `verdict stream revision`, in any order. */
  readonly expected: readonly string[]
}

interface Row {
  readonly position: number
  readonly stream: number
  readonly name: string
  readonly revision: number
  readonly type: number
  readonly category: number
  readonly body: Buffer
}

/** The event file of an embedded store that nobody serves from. */
export class StoreFile {
  readonly db: Database.Database
  readonly rows: readonly Row[]

  constructor(dataDir: string) {
    this.db = new Database(join(dataDir, 'store', 'events.sqlite'))
    this.rows = this.db
      .prepare<[], Row>(
        `SELECT position, stream, s.name, revision, type, e.category, body
         FROM event e JOIN stream s ON s.id = e.stream ORDER BY position`,
      )
      .all()
      .filter(({ name }) => coveredCategories.includes(name.slice(0, name.indexOf('-'))))
  }

  /** Writes a row with a right checksum, as somebody would who knows the format. */
  write({ position, stream, revision, type, category, body }: Row): void {
    this.db
      .prepare('INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        position,
        stream,
        revision,
        type,
        category,
        decodeBody(body).createdAt,
        crcOf(body, position, revision, stream),
        body,
      )
    this.db.prepare('INSERT OR IGNORE INTO listed_by_category VALUES (?, ?)').run(category, position)
    this.db.prepare('INSERT OR IGNORE INTO listed_by_type VALUES (?, ?)').run(type, position)
  }

  remove({ position }: Row): void {
    for (const table of ['event', 'listed_by_category', 'listed_by_type'])
      this.db.prepare(`DELETE FROM ${table} WHERE position = ?`).run(position)
  }

  close(): void {
    this.db.close()
  }
}

const crcOf = (body: Buffer, position: number, revision: number, stream: number) =>
  checksum(body, BigInt(position), BigInt(revision), BigInt(stream))

type Mutation = (file: StoreFile, chance: Chance) => Damage

/** By the names that the requirement gives them. */
export const mutations: Readonly<Record<string, Mutation>> = {
  flip(file, chance) {
    const row = chance.pick(file.rows)
    const knowsTheFormat = chance.happens(0.5)
    const body = Buffer.from(row.body)
    const { data, metadata } = decodeBody(body)
    const part = chance.pick([data, metadata])
    const at = knowsTheFormat
      ? body.indexOf(part) + chance.between(0, part.length - 1)
      : chance.between(0, body.length - 1)
    body[at]! ^= 1 << chance.between(0, 7)
    if (knowsTheFormat) file.write({ ...row, body })
    else file.db.prepare('UPDATE event SET body = ? WHERE position = ?').run(body, row.position)
    return {
      what: `byte ${at} of ${placeOf(row)}, checksum ${knowsTheFormat ? 'right' : 'left'}`,
      expected: [said('altered', row)],
    }
  },

  column(file, chance) {
    const row = chance.pick(file.rows)
    const change = chance.pick([
      `UPDATE event SET type = (SELECT id FROM type WHERE id <> event.type LIMIT 1) WHERE position = ${row.position}`,
      `UPDATE event SET category = (SELECT id FROM category WHERE id <> event.category LIMIT 1) WHERE position = ${row.position}`,
      `UPDATE event SET crc = crc + 1 WHERE position = ${row.position}`,
      `UPDATE log SET listed_up_to = ${Number.MAX_SAFE_INTEGER}; DELETE FROM listed_by_category WHERE position = ${row.position};`,
    ])
    const listed = file.db.prepare('INSERT OR IGNORE INTO listed_by_category VALUES (?, ?)')
    for (const { category, position } of file.db.prepare<[], Row>('SELECT category, position FROM event').all())
      listed.run(category, position)
    file.db.exec(change)
    return { what: `${change} (${placeOf(row)})`, expected: [said('altered', row)] }
  },

  delete(file, chance) {
    const gone = several(file.rows, chance.between(1, 5), chance)
    for (const row of gone) file.remove(row)
    return { what: gone.map(placeOf).join(), expected: gone.map((row) => said('missing', row)) }
  },

  insert(file, chance) {
    const like = chance.pick(file.rows)
    const after = chance.pick(file.rows.slice(0, -1))
    const { type, isJson, data, metadata, createdAt } = decodeBody(like.body)
    const id = chance.happens(0.8) ? newId(chance) : decodeBody(like.body).id
    const revision =
      Math.max(...file.rows.filter(({ stream }) => stream === like.stream).map((row) => row.revision)) + 1
    const row = {
      ...like,
      revision,
      position: after.position + 1,
      body: encodeBody({ id, type, isJson, data, metadata }, createdAt),
    }
    file.write(row)
    return { what: `${placeOf(row)} after ${placeOf(after)}`, expected: [said('extra', row)] }
  },

  swap(file, chance) {
    const at = chance.between(0, file.rows.length - 4)
    const [one, other] = [file.rows[at]!, file.rows[chance.between(at + 3, file.rows.length - 1)]!]
    const how = chance.pick(['position', 'place'] as const)
    file.remove(one)
    file.remove(other)
    if (how === 'position') {
      file.write({ ...one, position: other.position })
      file.write({ ...other, position: one.position })
    } else {
      const { stream, name, revision, category } = one
      file.write({ ...one, stream: other.stream, revision: other.revision, category: other.category })
      file.write({ ...other, stream, name, revision, category })
    }
    return {
      what: `${how} of ${placeOf(one)} and ${placeOf(other)}`,
      expected: [said('reordered', one), said('reordered', other)],
    }
  },

  truncate(file, chance) {
    const gone = file.rows.slice(chance.between(0, file.rows.length - 1))
    for (const row of gone) file.remove(row)
    const { position } = file.db.prepare<[], { position: number }>('SELECT max(position) AS position FROM event').get()!
    // Whoever truncates knowingly says so in the log's own account of its end.
    if (chance.happens(0.5))
      file.db.prepare('UPDATE log SET head = ?, listed_up_to = min(listed_up_to, head)').run(position ?? 0)
    return { what: `${gone.length} from ${placeOf(gone[0]!)}`, expected: gone.map((row) => said('missing', row)) }
  },

  stream(file, chance) {
    const { stream, name } = chance.pick(file.rows)
    const gone = file.rows.filter((row) => row.stream === stream)
    const how = chance.pick(['rows', 'name', 'settings', 'everything'] as const)
    if (how === 'rows' || how === 'everything') for (const row of gone) file.remove(row)
    if (how === 'name' || how === 'everything') file.db.prepare('DELETE FROM stream WHERE id = ?').run(stream)
    if (how === 'settings') file.db.prepare('UPDATE stream SET truncate_before = 1000000 WHERE id = ?').run(stream)
    return { what: `${how} of ${name}`, expected: gone.map((row) => said('missing', row)) }
  },

  /** One event says something else, and every later event of its stream is written again, with right checksums throughout. */
  rewrite(file, chance) {
    const first = chance.pick(file.rows)
    const later = file.rows.filter(({ stream, revision }) => stream === first.stream && revision >= first.revision)
    for (const row of later) {
      const { id, type, isJson, data, metadata, createdAt } = decodeBody(row.body)
      const changed = Buffer.from(JSON.stringify({ ...(JSON.parse(data.toString()) as object), rewritten: true }))
      file.write({ ...row, body: encodeBody({ id, type, isJson, data: changed, metadata }, createdAt) })
    }
    return { what: `${placeOf(first)} and later`, expected: later.map((row) => said('altered', row)) }
  },

  /** An event is taken out, and the rest of its stream moves up, so that no revision is missing. */
  closeTheGap(file, chance) {
    const first = chance.pick(file.rows)
    const later = file.rows.filter(({ stream, revision }) => stream === first.stream && revision > first.revision)
    file.remove(first)
    for (const row of later) {
      file.remove(row)
      file.write({ ...row, revision: row.revision - 1 })
    }
    return {
      what: placeOf(first),
      expected: [said('missing', first), ...later.map((row) => said('reordered', row))],
    }
  },
}

/** What changes nothing that anybody was told. */
export const untouching: Readonly<Record<string, (file: StoreFile, copy: string) => void>> = {
  nothing: () => undefined,
  vacuum: ({ db }) => void db.exec('VACUUM'),
  checkpoint: ({ db }) => void db.pragma('wal_checkpoint(TRUNCATE)'),
  reindex: ({ db }) => void db.exec('REINDEX; ANALYZE'),
  backup: ({ db }, copy) => void db.prepare('VACUUM INTO ?').run(copy),
}

const said = (verdict: string, { name, revision }: Row) => `${verdict} ${name} ${revision}`
const placeOf = ({ name, revision }: Row) => `${name} ${revision}`

function several(rows: readonly Row[], count: number, chance: Chance): Row[] {
  return [...new Set(Array.from({ length: count }, () => chance.pick(rows)))]
}

function newId(chance: Chance): string {
  const digits = Array.from({ length: 32 }, () => chance.between(0, 15).toString(16)).join('')
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}
