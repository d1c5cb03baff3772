/** Makes of a batch of events what each projection concludes from it, and has it written: rows read once, changed in memory, written once. */
import type { DomainEvent } from '../../src/domain/events.ts'
import type { Recorded } from '../../src/domain/history.ts'
import { PoisonEvent, recordedFrom } from '../../src/domain/codec.ts'
import type { EventBatch } from '../../src/event-store/batch-buffer.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import type { Vault } from '../../src/protection/vault.ts'
import type { AcquiredCheckpoint } from './checkpoint-store.ts'
import type { WriteBuffer } from '../storage/database.ts'
import type { Change, Handler, Row, Table, Value } from '../projection.ts'
import type { ReadModels, BatchWrite } from '../storage/read-models.ts'

export interface RunnerLog {
  info(about: object, message: string): void
  warn(about: object, message: string): void
}

/** So many characters are not kept for later, however few the rows. */
const heaviestUnwritten = 4_000_000

/**
 * How much of what was heard, in milliseconds, may have to be heard again after a crash where writing was put off; half as much
 * again where another was writing.
 */
const unwrittenMs = 2_000

/**
 * So many rows that batch after batch may change again are kept by each projection that is built, so that they need not be
 * read and parsed each time. With 3,000 a rebuild took 12 MB more, and no less time.
 */
const rowsKept = 2_000

/** The largest event that is taken in. The log itself takes no more than a mebibyte in one append. */
const largestEvent = 900_000

type Placed = StoredEvent & { readonly position: bigint }

/** What was understood of each event of a batch, or why nothing was: the projections that hear it share it. */
type Understood = (Recorded<DomainEvent> | Error | undefined)[]

interface Concluded {
  readonly stored: Placed
  readonly changes: readonly Change[] | Error
  /** The row each change is about, once it has been read; undefined where there is none before it. */
  places: readonly (Kept | undefined)[]
}

const nothing: readonly Change[] = []

export class BatchProcessor {
  private parts: Part[] = []

  private readonly readModels: ReadModels
  private readonly vault: Vault
  private readonly log: RunnerLog

  private constructor(readModels: ReadModels, vault: Vault, log: RunnerLog) {
    this.readModels = readModels
    this.vault = vault
    this.log = log
  }

  /** Several projections hear each batch together, and are written in one transaction. */
  static async of(
    readModels: ReadModels,
    vault: Vault,
    log: RunnerLog,
    builds: readonly AcquiredCheckpoint[],
  ): Promise<BatchProcessor> {
    const hearing = new BatchProcessor(readModels, vault, log)
    const part = async (build: AcquiredCheckpoint) =>
      new Part(
        readModels,
        build,
        await readModels.parkedStreams(build),
        await readModels.checkpointStore.isInOrder(build),
      )
    hearing.parts = await Promise.all(builds.map(part))
    return hearing
  }

  /** What one history, told again from its first event, comes to. Nothing is written. */
  static async retold(
    readModels: ReadModels,
    vault: Vault,
    log: RunnerLog,
    build: AcquiredCheckpoint,
    history: readonly Placed[],
  ): Promise<BatchWrite> {
    const part = new Part(readModels, { ...build, position: null }, new Set(), true)
    await new BatchProcessor(readModels, vault, log).hear(part, history, build.position ?? -1n, [])
    return part.step()
  }

  /** One of the builds needs to hear no more. */
  leave(build: AcquiredCheckpoint): void {
    this.parts = this.parts.filter((part) => part.build !== build)
  }

  get builds(): readonly AcquiredCheckpoint[] {
    return this.parts.map(({ build }) => build)
  }

  /** How far the slowest has written what it heard. */
  get position(): bigint | null {
    return this.builds.reduce<bigint | null>(
      (low, { position }) => (low === null || position === null ? null : position < low ? position : low),
      this.builds[0]?.position ?? null,
    )
  }

  /**
   * @param unhurried nobody waits for it: rows are then written when there are many, those that the next events go on from
   * now and then only, and with them how far they have heard
   * @throws CheckpointMoved, or what the database said; this hearing then knows no more, and is begun again from the checkpoints
   */
  async process({ events, upTo, characters }: EventBatch, unhurried = false): Promise<void> {
    const understood: Understood = []
    for (const part of this.parts) {
      if (upTo === null || upTo <= part.heard) continue
      await this.hear(part, events, upTo, understood)
      part.characters += characters
    }
    const { worthWriting } = this.readModels
    const due = this.parts.filter((part) => part.isUnwritten && !(unhurried && part.mayWait(worthWriting)))
    // Where another lane writes just now, some more is heard rather than waited.
    const hasTime = unhurried && due.every((part) => part.mayWait(worthWriting * 4, 1.5))
    await this.commit(due, hasTime)
  }

  /** Nothing more is left out of the tables that are filled: see {@link Builds.complete}. */
  async complete(): Promise<void> {
    await this.write()
    for (const part of this.parts) {
      await this.readModels.checkpointStore.complete(part.build)
      part.isInOrder = true
    }
  }

