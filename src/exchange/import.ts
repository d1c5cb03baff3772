/** Carries a contact log into the journeys: every record accepted, recognised or refused, in order, and the same again however often it is run. */
import Database from 'better-sqlite3'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { CommandHandler, fingerprintOf, keyOfJourney, type Issuer } from '../commands/command-handler.ts'
import type { DomainEvent } from '../domain/events.ts'
import {
  Refusal,
  type History,
  type Metadata,
  type Recorded,
  type Source,
  type CommandContext,
} from '../domain/history.ts'
import type { ImportEvent } from '../domain/import-record.ts'
import { journeyHistory, type JourneyEvent } from '../domain/journey/journey.ts'
import type { Journey } from '../domain/journey/state.ts'
import { participantHistory, type Details, type Participant, type ParticipantEvent } from '../domain/participant.ts'
import { schemaVersionOf } from '../domain/upcasting.ts'
import { ConcurrencyConflict, type EventStore, type NewEvent } from '../event-store/event-store.ts'
import type { Vault } from '../protection/vault.ts'
import { v5 as uuidv5 } from 'uuid'
import { atSight, commandOf, columns, detailsOf, recorderOf, type Contact, type NumberedRow } from './contact-log.ts'

/** What became of one record. */
export type Verdict = 'accepted' | 'duplicate' | { readonly refused: string }

export interface Judged {
  readonly numbered: NumberedRow
  readonly verdict: Verdict
}

const chunkSize = 1_000
/** However long the notes, a chunk is no more of the file than this (or one record). */
const chunkBytes = 2_000_000
const concurrentAppends = 64
const cachedHistories = 4_000
const tries = 5

/** The one stream that remembers what imports turned away. */
const registerOfRefusals = 'import-00000000-0000-8000-8000-000000000001'

/** A record of the chunk that passed the checks at sight, and the journey it belongs to if that is known at all. */
interface Item {
  readonly numbered: NumberedRow
  readonly contact: Contact
  readonly recordId: string
  readonly journeyId: string | undefined
  verdict?: Verdict
}

interface Folded<S> {
  readonly state: S
  readonly revision: number
}

interface Decided {
  readonly item: Item
  readonly telling: CommandContext
  readonly events: readonly JourneyEvent[]
  readonly participantId: string
}

export class Importer {
  private readonly journeys = new Cache<Folded<Journey>>(cachedHistories)
  private readonly participants = new Cache<Folded<Participant>>(cachedHistories)
  /** Look-ups and digests that come again and again while a journey is in hand. */
  private readonly ids = new Cache<string>(2 * cachedHistories)
  private readonly fingerprints = new Cache<string>(cachedHistories)
  private readonly scratch: Scratch
  private registerRevision = -1

  constructor(
    private readonly store: Pick<EventStore, 'read' | 'append'>,
    private readonly vault: Vault,
    private readonly commands: CommandHandler,
    private readonly options: {
      readonly source: Extract<Source, 'import' | 'simulator'>
      readonly scratchDir: string
      /** Judge again what earlier runs turned away, as the journeys stand now. */
      readonly reconsider?: boolean
    },
  ) {
    this.scratch = new Scratch(options.scratchDir)
  }

  /** Judges the records one after the other, in the order of the file. What is yielded is durable. */
  async *run(rows: AsyncIterable<NumberedRow> | Iterable<NumberedRow>): AsyncGenerator<readonly Judged[]> {
    await this.recallRefusals()
    let chunk: NumberedRow[] = []
    let begun = 0
    for await (const numbered of rows) {
      chunk.push(numbered)
      if (chunk.length < chunkSize && numbered.bytes - begun < chunkBytes) continue
      yield await this.judge(chunk)
      chunk = []
      begun = numbered.bytes
    }
    if (chunk.length > 0) yield await this.judge(chunk)
  }

  /** The journeys this log has something accepted of, a few at a time. */
  *journeysSeen(atOnce = 500): Generator<readonly string[]> {
    yield* this.scratch.journeys(atOnce)
  }

  close(): void {
    this.scratch.close()
  }

  /** What was turned away before is turned away again for the same reason, whatever has become of the journey since. */
  private async recallRefusals(): Promise<void> {
    for await (const { data, revision } of this.store.read(registerOfRefusals)) {
      const { recordId, occurrence, reason } = data as ImportEvent['data']
      if (!this.options.reconsider) this.scratch.remember(recordId, occurrence, reason)
      this.registerRevision = revision
    }
  }

