/** What every page of one journey begins with: that there is such a journey, who he is, and whether the page is up to date. */
import { Injectable, NotFoundException } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { ReadModels } from '../../../projections/storage/read-models.ts'
import { whoIsAsking, type SignedIn } from '../../access/session.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { Journeys, type JourneyHeader } from '../../queries/journeys.ts'

export interface JourneyPage {
  readonly journeyId: string
  readonly path: string
  readonly header: JourneyHeader & { readonly statusName: string }
  readonly as: SignedIn
  /** This one request: what it records is told apart by it, and its trace is found by it. */
  readonly requestId: string
  readonly section: 'timeline' | 'replay' | 'history' | null
  readonly catchingUp: boolean
  readonly done: string | null
}

const patienceMs = 2_000

/** What a redirect after a form may say was done. */
const doneWords: Readonly<Record<string, string>> = {
  attendance: 'Attendance recorded',
  correction: 'Attendance corrected',
  'drop-out': 'Drop-out recorded',
  completion: 'Completion recorded',
  recategorisation: 'Outcome recategorised',
  contact: 'Contact recorded',
  already: 'That was already recorded. Nothing was written twice',
}

@Injectable()
export class JourneyPages {
  constructor(
    private readonly journeys: Journeys,
    private readonly readModels: ReadModels,
  ) {}

  async open(request: FastifyRequest, journeyId: string, section: JourneyPage['section']): Promise<JourneyPage> {
    const as = whoIsAsking(request)
    const { after, done } = request.query as { after?: unknown; done?: unknown }
    const catchingUp = !(await this.caughtUp(after))
    const header = await this.journeys.header(journeyId)
    if (!header) throw new NotFoundException('There is no journey at this address.')
    return {
      journeyId,
      path: `/journeys/${journeyId}`,
      header: { ...header, statusName: statuses[header.status] },
      as,
      requestId: request.id,
      section,
      catchingUp,
      done: typeof done === 'string' ? (doneWords[done] ?? null) : null,
    }
  }

  /** After a write the page waits, within reason, for the read model to hear of it. */
  async caughtUp(after: unknown): Promise<boolean> {
    if (typeof after !== 'string' || !/^\d{1,19}$/.test(after)) return true
    return this.readModels.waitFor(after, patienceMs)
  }
}
