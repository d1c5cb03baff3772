/** Carries a contact log into the journeys: every record becomes a command, accepted, recognised or refused, in order, and the same again however often it is run. */
import { LRUCache } from 'lru-cache'
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import { BatchCommandHandler } from '../commands/batch-command-handler.ts'
import type { CommandHandlers } from '../commands/command-handlers.ts'
import { ConcurrencyConflict, type DecidedStream } from '../commands/decide-and-append.ts'
import { refuseUnstorable, type Issuer } from '../commands/event-envelope.ts'
import { sealedJourneys } from '../commands/journey-command-handler.ts'
import type { KnownCrns } from '../commands/known-crns.ts'
import { detailsFingerprint, sealedParticipants } from '../commands/participant-command-handler.ts'
import { odditiesAmong } from '../commands/unconfirmed-oddities.ts'
import { PoisonEvent } from '../domain/codec.ts'
import { Refusal, type Actor, type Source } from '../domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../domain/journey/journey.ts'
import type { OddityCode } from '../domain/journey/oddities.ts'
import type { Journey } from '../domain/journey/state.ts'
import type { Participant, TellDetails, ParticipantEvent } from '../domain/participant.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { KeyMissing, type Vault } from '../protection/vault.ts'
import { atSight, columns, commandOf, detailsOf, recorderOf, type Contact } from './contact-log.ts'
import type { NumberedRow } from './contact-log-file.ts'
import { ImportRefusals, type NewRefusal, type RefusalCount } from './import-refusals.ts'
import { ImportScratch } from './import-scratch.ts'

/** What became of one record. */
export type Verdict = 'accepted' | 'duplicate' | { readonly refused: string }

export interface Judged {
  readonly numbered: NumberedRow
  readonly verdict: Verdict
  /** What is improbable about an accepted record. Nobody is asked about it, so it is told in the totals. */
  readonly oddities: readonly OddityCode[]
}

/** Records judged together. */
const chunkSize = 1_000
/** However long the notes, a chunk is no more of the file than this in bytes (or one record). */
const chunkBytes = 2_000_000
const concurrentStreams = 64
const rememberedStreams = 4_000

/** A record that passed the checks at sight. */
interface Candidate {
  readonly numbered: NumberedRow
  readonly contact: Contact
  readonly recordId: string
  verdict: Verdict
  /** What is improbable about it, once it is accepted. */
  oddities: readonly OddityCode[]
}

interface Sighted {
  readonly numbered: NumberedRow
  /** What it says, or why it is refused. */
  readonly sight: Contact | string
}

/** Somebody else is being given a CRN of the contact log. Nothing of the chunk is registered. */
class ClaimedByAnother extends Error {
  constructor(
    readonly crn: string,
    readonly heldBy: string,
  ) {
    super('Somebody else is being given this CRN.')
  }
}

/** How long the import waits before it asks again who has a CRN that somebody else is being given, in milliseconds. */
const claimedByAnotherMs = 500

/** A journey as the next record of it is judged. */
interface JudgedOn {
  state(): Journey
  /** The records of it that this append has put into the log already. */
  readonly appended: Iterable<string>
  /** @returns what is improbable about it @throws Refusal */
  decide(command: JourneyCommand, issuer: Issuer): readonly OddityCode[]
}

/** The records of one journey in a chunk, and what was decided on them. */
class JourneyRecords {
  newRefusals: NewRefusal[] = []
  count?: RefusalCount
  decided?: DecidedStream<Journey, JourneyCommand, JourneyEvent>

  /** @param journeyId undefined where nobody was ever referred under the reference */
  constructor(
    readonly journeyId: string | undefined,
    readonly candidates: readonly Candidate[],
  ) {}

  get accepted(): Candidate[] {
    return this.candidates.filter(({ verdict }) => verdict === 'accepted')
  }

  /** Nothing of this journey can be judged now. Its records are refused in this run only: they may come again. */
  refuseAll(reason: string): void {
    for (const candidate of this.candidates) candidate.verdict = { refused: reason }
    this.newRefusals = []
    this.count = undefined
    this.decided = undefined
  }

  /** Nothing more of this journey can be written now. What was to be accepted is refused in this run only. */
  setAside(reason: string): void {
    for (const candidate of this.accepted)
      if (!this.decided?.stream.appended.has(candidate.recordId)) candidate.verdict = { refused: reason }
  }
}

