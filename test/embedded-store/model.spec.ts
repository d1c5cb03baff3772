/**
 * Random operations on a few streams, compared with a model of forty lines. Some transactions are rolled back, and sometimes the file
 * is closed and opened again, so that a cache of the store that differs from the file is found.
 */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { WriteOutcome } from '../../src/embedded-store/storage/append.ts'
import { Appender, ExpectedRevision } from '../../src/embedded-store/storage/append.ts'
import type { SqliteConnection } from '../../src/embedded-store/storage/database.ts'
import { openDatabase } from '../../src/embedded-store/storage/database.ts'
import { EventLog, isSoftDeleted } from '../../src/embedded-store/storage/event-log.ts'
import { verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { eventIdOf } from '../../src/embedded-store/storage/event-record.ts'
import { temporaryDirectory } from '../event-store/target.ts'

type Command =
  | { kind: 'append'; stream: string; expected: number; count: number; again: boolean }
  | { kind: 'delete' | 'tombstone'; stream: string; expected: number }
  | { kind: 'metadata'; stream: string; maxCount: number | undefined; truncateBefore: number | undefined }
  | { kind: 'reopen' }
type Step = { command: Command; rolledBack: boolean }

const stream = fc.constantFrom('a-1', 'a-2', 'b')
/** -1, -2 and -4 as in ExpectedRevision; 0 to 8 exact revisions, often the right one. */
const expected = fc.constantFrom(-1, -2, -2, -4, 0, 1, 2, 3, 4, 5, 8, 99)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      stream,
      expected,
      count: fc.nat(3),
      again: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), stream, expected }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('metadata' as const),
      stream,
      maxCount: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      truncateBefore: fc.option(fc.nat(6), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tombstone' as const), stream: fc.constant('b'), expected }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ command, rolledBack: fc.integer({ min: 0, max: 5 }).map((n) => n === 0) }),
  { maxLength: 40 },
)

interface Model {
  ids: string[]
  tombstoned: boolean
  deleted: boolean
  truncateBefore: number
  maxCount: number
  /** Whether the stream has a row: because of an event or of metadata. */
  known: boolean
  last: { ids: string[]; expected: number; revision: number } | undefined
}

const fresh = (): Model => ({
  ids: [],
  tombstoned: false,
  deleted: false,
  truncateBefore: 0,
  maxCount: Infinity,
  known: false,
  last: undefined,
})

/** What the outcome should be; a success changes the model. */
function predict(model: Model, step: Exclude<Command, { kind: 'reopen' }>, ids: string[]): string {
  const current = model.ids.length - 1
  if (model.tombstoned) return 'stream_deleted'
  if (step.kind === 'metadata') {
    const before = step.truncateBefore ?? 0
    // Metadata written to a deleted stream undelete it, without its old events.
    model.truncateBefore = model.deleted ? model.ids.length : before
    model.maxCount = step.maxCount ?? Infinity
    model.deleted = false
    model.known = true
    return 'written'
  }
  if (step.expected === -4 && model.deleted) return 'stream_deleted'
  if (step.kind === 'delete' || step.kind === 'tombstone') {
    const fits =
      step.expected === -2 ||
      step.expected === current ||
      (step.expected === -4 && model.known) ||
      (step.expected === -1 && model.deleted)
    if (!fits || (step.kind === 'delete' && !model.known)) return `wrong ${current}`
    // A deleted stream loses its metadata.
    if (step.kind === 'delete') Object.assign(model, { deleted: true, maxCount: Infinity })
    else Object.assign(model, { tombstoned: true, known: true })
    return 'written'
  }
  if (step.expected === -4 && !model.known) return 'wrong -1'
  // A repeated append without an exact expected revision is matched with the newest occurrence: the same ids may be stored twice.
  const place = step.expected < -1 ? model.ids.lastIndexOf(ids[0]!) : step.expected + 1
  if (ids.length > 0 && model.ids[place] === ids[0]) return `written ${place + ids.length - 1}`
  const fits = step.expected < -1 || step.expected === current || (step.expected === -1 && model.deleted)
  if (!fits) return `wrong ${current}`
  if (ids.length === 0) return `written ${current}`
  if (model.deleted) Object.assign(model, { deleted: false, truncateBefore: model.ids.length })
  model.known = true
  model.ids.push(...ids)
  return `written ${model.ids.length - 1}`
}

