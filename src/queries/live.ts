/** Tells who is looking at a journey that something was added to it, once the read model can show it. */
import { Injectable } from '@nestjs/common'
import { concatMap, Observable, of, from, map } from 'rxjs'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { EventStore } from '../event-store/event-store.ts'

const projectionPatienceMs = 5_000

@Injectable()
export class LiveJourneys {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
  ) {}

  /** The revision of each event appended from now on. Carries nothing else: who wants to know more asks as usual. */
  of(journeyId: string): Observable<{ revision: number }> {
    return this.store.followStream(`journey-${journeyId}`).pipe(
      concatMap(({ revision, position }) => {
        const projected =
          position === null ? of(true) : from(this.readModels.waitFor(String(position), projectionPatienceMs))
        return projected.pipe(map(() => ({ revision })))
      }),
    )
  }
}
