/** What every page of one journey begins with: that there is such a journey, who he is, and whether the page is up to date. */
import { Injectable, NotFoundException } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { ReadModels } from '../../../projections/runner/read-models.ts'
import { isPermitted } from '../../access/policy.ts'
import { whoIsAsking, type SignedIn } from '../../access/session.ts'
import type { Instant } from '../../domain/calendar.ts'
import type { ConsultationView } from '../../domain/consultation.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { Looking } from '../looking.ts'
import { Journeys, type JourneyHeader } from '../../queries/journeys.ts'

export interface JourneyPage {
  readonly journeyId: string
  readonly path: string
  readonly header: JourneyHeader & { readonly statusName: string }
  readonly as: SignedIn
  /** The correlation id of what this request records, and of its trace. */
  readonly requestId: string
  /** The ways of looking at a journey that are open to who asks. */
  readonly sections: readonly { readonly name: string; readonly text: string; readonly path: string }[]
  readonly section: 'timeline' | 'replay' | 'history' | 'looks' | 'access' | 'rights' | null
  readonly catchingUp: boolean
  /** When it was asked for: what is printed of it says as of when. */
  readonly openedAt: Instant
}

const sectionsFor = (who: SignedIn) => [
  { name: 'timeline', text: 'Timeline', path: '' },
  { name: 'replay', text: 'Replay', path: '/replay' },
  { name: 'history', text: 'History', path: '/history' },
  ...(isPermitted(who, 'review') ? [{ name: 'looks', text: 'Who looked', path: '/looks' }] : []),
  ...(isPermitted(who, 'protect') ? [{ name: 'rights', text: 'Rights', path: '/rights' }] : []),
  ...(isPermitted(who, 'limit') ? [{ name: 'access', text: 'Who may see it', path: '/access' }] : []),
]

const patienceMs = 2_000

@Injectable()
export class JourneyPages {
  constructor(
    private readonly journeys: Journeys,
    private readonly readModels: ReadModels,
    private readonly looking: Looking,
  ) {}

  /**
   * @param how what is shown, where the section does not say; and whether the page is open already and fetches more of it
   * @throws NotFoundException; ConsultationLogUnavailable where the look cannot be written down
   */
  async open(
    request: FastifyRequest,
    journeyId: string,
    section: JourneyPage['section'],
    { view = section ?? 'form', further = false }: { view?: ConsultationView; further?: boolean } = {},
  ): Promise<JourneyPage> {
    const as = whoIsAsking(request)
    const { after } = request.query as { after?: unknown }
    const catchingUp = !(await this.caughtUp(after))
    const header = await this.journeys.header(journeyId)
    if (!header) throw new NotFoundException('There is no journey at this address.')
    await (further ? this.looking.further(request, journeyId, view) : this.looking.at(request, journeyId, view))
    return {
      journeyId,
      path: `/journeys/${journeyId}`,
      header: { ...header, statusName: statuses[header.status] },
      as,
      requestId: request.id,
      section,
      sections: sectionsFor(as),
      catchingUp,
      openedAt: new Date().toISOString(),
    }
  }

  /** The other journeys of the same man, the newest first; where there are any, their being shown is written down as a list. */
  async othersOf(request: FastifyRequest, header: JourneyHeader) {
    const others = await this.journeys.othersOf(header)
    if (others.length > 0)
      await this.looking.along(
        request,
        others.map(({ journeyId }) => journeyId),
        'timeline',
      )
    return others.map((other) => ({ ...other, statusName: statuses[other.status] }))
  }

  /** After a write the page waits, within reason, for the read model to contain it. */
  async caughtUp(after: unknown): Promise<boolean> {
    if (typeof after !== 'string' || !/^\d{1,19}$/.test(after)) return true
    return this.readModels.waitFor(after, patienceMs)
  }
}
