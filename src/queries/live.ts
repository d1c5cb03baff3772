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

  /**
   * The revision of each event after the one that the asker knows. A subscription takes a while to begin, so that one from the
   * end of the stream would miss what is appended meanwhile. Carries nothing else: who wants to know more asks as usual.
   */
  after(revision: number, journeyId: string): Observable<{ revision: number }> {
    return this.store.followStream(`journey-${journeyId}`, revision).pipe(
      concatMap(({ revision, position }) => {
        const projected =
          position === null ? of(true) : from(this.readModels.waitFor(String(position), projectionPatienceMs))
        return projected.pipe(map(() => ({ revision })))
      }),
    )
  }
}
