/** Writes down who looks at what, before a page or an answer of the API shows it. */
import { Injectable } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { consultationWritten } from '../access/consulted.ts'
import { whoIsAsking } from '../access/session.ts'
import { UnusualReach, UnusualReachRefused } from '../access/unusual-reach.ts'
import { ConsultationLog } from '../commands/consultation-log.ts'
import type { AlertKind, ConsultationType, ConsultationView, Look } from '../domain/consultation.ts'

/** A page that is moved about on fetches more of what it shows: as long after it was opened that is the same look, in milliseconds. */
const sameLookMs = 30 * 60_000

/** Views that leave the service: for whoever fetches them, or for the person himself. */
const takenAway: ReadonlySet<ConsultationView> = new Set(['download', 'subject_access'])

@Injectable()
export class Looking {
  private readonly lately = new LRUCache<string, true>({ max: 10_000, ttl: sameLookMs })

  constructor(
    private readonly log: ConsultationLog,
    private readonly usual: UnusualReach,
  ) {}

  /** One record is about to be shown. @throws ConsultationLogUnavailable, and then it must not be */
  at(request: FastifyRequest, journeyId: string, view: ConsultationView): Promise<void> {
    return this.write(request, takenAway.has(view) ? 'RecordDisclosed' : 'RecordConsulted', view, [journeyId])
  }

  /** More of a record is about to be shown on a page that is open; written down unless opening that page was. */
  async further(request: FastifyRequest, journeyId: string, view: ConsultationView): Promise<void> {
    if (this.lately.has(keyOf(whoIsAsking(request).id, journeyId, view))) return consultationWritten(request)
    await this.at(request, journeyId, view)
  }

  /** A list of records is about to be shown; an empty one shows nobody, and is written down as well: what was sought is a look too. */
  along(request: FastifyRequest, journeyIds: readonly string[], view: ConsultationView): Promise<void> {
    return this.write(request, 'RecordsListed', view, journeyIds)
  }

  private async write(
    request: FastifyRequest,
    type: ConsultationType,
    view: ConsultationView,
    subjects: readonly string[],
  ): Promise<void> {
    const source = request.url.startsWith('/api/') ? 'api' : 'ui'
    const by = whoIsAsking(request)
    await this.refuseUnusual(kindOf(type, view), subjects, { by, source, requestId: request.id })
    await this.log.write({ type, view, subjects, by, source, requestId: request.id })
    consultationWritten(request)
    if (type === 'RecordConsulted') this.lately.set(keyOf(by.id, subjects[0]!, view), true)
  }

  /** @throws UnusualReachRefused, and an alert is in the log */
  private async refuseUnusual(
    kind: AlertKind,
    subjects: readonly string[],
    asked: Pick<Look, 'by' | 'source' | 'requestId'>,
  ): Promise<void> {
    const reaching = await this.usual.reaching(asked.by.id, kind, subjects)
    if (reaching.isUsual) return
    const { limit, records, isFirst } = reaching
    if (isFirst) await this.log.alert({ kind, records, minutes: limit.minutes, limit: limit.records }, asked)
    throw new UnusualReachRefused(kind, limit)
  }
}

const keyOf = (actorId: string, journeyId: string, view: ConsultationView) => `${actorId} ${journeyId} ${view}`

const kindOf = (type: ConsultationType, view: ConsultationView): AlertKind =>
  type === 'RecordDisclosed' || view === 'download' || view === 'audit_register_download'
    ? 'taken'
    : type === 'RecordsListed'
      ? 'listed'
      : 'opened'