  /** Whatever was put off. @throws like {@link process} */
  async write(): Promise<void> {
    await this.commit(this.parts.filter((part) => part.isUnwritten))
  }

  private async commit(parts: readonly Part[], unlessBusy = false): Promise<void> {
    if (parts.length === 0) return
    const steps = parts.map((part) => part.step())
    const builds = await (unlessBusy ? this.readModels.commitUnlessBusy(steps) : this.readModels.commit(steps))
    if (builds) for (const [n, part] of parts.entries()) part.wrote(builds[n]!)
  }

  private async hear(part: Part, events: readonly Placed[], upTo: bigint, understood: Understood): Promise<void> {
    const { projection } = part.build
    const concluded: Concluded[] = []
    for (let n = 0; n < events.length; n++) {
      const stored = events[n]!
      if (stored.position <= part.heard || part.holds(stored.stream)) continue
      const changes = this.changesOf(part, events, n, understood)
      if (changes !== nothing) concluded.push({ stored, changes, places: [] })
    }
    await part.read(concluded)
    for (const { stored, changes, places } of concluded) {
      const { stream, revision } = stored
      if (part.holds(stream)) continue
      const failure = changes instanceof Error ? changes : part.apply(changes, places)
      if (!failure) continue
      // This history is held here and shown as held; all others go on.
      const why = failure instanceof PoisonEvent ? failure.why : 'its handler failed'
      this.log.warn({ projection: projection.name, stream, revision, why }, 'A history is held.')
      part.hold({ stream, revision, why })
    }
    part.heard = upTo
  }

  private changesOf(
    { handlers }: Part,
    events: readonly Placed[],
    n: number,
    understood: Understood,
  ): readonly Change[] | Error {
    const stored = events[n]!
    const handler = handlers.get(stored.type)
    if (handler === 'ignored') return nothing
    try {
      const event = (understood[n] ??= understandable(stored))
      // Of a type nobody knows, nothing is understood.
      return event instanceof Error ? event : handler!(event, this.vault)
    } catch (error) {
      if ((error as Error).name === 'SqliteError') throw error // the vault's fault, not the event's
      return error as Error
    }
  }
}

function understandable(stored: StoredEvent): Recorded<DomainEvent> | Error {
  const { stream, revision, type, data, metadata } = stored
  try {
    const size = sizeOf(stream) + sizeOf(type) + sizeOf(data) + sizeOf(metadata)
    if (size > largestEvent) return new PoisonEvent(stream, revision, 'it is too large')
    if (Number.isNaN(size)) return new PoisonEvent(stream, revision, 'it holds what no database can keep')
    return recordedFrom(stored)
  } catch (error) {
    return error as Error
  }
}

/**
 * How long it is as text, near enough. NaN where something in it is beyond one of the databases (a NUL, half a character, a
 * number too large): it would stop the projector there for ever.
 */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0') ? value.length : Number.NaN
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value) ? 1 : Number.NaN
  if (value === null || typeof value !== 'object') return 1
  let size = 1
  if (Array.isArray(value)) for (const inside of value) size += sizeOf(inside)
  else for (const field in value) size += field.length + sizeOf((value as Record<string, unknown>)[field])
  return size
}

/** A row that is read, or was worked out, and may be changed again. */
interface Kept {
  readonly table: Table
  row: Row | undefined
  touched: boolean
  /** How often had been written when it was last looked for. */
  usedAt: number
}

/** What one build holds in memory. */
class Part {
  build: AcquiredCheckpoint
  private readonly readModels: ReadModels
  private readonly held: Set<string>
  isInOrder: boolean
  /** By event type. A map finds the name of one that has just come from the log sooner than an object does. */
  readonly handlers: ReadonlyMap<string, Handler<DomainEvent> | 'ignored'>
  /** The rows of tables that are folded on stay at hand from batch to batch; those of others until they are written. */
  private readonly atHand = new Map<Table, Map<string, Kept>>()
  private touched: Kept[] = []
  /** Rows that nobody goes on from, and so need not be found again. */
  private readonly waiting = new Map<Table, WriteBuffer>()
  private timesWritten = 0
  private newlyHeld: BatchWrite['held'][number][] = []
  /** Up to here it has heard, whether that is written or not. */
  heard: bigint
  /** Of the events it has heard and not written, in characters. */
  characters = 0
  private writtenAt = performance.now()

  constructor(readModels: ReadModels, build: AcquiredCheckpoint, held: Set<string>, isInOrder: boolean) {
    this.readModels = readModels
    this.build = build
    this.held = held
    this.isInOrder = isInOrder
    this.handlers = new Map(Object.entries(build.projection.on as Record<string, Handler<DomainEvent> | 'ignored'>))
    this.heard = build.position ?? -1n
  }

  get isUnwritten(): boolean {
    return this.heard > (this.build.position ?? -1n)
  }