/** What is told of one participant in a chunk, and the journeys whose records tell it. */
interface DecidedDetails {
  readonly of: readonly JourneyRecords[]
  readonly decided: DecidedStream<Participant, TellDetails, ParticipantEvent>
}

export class Importer {
  private readonly journeys: BatchCommandHandler<Journey, JourneyCommand, JourneyEvent>
  private readonly participants: BatchCommandHandler<Participant, TellDetails, ParticipantEvent>
  private readonly crns: KnownCrns
  private readonly scratch: ImportScratch
  private readonly refusals: ImportRefusals
  private readonly runId = randomUUID()
  /** Look-ups and digests that come again and again while a journey is in hand. */
  private readonly ids = new LRUCache<string, string>({ max: 2 * rememberedStreams })
  private readonly fingerprints = new LRUCache<string, string>({ max: rememberedStreams })

  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    private readonly vault: Vault,
    { decideAndAppend, crns }: Pick<CommandHandlers, 'decideAndAppend' | 'crns'>,
    private readonly options: {
      readonly source: Extract<Source, 'import' | 'simulator'>
      readonly scratchDir: string
      /** Judge again what earlier runs turned away, as the journeys stand now. */
      readonly reconsider?: boolean
      /** The person who sent the contact log. */
      readonly importedBy?: Actor
      /** How many records are judged together, in which nothing else goes on; 1,000 unless said. */
      readonly recordsAtOnce?: number
    },
  ) {
    this.journeys = new BatchCommandHandler(decideAndAppend, sealedJourneys, rememberedStreams)
    this.participants = new BatchCommandHandler(decideAndAppend, sealedParticipants, rememberedStreams)
    this.crns = crns
    this.scratch = new ImportScratch(options.scratchDir)
    this.refusals = new ImportRefusals(decideAndAppend, this.scratch)
  }

  /** Judges the records one after the other, in the order of the file. What is yielded is durable. */
  async *run(rows: AsyncIterable<NumberedRow> | Iterable<NumberedRow>): AsyncGenerator<readonly Judged[]> {
    await this.refusals.recall(this.store, this.options.reconsider ?? false)
    let chunk: NumberedRow[] = []
    let begun = 0
    for await (const numbered of rows) {
      chunk.push(numbered)
      if (chunk.length < (this.options.recordsAtOnce ?? chunkSize) && numbered.bytes - begun < chunkBytes) continue
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

  /** All verdicts of a chunk are known before anything of it is written; refusals are written first, then details, then journeys. */
  private async judge(chunk: readonly NumberedRow[]): Promise<readonly Judged[]> {
    const sights = chunk.map((numbered) => ({ numbered, sight: atSight(numbered) }))
    const attempt = randomUUID()
    const candidates = await this.candidatesAmong(sights, attempt)
    // By reference, not by id: equal records belong together also where the first of them came before the referral.
    const journeys = [...Map.groupBy(candidates.values(), ({ contact }) => contact.row.journey_ref)].map(
      ([reference, own]) => new JourneyRecords(this.find('reference', reference), own),
    )
    await inParallel(journeys, (records) => this.decideJourney(records))
    const details = await this.decideDetails(journeys)
    // Durable before anything accepted after them is, so that a run cut short judges alike when it is repeated.
    await this.refusals.write(journeys.flatMap(({ newRefusals }) => newRefusals))
    await inParallel(details, (participant) => this.appendDetails(participant))
    await inParallel(journeys, (records) => this.appendJourney(records))
    await this.settleCrns(candidates.values(), attempt)
    this.scratch.inOneTransaction(() => {
      for (const { journeyId, candidates, count } of journeys) {
        count?.keep()
        if (journeyId && candidates.some(({ verdict }) => typeof verdict === 'string'))
          this.scratch.addJourney(journeyId)
      }
    })
    return sights.map(({ numbered, sight }): Judged => {
      if (typeof sight === 'string') return { numbered, verdict: { refused: sight }, oddities: [] }
      const { verdict, oddities } = candidates.get(numbered)!
      return { numbered, verdict, oddities: verdict === 'accepted' ? oddities : [] }
    })
  }

  /** The records that passed the checks at sight. The CRNs of those who are referred are claimed until the chunk is written. */
  private async candidatesAmong(sights: readonly Sighted[], attempt: string): Promise<Map<NumberedRow, Candidate>> {
    for (;;) {
      try {
        return await this.vault.whenFree(() =>
          this.vault.together(() => {
            const candidates = new Map<NumberedRow, Candidate>()
            for (const { numbered, sight } of sights)
              if (typeof sight !== 'string') candidates.set(numbered, this.candidateFor(numbered, sight, attempt))
            return candidates
          }),
        )
      } catch (error) {
        if (!(error instanceof ClaimedByAnother)) throw error
        const whose = await this.crns.askTheLog(error.crn, error.heldBy)
        if (whose === 'may become his') await pause(claimedByAnotherMs)
      }
    }
  }

  private candidateFor(numbered: NumberedRow, contact: Contact, attempt: string): Candidate {
    const { row } = numbered
    if (contact.kind === 'Referral') {
      if (!this.find('reference', row.journey_ref)) this.journeys.expect(this.vault.journey(row.journey_ref))
      const isNew = this.vault.find('crn', row.crn) === undefined
      const claimed = this.vault.crnClaims.forReferral(row.crn, attempt)
      if ('heldBy' in claimed) throw new ClaimedByAnother(row.crn, claimed.heldBy)
      this.ids.set(`crn ${row.crn}`, claimed.id)
      if (isNew) this.participants.expect(claimed.id)
    }
    const recordId = this.vault.uuidFor('contact-record', JSON.stringify(columns.map((column) => row[column])))
    return { numbered, contact, recordId, verdict: 'duplicate', oddities: [] }
  }

  /** A CRN that somebody corrected while a referral under it was in hand may have been told of again: the log knows. */
  private async settleCrns(candidates: Iterable<Candidate>, attempt: string): Promise<void> {
    for (const { contact } of candidates) {
      if (contact.kind !== 'Referral') continue
      const id = this.find('crn', contact.row.crn)!
      if (this.vault.find('crn', contact.row.crn) !== id) await this.crns.bringInLine(id)
    }
    await this.vault.whenFree(() => this.vault.crnClaims.drop(attempt))
  }

  private async decideJourney(records: JourneyRecords): Promise<void> {
    const { journeyId } = records
    if (journeyId === undefined) {
      // Nobody was ever referred under this reference: the rules of an empty journey say what that means.
      this.judgeInOrder(records, {
        state: () => journeyHistory.initial,
        appended: [],
        decide: (command) => {
          journeyHistory.decide(journeyHistory.initial, command)
          return []
        },
      })
      return
    }
    try {
      records.decided = await this.journeys.decide(journeyId, (stream) =>
        this.judgeInOrder(records, {
          state: () => stream.after.state,
          appended: stream.appended.keys(),
          decide: (command, issuer) => {
            let odd: readonly OddityCode[] = []
            stream.decide(command, issuer, (state, events) => {
              odd = odditiesAmong(state, events, command).map(({ code }) => code)
              return [] // Nobody is asked: they are counted, and nobody has confirmed them.
            })
            return odd
          },
        }),
      )
    } catch (error) {
      const reason = unrecordable(error)
      if (!reason) throw error
      records.refuseAll(reason)
    }
  }

  private judgeInOrder(records: JourneyRecords, journey: JudgedOn): void {
    records.count = this.refusals.count()
    records.newRefusals = []
    const appendedBefore = new Set(journey.appended)
    for (const candidate of records.candidates) {
      const { recordId, contact } = candidate
      if (appendedBefore.delete(recordId)) candidate.verdict = 'accepted'
      else if (journey.state().handled.has(recordId)) candidate.verdict = 'duplicate'
      else {
        const before = records.count.refusedBefore(recordId)
        candidate.verdict = before === undefined ? this.decided(candidate, journey) : { refused: before }
        if (before === undefined && typeof candidate.verdict === 'object') {
          const occurrence = records.count.add(recordId)
          const { occurredOn, recordedOn } = contact
          const context = { occurredOn, recordedOn }
          const issuer = this.issuerOf(contact)
          records.newRefusals.push({ recordId, occurrence, reason: candidate.verdict.refused, context, issuer })
        }
      }
    }
  }

  private decided(candidate: Candidate, journey: JudgedOn): Verdict {
    const { contact, recordId } = candidate
    try {
      const participantId = this.find('crn', contact.row.crn)
      const command = commandOf(contact, recordId, participantId ?? '', this.veil)
      const known = journey.state().participantId
      if (command.type !== 'Refer' && known !== null && known !== participantId) {
        throw new Refusal('wrong_participant', 'This journey is another participant’s.')
      }
      refuseUnstorable({ type: 'ParticipantRegistered', data: this.detailsOf(contact) })
      candidate.oddities = journey.decide(command, this.issuerOf(contact))
      return 'accepted'
    } catch (error) {
      if (error instanceof Refusal) return { refused: error.code }
      throw error
    }
  }

  /**
   * Details go to the log before the journeys: a journey never names a participant the log does not know, and a run cut short
   * between the two writes them again.
   */
  private async decideDetails(journeys: readonly JourneyRecords[]): Promise<DecidedDetails[]> {
    const accepted = journeys.flatMap((of) =>
      of.accepted.map((candidate) => ({ of, candidate, participantId: of.decided!.stream.after.state.participantId! })),
    )
    accepted.sort((one, other) => one.candidate.numbered.line - other.candidate.numbered.line)
    const decided: DecidedDetails[] = []
    await inParallel(
      [...Map.groupBy(accepted, ({ participantId }) => participantId)],
      async ([participantId, records]) => {
        const of = [...new Set(records.map(({ of }) => of))]
        const candidates = records.map(({ candidate }) => candidate)
        try {
          decided.push({
            of,
            decided: await this.participants.decide(participantId, (participant) => {
              // The details of a chunk go to the log together: where the last that changed anything is there, all are.
              const { handled } = participant.folded.state
              const last = candidates.findLastIndex(({ recordId }) => handled.has(recordId))
              for (const { contact, recordId } of candidates.slice(last + 1)) {
                const { occurredOn, recordedOn } = contact
                const data = this.detailsOf(contact)
                const context = { commandId: recordId, occurredOn, recordedOn, copied: true } as const
                const command = { type: 'TellDetails', ...context, data } as const
                participant.decide(command, this.issuerOf(contact))
              }
            }),
          })
        } catch (error) {
          const reason = unrecordable(error)
          if (!reason) throw error
          for (const records of of) records.refuseAll(reason)
        }
      },
    )
    return decided
  }

  private async appendDetails({ of, decided }: DecidedDetails): Promise<void> {
    try {
      await this.participants.append(decided)
    } catch (error) {
      const reason = unrecordable(error)
      if (!reason) throw error
      for (const records of of) records.setAside(reason)
    }
  }

  private async appendJourney(records: JourneyRecords): Promise<void> {
    if (!records.decided || records.accepted.length === 0) return
    try {
      // Whoever recorded something on this journey meanwhile was first: what the log says is judged again on top of it.
      await this.journeys.append(records.decided, () => this.refusals.write(records.newRefusals))
    } catch (error) {
      const reason = unrecordable(error)
      if (!reason) throw error
      records.setAside(reason)
    }
  }

  private find(kind: 'crn' | 'reference', value: string): string | undefined {
    const key = `${kind} ${value}`
    const known = this.ids.get(key) ?? this.vault.find(kind, value)
    if (known !== undefined) this.ids.set(key, known)
    return known
  }

  private detailsOf(contact: Contact): TellDetails['data'] {
    const details = detailsOf(contact)
    const key = Object.values(details).join('\0')
    const fingerprint = this.fingerprints.get(key) ?? detailsFingerprint(this.vault, details)
    this.fingerprints.set(key, fingerprint)
    return { ...details, fingerprint }
  }

  private issuerOf({ row, recordedAt }: Contact): Issuer {
    const by = { id: recorderOf(row, this.veil), role: 'not-stated', organisation: 'contact-log' }
    return { by, importedBy: this.options.importedBy, source: this.options.source, recordedAt, run: this.runId }
  }

  private veil = (text: string): string => `veiled-${this.vault.token('code', text).toString('hex').slice(0, 12)}`
}

/**
 * Why nothing can be written on one stream for now, where that is no fault of the import: its records are refused in this
 * run only, and the others go in.
 */
function unrecordable(error: unknown): string | undefined {
  if (error instanceof PoisonEvent) return 'journey_unreadable'
  if (error instanceof KeyMissing) return 'key_missing'
  if (error instanceof ConcurrencyConflict) return 'busy'
  return undefined
}

async function inParallel<T>(things: readonly T[], work: (thing: T) => Promise<void>): Promise<void> {
  const limit = pLimit(concurrentStreams)
  try {
    await limit.map(things, work)
  } catch (error) {
    limit.clearQueue()
    throw error
  }
}