  private async judge(chunk: readonly NumberedRow[]): Promise<readonly Judged[]> {
    const sights = chunk.map((numbered) => ({ numbered, sight: atSight(numbered) }))
    const items = new Map<NumberedRow, Item>()
    this.vault.together(() => {
      for (const { numbered, sight } of sights)
        if (typeof sight !== 'string') items.set(numbered, this.itemFor(numbered, sight))
    })
    const tasks = [...Map.groupBy(items.values(), (item) => item.journeyId).entries()]
    // First the records of journeys nobody has heard of, then the others: all verdicts of a chunk before anything is written.
    await inParallel(tasks, ([journeyId]) => this.foldJourney(journeyId))
    const decided = tasks.flatMap(([journeyId, own]) => this.decide(journeyId, own))
    await this.writeRefusals(items.values())
    await this.tellDetails(decided)
    await inParallel(
      [...Map.groupBy(decided, ({ item }) => item.journeyId!).entries()].filter(([, own]) => own.length > 0),
      ([journeyId, own]) => this.append(journeyId, own),
    )
    this.scratch.together(() => {
      for (const item of items.values())
        if (item.journeyId && typeof item.verdict === 'string') this.scratch.seeJourney(item.journeyId)
    })
    return sights.map(({ numbered, sight }) => ({
      numbered,
      verdict: typeof sight === 'string' ? { refused: sight } : items.get(numbered)!.verdict!,
    }))
  }

  private itemFor(numbered: NumberedRow, contact: Contact): Item {
    const { row } = numbered
    const recordId = this.vault.uuidFor('contact-record', JSON.stringify(columns.map((column) => row[column])))
    let journeyId = this.find('reference', row.journey_ref)
    if (contact.kind === 'Referral') {
      if (!journeyId) {
        journeyId = this.vault.journey(row.journey_ref)
        this.journeys.set(journeyId, { state: journeyHistory.initial, revision: -1 })
      }
      if (!this.find('crn', row.crn)) {
        this.participants.set(this.vault.participant(row.crn), { state: participantHistory.initial, revision: -1 })
      }
    }
    return { numbered, contact, recordId, journeyId }
  }

  private decide(journeyId: string | undefined, items: readonly Item[]): Decided[] {
    const start = journeyId === undefined ? undefined : this.journeys.get(journeyId)
    let state = start?.state ?? journeyHistory.initial
    let revision = start?.revision ?? -1
    const decided: Decided[] = []
    for (const item of items) {
      if (state.handled.has(item.recordId)) {
        item.verdict = 'duplicate'
        continue
      }
      const before = this.scratch.refusedBefore(item.recordId)
      if (before !== undefined) {
        item.verdict = { refused: before }
        continue
      }
      try {
        const participantId = this.find('crn', item.contact.row.crn)
        const command = commandOf(item.contact, item.recordId, participantId ?? '', this.veil)
        if (command.type !== 'Refer' && state.participantId !== null && state.participantId !== participantId) {
          throw new Refusal('wrong_participant', 'This journey is another participant’s.')
        }
        const events = journeyHistory.decide(state, command)
        for (const event of events) {
          revision++
          state = journeyHistory.evolve(state, recordedAs(event, revision, command))
        }
        item.verdict = 'accepted'
        decided.push({ item, telling: command, events, participantId: state.participantId! })
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        item.verdict = { refused: error.code }
        this.scratch.refuse(item.recordId, error.code)
      }
    }
    return decided
  }

  /** The refusals of the chunk are durable before anything accepted after them is, so that a run cut short judges alike. */
  private async writeRefusals(items: Iterable<Item>): Promise<void> {
    const news = this.scratch.newRefusals()
    if (news.length === 0) return
    const byRecord = Map.groupBy(items, (item) => item.recordId)
    const events = news.map(({ recordId, occurrence, reason }): NewEvent => {
      const { contact } = byRecord.get(recordId)![0]!
      const commandId = uuidv5(`refused ${occurrence}`, recordId)
      return {
        id: uuidv5('0', commandId),
        type: 'ContactRefused',
        data: { recordId, occurrence, reason } satisfies ImportEvent['data'],
        metadata: {
          commandId,
          actor: this.tellerOf(contact).by,
          occurredAt: contact.occurredOn,
          recordedAt: contact.recordedAt,
          schemaVersion: schemaVersionOf('ContactRefused'),
          correlationId: commandId,
          causationId: commandId,
          source: this.options.source,
        } satisfies Metadata,
      }
    })
    const { revision } = await this.store.append(registerOfRefusals, this.registerRevision, events)
    this.registerRevision = revision
  }

