/** Who looked at a record, and what somebody has looked at: read from the consultation log itself. */
import { Injectable } from '@nestjs/common'
import {
  alertFrom,
  consultationAlertCategory,
  consultationByCategory,
  consultationCategory,
  lookFrom,
  type RecordedAlert,
  type RecordedLook,
} from '../domain/consultation.ts'
import { EventStore } from '../event-store/event-store.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import { ReachedCases } from './reached-cases.ts'

/** The newest looks, as many as one page shows. */
export interface Looks {
  readonly looks: readonly RecordedLook[]
  /** There are older ones that are not shown. */
  readonly more: boolean
}

/** How many looks one page shows. */
export const mostLooks = 200
/** How many lists, of anybody, are gone through for those that a record stands in. */
export const mostLists = 5_000

@Injectable()
export class Consultations {
  constructor(
    private readonly store: EventStore,
    private readonly reached: ReachedCases,
  ) {}

  /** Every look at one record, the newest first, with the lists it stood in as far back as they are gone through. */
  async of(journeyId: string): Promise<Looks & { readonly listsSince: string | null }> {
    const own = await newest(this.store.readBackwards(`${consultationCategory}-${journeyId}`, mostLooks + 1))
    const everybodys = await newest(this.store.readAllBackwards([consultationByCategory], mostLists))
    const lists = everybodys.filter(({ type, subjects }) => type === 'RecordsListed' && subjects.includes(journeyId))
    const all = [...own, ...lists].sort((one, other) => (one.recordedAt < other.recordedAt ? 1 : -1))
    return {
      looks: all.slice(0, mostLooks),
      more: all.length > mostLooks,
      listsSince: everybodys.length < mostLists ? null : everybodys.at(-1)!.recordedAt,
    }
  }

  /** Who reached for more records than is usual, the newest first. */
  async alerts(): Promise<readonly RecordedAlert[]> {
    const events = await Array.fromAsync(this.store.readAllBackwards([consultationAlertCategory], mostLooks))
    return events.map(alertFrom).filter((alert) => alert !== null)
  }

  /** What one person has looked at, the newest first. Of what is withheld from whoever asks now, only that there were lists is said. */
  async by(actorId: string): Promise<Looks> {
    const { journeys: withheld } = await this.reached.withheldCases()
    const looks = await newest(this.store.readBackwards(`${consultationByCategory}-${actorId}`, mostLooks + 1))
    const shown = looks
      .slice(0, mostLooks)
      .map((look) => ({ ...look, subjects: look.subjects.filter((id) => !withheld.has(id)) }))
      .filter(({ type, subjects }) => type === 'RecordsListed' || subjects.length > 0)
    return { looks: shown, more: looks.length > mostLooks }
  }
}

async function newest(events: AsyncIterable<StoredEvent>): Promise<readonly RecordedLook[]> {
  const looks: RecordedLook[] = []
  for await (const event of events) {
    const look = lookFrom(event)
    if (look) looks.push(look)
  }
  return looks
}
