/**
 * Carries what groups and sessions say to the journeys they say it of. Its position is kept after the journeys were told, so that
 * a process killed in between tells them again, and a journey that was told adds nothing: each is told once.
 */
import { BehaviorSubject, filter, firstValueFrom, map, race, timer } from 'rxjs'
import { isCarried, type CarryToJourney } from '../commands/carry-to-journey.ts'
import { PoisonEvent } from '../domain/codec.ts'
import { Refusal } from '../domain/history.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { LogFollower } from '../event-store/log-follower.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import type { CarryingJournal, NotCarried } from './carrying-journal.ts'

/** The categories of streams that have something to say to journeys. */
export const carriedCategories: readonly string[] = ['group', 'session']

/** How many events are taken in hand at once. Those of one journey are carried in order, those of several beside one another. */
const batchSize = 200

/** From the first to the longest pause after trouble, in milliseconds. */
const pausesMs = { first: 100, longest: 5_000 }

/** What the carrier says when something goes wrong: nothing personal. */
export interface CarrierLog {
  warn(facts: object, message: string): void
}

export class RegisterCarrier {
  private readonly reached: BehaviorSubject<bigint>
  private readonly follower = new LogFollower({
    follow: (signal, onProgress) => this.follow(signal, onProgress),
    onTrouble: (error, failures) =>
      this.log.warn(
        { name: (error as Error).name, failures },
        'What registers say could not be carried to the journeys and will be carried again.',
      ),
    pausesMs,
  })

  constructor(
    private readonly store: EventStore,
    private readonly toJourney: CarryToJourney,
    private readonly journal: CarryingJournal,
    private readonly log: CarrierLog,
  ) {
    this.reached = new BehaviorSubject(journal.position ?? -1n)
  }

  /** Follows the log until stopped. What was not carried before is tried once more. */
  start(): void {
    this.follower.start()
  }

  /** Resolves when what is in hand is carried and its position kept. */
  stop(): Promise<void> {
    return this.follower.stop()
  }

  /** Everything up to this position in the log was carried or could not be; below 0 before anything was. */
  get position(): bigint {
    return this.reached.value
  }

  /** @returns true once everything up to the position was carried or could not be; false when that took longer than `ms` */
  async waitFor(position: bigint, ms: number): Promise<boolean> {
    if (this.position >= position) return true
    return firstValueFrom(
      race(
        this.reached.pipe(
          filter((reached) => reached >= position),
          map(() => true),
        ),
        timer(ms).pipe(map(() => false)),
      ),
    )
  }

  /** What the journeys would not take, of one stream or of all. */
  notCarried(stream?: string): readonly NotCarried[] {
    return this.journal.notCarried(stream)
  }

  /** Tries again what could not be carried, of one stream or of all. @returns how many of them still cannot */
  async carryAgain(stream?: string): Promise<number> {
    const again = this.journal.notCarried(stream)
    const events = await Promise.all(again.map(({ stream: name, revision }) => this.store.readRange(name, revision, 1)))
    await this.carryAll(events.flat(), null)
    return this.journal.notCarried(stream).length
  }

  private async follow(signal: AbortSignal, onProgress: () => void): Promise<void> {
    await this.carryAgain()
    const after = await this.whereItLeftOff()
    for await (const batch of this.store.follow({ categories: carriedCategories, after, batchSize, signal })) {
      await this.carryAll(batch.events, batch.upTo)
      onProgress()
      if (batch.upTo !== null && batch.upTo > this.position) this.reached.next(batch.upTo)
    }
  }

  /** A log that was put back from a backup is shorter than what was read of it: it is then worked through from its beginning. */
  private async whereItLeftOff(): Promise<bigint | null> {
    const { position } = this.journal
    return position !== null && position <= (await this.store.headPosition()) ? position : null
  }

  /** @throws where something failed that is no rule's: nothing is kept then, and all of it is carried again */
  private async carryAll(events: readonly StoredEvent[], upTo: bigint | null): Promise<void> {
    const toCarry = events.filter(({ type }) => isCarried(type))
    const carried: string[] = []
    const notCarried: NotCarried[] = []
    const byJourney = [...Map.groupBy(toCarry, journeyIdOf)]
    const outcomes = await Promise.allSettled(
      byJourney.map(async ([journeyId, its]) => {
        for (const event of its) {
          const refused = await this.refusalOf(event)
          if (refused === null) carried.push(event.id)
          else {
            const { id: eventId, stream, revision } = event
            notCarried.push({ eventId, stream, revision, journeyId, ...refused })
          }
        }
      }),
    )
    const failed = outcomes.find(({ status }) => status === 'rejected')
    if (failed) throw (failed as PromiseRejectedResult).reason
    if (upTo !== null || toCarry.length > 0) this.journal.settle(upTo, carried, notCarried)
  }

  /** Why the journey does not take it; null where it does. */
  private async refusalOf(event: StoredEvent): Promise<Pick<NotCarried, 'code' | 'why'> | null> {
    try {
      await this.toJourney.carry(event)
      return null
    } catch (error) {
      if (error instanceof Refusal) return { code: error.code, why: error.message }
      if (error instanceof PoisonEvent) return { code: 'unreadable', why: error.message }
      throw error
    }
  }
}

const journeyIdOf = ({ data }: StoredEvent): string => {
  const { journeyId } = (data ?? {}) as { journeyId?: unknown }
  return typeof journeyId === 'string' ? journeyId : ''
}