  /** Details first: a journey never names a participant the log does not know, and a run cut short between the two tells them again. */
  private async tellDetails(decided: readonly Decided[]): Promise<void> {
    const inOrder = decided.toSorted((one, other) => one.item.numbered.line - other.item.numbered.line)
    const tellings = inOrder.map(({ item, telling, participantId }) => {
      const details = detailsOf(item.contact)
      return { item, telling, participantId, data: { ...details, fingerprint: this.fingerprint(details) } }
    })
    await inParallel(
      [...Map.groupBy(tellings, ({ participantId }) => participantId).entries()],
      async ([participantId, own]) => {
        for (let attempt = 1; ; attempt++) {
          let { state, revision } = await this.folded(this.participants, participantHistory, participantId)
          const stream = `participant-${participantId}`
          const expected = revision
          const news: NewEvent[] = []
          // A chunk's tellings go to the log together: where the last of them that changed anything is there, all were heard.
          const heard = own.findLastIndex(({ telling }) => state.handled.has(telling.commandId))
          for (const { item, telling, data } of own.slice(heard + 1)) {
            const events = participantHistory.decide(state, { type: 'TellDetails', ...telling, data })
            for (const event of events)
              state = participantHistory.evolve(state, recordedAs<ParticipantEvent>(event, ++revision, telling))
            if (events.length > 0)
              news.push(...this.commands.written(stream, events, telling, this.tellerOf(item.contact), participantId))
          }
          try {
            if (news.length > 0) await this.store.append(stream, expected, news)
            this.participants.set(participantId, { state, revision })
            return
          } catch (error) {
            this.participants.delete(participantId)
            if (!(error instanceof ConcurrencyConflict) || attempt === tries) throw error
          }
        }
      },
    )
  }

  private async append(journeyId: string, decided: readonly Decided[]): Promise<void> {
    let current = decided
    for (let attempt = 1; ; attempt++) {
      const start = this.journeys.get(journeyId) ?? (await this.foldJourney(journeyId))!
      const stream = `journey-${journeyId}`
      let { state, revision } = start
      const news: NewEvent[] = []
      for (const { item, telling, events } of current) {
        const keyId = keyOfJourney(state, events)
        for (const event of events) state = journeyHistory.evolve(state, recordedAs(event, ++revision, telling))
        news.push(...this.commands.written(stream, events, telling, this.tellerOf(item.contact), keyId))
      }
      try {
        let expected = start.revision
        for (const slice of slices(news)) expected = (await this.store.append(stream, expected, slice)).revision
        this.journeys.set(journeyId, { state, revision })
        return
      } catch (error) {
        this.journeys.delete(journeyId)
        if (!(error instanceof ConcurrencyConflict) || attempt === tries) throw error
        // Somebody recorded something on this journey meanwhile: what the log says is judged again on top of it.
        await this.foldJourney(journeyId)
        const items = decided.map(({ item }) => item)
        current = this.decide(journeyId, items)
        for (const item of items) if (item.verdict === 'duplicate') item.verdict = 'accepted' // this run wrote it a moment ago
        await this.writeRefusals(items)
      }
    }
  }

  private find(kind: 'crn' | 'reference', value: string): string | undefined {
    const key = `${kind} ${value}`
    const known = this.ids.get(key) ?? this.vault.find(kind, value)
    if (known !== undefined) this.ids.set(key, known)
    return known
  }

  private fingerprint(details: Required<Details>): string {
    const key = Object.values(details).join('\0')
    const known = this.fingerprints.get(key) ?? fingerprintOf(this.vault, details)
    this.fingerprints.set(key, known)
    return known
  }

  private foldJourney = async (journeyId: string | undefined): Promise<Folded<Journey> | undefined> =>
    journeyId === undefined ? undefined : this.folded(this.journeys, journeyHistory, journeyId)

  private async folded<S, C, E extends DomainEvent>(
    cache: Cache<Folded<S>>,
    history: History<S, C, E>,
    id: string,
  ): Promise<Folded<S>> {
    const known = cache.get(id) ?? (await this.commands.fold(history, id))
    cache.set(id, known)
    return known
  }

  private tellerOf({ row, recordedAt }: Contact): Issuer {
    const organisation = 'contact-log'
    return {
      by: { id: recorderOf(row, this.veil), role: 'not-stated', organisation },
      source: this.options.source,
      recordedAt,
    }
  }

  private veil = (text: string): string => `veiled-${this.vault.token('code', text).toString('hex').slice(0, 12)}`
}

/** A new event as it will stand in its stream, for folding on before it is read back. */
const recordedAs = <E>(event: E, revision: number, { commandId, occurredOn }: CommandContext): Recorded<E> =>
  ({
    ...event,
    id: '',
    stream: '',
    revision,
    metadata: { commandId, occurredAt: occurredOn },
  }) as unknown as Recorded<E>