  /**
   * Where all rows are folded on, most of them are changed again soon.
   * @param few so many rows of others that they are not worth a transaction yet
   * @param patience so many times as long as usual, and as many rows that are folded on
   */
  mayWait(few: number, patience = 1): boolean {
    if (performance.now() - this.writtenAt >= unwrittenMs * patience) return false
    // What is at hand anyway is no heavier for waiting.
    if (this.build.projection.tables.every(({ foldedOn }) => foldedOn)) return this.touched.length < rowsKept * patience
    let rows = this.touched.length
    for (const { length } of this.waiting.values()) rows += length
    return rows < few && this.characters < heaviestUnwritten
  }

  holds(stream: string): boolean {
    // Asked of every event, and nearly always there is none.
    return this.held.size > 0 && this.held.has(stream)
  }

  hold(held: BatchWrite['held'][number]): void {
    this.held.add(held.stream)
    // Each event of a stream whose name no database keeps is held by itself, so it need not be known again by that name.
    this.newlyHeld.push({ ...held, stream: held.stream.replaceAll('\0', '\ufffd').toWellFormed() })
  }

  /** Reads the rows the changes will look at, many at a time, where they are not in memory. */
  async read(concluded: readonly Concluded[]): Promise<void> {
    const missing = new Map<Table, (readonly Value[])[]>()
    const placeOf = ({ table, key, whole }: Change): Kept | undefined => {
      if (table.writtenOnce || (table.onlyReplaced && !this.isInOrder)) return undefined
      const places = this.placesOf(table)
      const name = nameOf(key)
      let place = places.get(name)
      if (!place) {
        place = { table, row: undefined, touched: false, usedAt: 0 }
        places.set(name, place)
        if (!whole) {
          const keys = missing.get(table)
          if (keys) keys.push(key)
          else missing.set(table, [key])
        }
      }
      place.usedAt = this.timesWritten
      return place
    }
    for (const one of concluded) if (!(one.changes instanceof Error)) one.places = one.changes.map(placeOf)
    for (const [table, keys] of missing)
      for (const row of await this.readModels.load(this.build.tableSet, table, keys))
        this.placesOf(table).get(nameOf(table.key.map((column) => row[column] as Value)))!.row = row
  }

  private placesOf(table: Table): Map<string, Kept> {
    let places = this.atHand.get(table)
    if (!places) this.atHand.set(table, (places = new Map()))
    return places
  }

  /** All the changes of one event, or none and the reason where one of them cannot be made. */
  apply(changes: readonly Change[], places: readonly (Kept | undefined)[]): Error | undefined {
    const become: (Row | undefined)[] = []
    try {
      for (let n = 0; n < changes.length; n++) become.push(changes[n]!.become(places[n]?.row))
    } catch (error) {
      return error as Error
    }
    for (let n = 0; n < changes.length; n++) {
      const row = become[n]
      if (row === undefined) continue
      const place = places[n]
      if (!place) {
        this.waitingIn(changes[n]!.table).add(row)
        continue
      }
      place.row = row
      if (place.touched) continue
      place.touched = true
      this.touched.push(place)
    }
    return undefined
  }

  private waitingIn(table: Table): WriteBuffer {
    let waiting = this.waiting.get(table)
    if (!waiting) this.waiting.set(table, (waiting = this.readModels.waitingFor(table, this.build, this.isInOrder)))
    return waiting
  }

  /** All that was heard since the last was written. */
  step(): BatchWrite {
    const changed = new Map<Table, Row[]>()
    for (const place of this.touched) {
      const { table } = place
      if (table.conclude) place.row = table.conclude(place.row!)
      const known = changed.get(table)
      if (known) known.push(place.row!)
      else changed.set(table, [place.row!])
    }
    const { build, heard, isInOrder, newlyHeld } = this
    // No table has rows in both: those whose rows wait have none at hand.
    const rows = new Map<Table, readonly Row[] | WriteBuffer>([...this.waiting, ...changed])
    return { build, to: heard, rows, isInOrder, held: newlyHeld }
  }

  wrote(build: AcquiredCheckpoint): void {
    this.build = build
    this.writtenAt = performance.now()
    this.characters = 0
    this.newlyHeld = []
    for (const waiting of this.waiting.values()) waiting.clear()
    for (const place of this.touched) place.touched = false
    this.touched = []
    for (const [table, places] of this.atHand) {
      if (!table.foldedOn) places.clear()
      else if (places.size > rowsKept) this.letGo(places)
    }
    this.timesWritten++
  }

  /** The oldest first, but for those that were looked for since the last time. */
  private letGo(places: Map<string, Kept>): void {
    for (const [name, { usedAt }] of places) {
      if (usedAt < this.timesWritten) places.delete(name)
      if (places.size <= rowsKept) return
    }
  }
}

const textOf = (value: Value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value))

const nameOf = (key: readonly Value[]): string => (key.length === 1 ? textOf(key[0]!) : key.map(textOf).join('\0'))
