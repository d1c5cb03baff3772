/** Names the command, calls its handler, and leads on; a refusal comes back as an error at the field that mends it. */
import { Injectable } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { ConcurrencyConflict, StaleRevision, StoreUnavailable } from '../../commands/decide-and-append.ts'
import { JourneyCommandHandler } from '../../commands/journey-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import { Refusal } from '../../domain/history.ts'
import type { JourneyCommand } from '../../domain/journey/journey.ts'
import type { JourneyPage } from '../layout/journey-page.ts'
import type { FormError } from './form.ts'

type Data<T extends JourneyCommand['type']> = Extract<JourneyCommand, { type: T }>['data']

interface Told {
  readonly occurredOn: Day
  readonly commandId: string
  /** The revision the teller was looking at, where the command answers what the record said then. */
  readonly expectedRevision?: number
}

/** Which control mends a refusal, by its code. */
export type Mends = Readonly<Record<string, string>>

@Injectable()
export class Telling {
  constructor(private readonly commands: JourneyCommandHandler) {}

  /** @returns the error to show, or null when the reply leads on to the timeline */
  async tell<T extends JourneyCommand['type']>(
    page: JourneyPage,
    reply: FastifyReply,
    command: T,
    data: Data<T>,
    told: Told,
    { done, mends, otherwise }: { done: string; mends: Mends; otherwise: string },
  ): Promise<FormError | null> {
    try {
      // The signature above ties the data to the command; the compiler loses the tie between the two generics.
      const written = await this.commands.execute(page.journeyId, command, data as never, {
        ...told,
        by: page.as,
        source: 'ui',
        correlationId: page.requestId,
      })
      const to =
        written === 'nothing_new'
          ? `${page.path}?done=already&after=${(await this.commands.headPositionOf(page.journeyId)) ?? ''}`
          : `${page.path}?done=${done}&after=${written.position}#event-${written.revision}`
      await reply.redirect(to, 303)
      return null
    } catch (error) {
      if (error instanceof Refusal) return { field: mends[error.code] ?? otherwise, text: error.message }
      if (error instanceof StaleRevision) {
        return {
          field: otherwise,
          text: 'Somebody added to this record while you were filling in the form. Check what it says now, then send the form again',
        }
      }
      if (error instanceof StoreUnavailable || error instanceof ConcurrencyConflict) {
        // Whether it was written is not known; the command id makes sending it again safe.
        return {
          field: otherwise,
          status: 503,
          text: 'The log did not answer, so we cannot say whether this was recorded. Wait a moment and send the form again: it will never be recorded twice',
        }
      }
      throw error
    }
  }
}
