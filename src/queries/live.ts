/** Tells who is looking at a journey that something was added to it, once the read model can show it. */
import { Injectable } from '@nestjs/common'
import { concatMap, filter, from, map, Observable, of, takeUntil } from 'rxjs'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { EventStore } from '../event-store/event-store.ts'
import { LimitedCases } from '../reach/limited-cases.ts'
import { ReachedCases } from './reached-cases.ts'

const projectionPatienceMs = 5_000

@Injectable()
export class LiveJourneys {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly reached: ReachedCases,
    private readonly limited: LimitedCases,
  ) {}

  /**
   * The revision of each event after the one that the asker knows. A subscription takes a while to begin, so that one from the
   * end of the stream would miss what is appended meanwhile. Carries nothing else: who wants to know more asks as usual. It ends
   * when the journey is withheld from the asker, or that cannot be found out.
   */
  after(revision: number, journeyId: string): Observable<{ revision: number }> {
    const asker = this.reached.asker()
    const withheld = this.limited.changes.pipe(
      concatMap(() => from(this.reached.isWithheld(journeyId, asker).catch(() => true))),
      filter((isWithheld) => isWithheld),
    )
    return this.store.followStream(`journey-${journeyId}`, revision).pipe(
      concatMap(({ revision, position }) => {
        const projected =
          position === null ? of(true) : from(this.readModels.waitFor(String(position), projectionPatienceMs))
        return projected.pipe(map(() => ({ revision })))
      }),
      takeUntil(withheld),
    )
  }
}