const told = (outcome: WriteOutcome, withRevision: boolean) =>
  outcome.kind === 'written'
    ? withRevision
      ? `written ${outcome.revision}`
      : 'written'
    : outcome.kind === 'stream_deleted'
      ? 'stream_deleted'
      : `wrong ${outcome.current}`

const visible = (model: Model) =>
  model.deleted || model.tombstoned
    ? []
    : model.ids
        .map((id, revision) => ({ id, revision }))
        .filter(({ revision }) => revision >= model.truncateBefore && revision >= model.ids.length - model.maxCount)

it('whatever happens to a stream, the store and the model agree', async () => {
  const dataDir = await temporaryDirectory()
  let lives = 0
  try {
    fc.assert(
      fc.property(steps, (life) => {
        live(`${dataDir}/${lives++}`, life)
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 100) },
    )
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

function live(dataDir: string, life: Step[]): void {
  const models = new Map(['a-1', 'a-2', 'b'].map((name) => [name, fresh()]))
  let connection!: SqliteConnection
  let log!: EventLog
  let appender!: Appender
  const open = () => {
    connection = openDatabase(dataDir)
    connection.pragma('synchronous = OFF') // durability is not tested here
    log = new EventLog(connection)
    appender = new Appender(log)
  }
  open()
  for (const { command, rolledBack } of life) {
    if (command.kind === 'reopen') {
      connection.close()
      open()
      continue
    }
    const model = models.get(command.stream)!
    const before = structuredClone(model)
    const ids =
      command.kind !== 'append'
        ? []
        : command.again && model.last
          ? model.last.ids
          : Array.from({ length: command.count }, () => randomUUID())
    connection.exec('BEGIN IMMEDIATE')
    appender.begin()
    const outcome = apply(appender, command, ids)
    expect(told(outcome, command.kind === 'append')).toBe(predict(model, command, ids))
    if (rolledBack) {
      connection.exec('ROLLBACK')
      appender.rolledBack()
      Object.assign(model, before)
    } else {
      appender.end()
      connection.exec('COMMIT')
      log.publishCommit(appender.head, appender.changedStreams)
      if (command.kind === 'append' && ids.length > 0 && outcome.kind === 'written')
        model.last = { ids, expected: command.expected, revision: Number(outcome.revision) }
    }
    for (const [name, each] of models) expect(seen(log, name)).toEqual(visible(each))
  }
  connection.close()
  expect(verifyFile(`${dataDir}/events.sqlite`).problems).toEqual([])
}

function apply(appender: Appender, command: Exclude<Command, { kind: 'reopen' }>, ids: string[]): WriteOutcome {
  const json = (data: unknown) => Buffer.from(JSON.stringify(data))
  const event = (id: string, type: string, data: unknown) => ({
    id,
    type,
    isJson: true,
    data: json(data),
    metadata: Buffer.alloc(0),
  })
  switch (command.kind) {
    case 'append':
      return appender.append(
        command.stream,
        BigInt(command.expected),
        ids.map((id) => event(id, 'Tried', {})),
      )
    case 'metadata': {
      const rules = { $maxCount: command.maxCount, $tb: command.truncateBefore }
      return appender.append(`$$${command.stream}`, ExpectedRevision.ANY, [event(randomUUID(), '$metadata', rules)])
    }
    case 'delete':
    case 'tombstone':
      return appender[command.kind](command.stream, BigInt(command.expected))
  }
}

/** Reads in both directions, which must agree. */
function seen(log: EventLog, name: string): { id: string; revision: number }[] {
  const state = log.stream(name)
  if (!state || state.tombstoned || isSoftDeleted(state)) return []
  const told = ({ body, revision }: { body: Buffer; revision: bigint }) => ({
    id: eventIdOf(body),
    revision: Number(revision),
  })
  const forwards = log.streamForwards(name, state, 0n).events.map(told)
  expect(log.streamBackwards(name, state, state.lastRevision).events.map(told).reverse()).toEqual(forwards)
  return forwards
}
