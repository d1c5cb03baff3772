/** Server-sent events: one small message for every event added to a journey, and a heartbeat so that nobody in between hangs up. */
import { Injectable, type OnModuleDestroy } from '@nestjs/common'
import { PassThrough, type Readable } from 'node:stream'
import {
  catchError,
  concat,
  EMPTY,
  interval,
  map,
  merge,
  of,
  Subject,
  takeUntil,
  throwError,
  type Observable,
} from 'rxjs'

const heartbeatMs = 15_000
const comeBackMs = 3_000

@Injectable()
export class LiveStreams implements OnModuleDestroy {
  private readonly closing = new Subject<void>()

  /** Every open stream ends before the server closes, which would otherwise wait for it. */
  onModuleDestroy(): void {
    this.closing.next()
    this.closing.complete()
  }

  /**
   * @param known the revision the asker can already see; it is sent at once, so that he notices what he missed
   * @param until whoever asked may no longer know
   * @param added whose loss of the log ends the stream: the browser comes back by itself
   */
  of(known: number, added: Observable<{ revision: number }>, until: Observable<unknown>): Readable {
    const stream = new PassThrough()
    const said = merge(
      concat(
        of(`retry: ${comeBackMs}\n\n`, messageOf(known)),
        added.pipe(map(({ revision }) => messageOf(revision))),
        throwError(() => new Error('The log is no longer followed.')),
      ),
      interval(heartbeatMs).pipe(map(() => ': still here\n\n')),
    )
    const subscription = said
      .pipe(
        catchError(() => EMPTY),
        takeUntil(merge(this.closing, until)),
      )
      .subscribe({ next: (text) => stream.write(text), complete: () => stream.end() })
    stream.on('close', () => subscription.unsubscribe())
    return stream
  }
}

const messageOf = (revision: number) => `id: ${revision}\ndata: ${JSON.stringify({ revision })}\n\n`
