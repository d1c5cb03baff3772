/**
 * The partner-safety strand as it stands, kept in the memory of this process and level with the log. It is in no database and no
 * index. What is kept are codes, days and opaque ids; names and words are opened for the page that shows them and forgotten.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ReachUnknown, type KeptApart } from '../access/reach.ts'
import type { Recorded } from '../domain/history.ts'
import {
  partnerSafetyHistory,
  type PartnerDetails,
  type PartnerSafetyEvent,
  type PartnerSafetyFacts,
} from '../domain/partner-safety/partner-safety.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { LogFollower } from '../event-store/log-follower.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import { openedStrandEvent, strandIdOf } from '../protection/strand-sealing.ts'
import type { Vault } from '../protection/vault.ts'

/** A record, as lists show it. */
export interface StrandRecord {
  readonly strandId: string
  readonly facts: PartnerSafetyFacts
  /** The event that last said who the partner is; sealed as it is in the log. */
  readonly details: StoredEvent | null
  /** An event of it could not be read: what follows it is not known. */
  readonly isUnreadable: boolean
}

/** From the first to the longest pause after trouble, in milliseconds. */
const pausesMs = { first: 100, longest: 5_000 }
const batchSize = 500
/** How long somebody waits for the log to be read, in milliseconds. */
const patienceMs = 2_000

export class PartnerSafetyStrand implements KeptApart {
  private records = new Map<string, StrandRecord>()
  /** By worker, the participants whose strand he or she has worked on. */
  private readonly apart = new Map<string, Set<string>>()
  private upTo = -1n
  private isLevel = false
  private readonly follower: LogFollower

  constructor(
    private readonly store: Pick<EventStore, 'subscribe' | 'read' | 'readBackwards'>,
    private readonly vault: Pick<Vault, 'open'>,
  ) {
    this.follower = new LogFollower({
      follow: (signal, onProgress) => this.follow(signal, onProgress),
      onTrouble: () => undefined,
      pausesMs,
    })
  }

  stop(): Promise<void> {
    return this.follower.stop()
  }

  /** @throws ReachUnknown where the log was not read to its end in time */
  async all(): Promise<readonly StrandRecord[]> {
    await this.untilLevel()
    return [...this.records.values()]
  }

  /** Waits until what stands at a position of the log is known, within reason. */
  async catchUpTo(position: bigint): Promise<void> {
    for (const until = performance.now() + patienceMs; this.upTo < position && performance.now() < until;)
      await pause(5)
  }

  async keptFrom(actorId: string): Promise<ReadonlySet<string>> {
    await this.untilLevel()
    return this.apart.get(actorId) ?? new Set()
  }

  /** Who the partner is, as last recorded; null where nobody has, or it cannot be read. */
  detailsOf({ details }: StrandRecord): PartnerDetails | null {
    const event = details && openedStrandEvent(this.vault, details)
    return event?.type === 'PartnerRecorded' || event?.type === 'PartnerDetailsChanged' ? event.data : null
  }

  /** Every event of a record as it stands in the log, opened; those that cannot be read are left out. */
  async eventsOf(strandId: string): Promise<readonly Recorded<PartnerSafetyEvent>[]> {
    const events: Recorded<PartnerSafetyEvent>[] = []
    for await (const stored of this.store.read(`${partnerSafetyHistory.category}-${strandId}`)) {
      const event = openedStrandEvent(this.vault, stored)
      if (event) events.push(event)
    }
    return events
  }

  /** The newest events of one of the streams in which looks at the strand are kept. */
  newestIn(stream: string, most: number): Promise<readonly StoredEvent[]> {
    return Array.fromAsync(this.store.readBackwards(stream, most))
  }

  private async untilLevel(): Promise<void> {
    this.follower.start()
    for (const until = performance.now() + patienceMs; !this.isLevel;) {
      if (performance.now() > until) throw new ReachUnknown()
      await pause(5)
    }
  }

  /** From its beginning each time: a store that was put back from a copy may hold another strand than before. */
  private async follow(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const reading = new Map<string, StrandRecord>()
    const { category } = partnerSafetyHistory
    for await (const { events, upTo, caughtUp } of this.store.subscribe({
      categories: [category],
      after: null,
      batchSize,
      signal,
    })) {
      for (const event of events) this.add(reading, event)
      // Half of it must not be taken for all of it.
      if (caughtUp) this.records = reading
      if (this.records === reading) {
        this.isLevel = true
        if (upTo !== null && upTo > this.upTo) this.upTo = upTo
      }
      onProgress()
    }
  }

  private add(records: Map<string, StrandRecord>, stored: StoredEvent): void {
    const strandId = strandIdOf(stored.stream)
    const before = records.get(strandId)
    if (before?.isUnreadable) return
    const event = openedStrandEvent(this.vault, stored)
    const facts = before?.facts ?? partnerSafetyHistory.initial
    if (!event) {
      records.set(strandId, { strandId, facts, details: before?.details ?? null, isUnreadable: true })
      return
    }
    const now = partnerSafetyHistory.evolve(facts, event)
    const saysWho = event.type === 'PartnerRecorded' || event.type === 'PartnerDetailsChanged'
    const details = saysWho ? stored : (before?.details ?? null)
    records.set(strandId, { strandId, facts: now, details, isUnreadable: false })
    if (now.participantId === null) return
    for (const worker of now.workers) {
      const participants = this.apart.get(worker) ?? new Set()
      this.apart.set(worker, participants.add(now.participantId))
    }
  }
}