/** The store takes at most a mebibyte in one append: many events of one journey go in several, in order. */
function* slices(events: readonly NewEvent[]): Generator<readonly NewEvent[]> {
  let slice: NewEvent[] = []
  let bytes = 0
  for (const event of events) {
    const size = JSON.stringify(event.data).length + 1_000
    if (slice.length > 0 && bytes + size > 700_000) {
      yield slice
      slice = []
      bytes = 0
    }
    slice.push(event)
    bytes += size
  }
  if (slice.length > 0) yield slice
}

async function inParallel<T>(things: readonly T[], work: (thing: T) => Promise<unknown>): Promise<void> {
  const queue = things.values()
  const worker = async () => {
    for (const thing of queue) await work(thing)
  }
  await Promise.all(Array.from({ length: Math.min(concurrentAppends, things.length) }, worker))
}

/** The histories used last. */
class Cache<V> {
  private readonly entries = new Map<string, V>()

  constructor(private readonly limit: number) {}

  get(id: string): V | undefined {
    const value = this.entries.get(id)
    if (value !== undefined) {
      this.entries.delete(id)
      this.entries.set(id, value)
    }
    return value
  }

  set(id: string, value: V): void {
    this.entries.delete(id)
    if (this.entries.size >= this.limit) this.entries.delete(this.entries.keys().next().value!)
    this.entries.set(id, value)
  }

  delete(id: string): void {
    this.entries.delete(id)
  }
}

/** What one run must remember of its own file, on disk so that memory stays level: keyed digests and opaque ids, nothing else. */
class Scratch {
  private readonly db: Database.Database
  private readonly file: string
  private readonly statements
  private fresh: { recordId: string; occurrence: number; reason: string }[] = []

  constructor(dir: string) {
    this.file = join(dir, 'import-scratch.sqlite')
    this.remove()
    this.db = new Database(this.file)
    this.db.pragma('journal_mode = OFF')
    this.db.pragma('synchronous = OFF')
    this.db.pragma('locking_mode = EXCLUSIVE')
    this.db.exec(`
      CREATE TABLE refused (record_id TEXT, occurrence INTEGER, reason TEXT NOT NULL, PRIMARY KEY (record_id, occurrence)) STRICT, WITHOUT ROWID;
      CREATE TABLE met (record_id TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE journey (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    `)
    this.statements = {
      refused: this.db.prepare<[string, number], { reason: string }>(
        'SELECT reason FROM refused WHERE record_id = ? AND occurrence = ?',
      ),
      refuse: this.db.prepare('INSERT OR IGNORE INTO refused VALUES (?, ?, ?)'),
      met: this.db.prepare<[string], { times: number }>('SELECT times FROM met WHERE record_id = ?'),
      meet: this.db.prepare('INSERT INTO met VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1'),
      seeJourney: this.db.prepare('INSERT OR IGNORE INTO journey VALUES (?)'),
    }
  }

  together(work: () => void): void {
    this.db.transaction(work)()
  }

  remember(recordId: string, occurrence: number, reason: string): void {
    this.statements.refuse.run(recordId, occurrence, reason)
  }

  /** The reason for which this appearance of the record was refused in an earlier run; counts the appearance if it was. */
  refusedBefore(recordId: string): string | undefined {
    const occurrence = (this.statements.met.get(recordId)?.times ?? 0) + 1
    const before = this.statements.refused.get(recordId, occurrence)
    if (before) this.statements.meet.run(recordId)
    return before?.reason
  }

  refuse(recordId: string, reason: string): void {
    const occurrence = (this.statements.met.get(recordId)?.times ?? 0) + 1
    this.statements.meet.run(recordId)
    this.statements.refuse.run(recordId, occurrence, reason)
    this.fresh.push({ recordId, occurrence, reason })
  }

  newRefusals() {
    const fresh = this.fresh
    this.fresh = []
    return fresh
  }

  seeJourney(id: string): void {
    this.statements.seeJourney.run(id)
  }

  *journeys(atOnce: number): Generator<readonly string[]> {
    const page = this.db.prepare<[string, number], { id: string }>(
      'SELECT id FROM journey WHERE id > ? ORDER BY id LIMIT ?',
    )
    for (let after = ''; ;) {
      const ids = page.all(after, atOnce).map(({ id }) => id)
      if (ids.length === 0) return
      yield ids
      after = ids.at(-1)!
    }
  }

  close(): void {
    this.db.close()
    this.remove()
  }

  private remove(): void {
    rmSync(this.file, { force: true })
  }
}
