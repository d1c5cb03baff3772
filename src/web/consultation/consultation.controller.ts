/** Who looked at this record, for those who answer for it; and for everybody, what they have looked at themselves. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ForSignedIn, RequiresPermission } from '../../access/permission.guard.ts'
import { isPermitted, isRole, roles } from '../../access/policy.ts'
import { alertKindNames } from '../../access/unusual-reach.ts'
import { whoIsAsking } from '../../access/session.ts'
import { consultationViews, type RecordedLook } from '../../domain/consultation.ts'
import { Consultations, mostLooks } from '../../queries/consultations.ts'
import { Journeys } from '../../queries/journeys.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { Looking } from '../looking.ts'

@Controller()
export class ConsultationController {
  constructor(
    private readonly consultations: Consultations,
    private readonly journeys: Journeys,
    private readonly pages: JourneyPages,
    private readonly looking: Looking,
  ) {}

  @RequiresPermission('read', 'review')
  @Get('journeys/:id/looks')
  async ofRecord(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, id, 'looks')
    const { looks, more, listsSince } = await this.consultations.of(id)
    return reply.view('consultation/looks.njk', {
      ...page,
      rows: looks.map((look) => ({ ...wordsOf(look), actor: look.actor.id, role: roleName(look.actor.role) })),
      more,
      mostLooks,
      listsSince,
    })
  }

  @RequiresPermission('review')
  @Get('alerts')
  async alerts(@Res() reply: FastifyReply) {
    const alerts = await this.consultations.alerts()
    return reply.view('consultation/alerts.njk', {
      rows: alerts.map(({ actor, kind, ...alert }) => ({
        ...alert,
        actor: actor.id,
        role: roleName(actor.role),
        what: alertKindNames[kind],
      })),
    })
  }

  @ForSignedIn()
  @Get('account/looks')
  async ofMyself(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const who = whoIsAsking(request)
    const { looks, more } = await this.consultations.by(who.id)
    const single = [...new Set(looks.flatMap(({ type, subjects }) => (type === 'RecordsListed' ? [] : subjects)))]
    // Names are opened only for who may read them now, and that is a look as well.
    const named = isPermitted(who, 'read') && single.length > 0 ? await this.journeys.named(single) : []
    if (named.length > 0)
      await this.looking.along(
        request,
        named.map(({ journeyId }) => journeyId),
        'own_looks',
      )
    const names = new Map(named.map(({ journeyId, name }) => [journeyId, name]))
    return reply.view('consultation/own-looks.njk', {
      rows: looks.map((look) => ({ ...wordsOf(look), name: names.get(look.subjects[0] ?? '') ?? null })),
      more,
      mostLooks,
    })
  }
}

const wordsOf = ({ recordedAt, view, type, subjects, records, source }: RecordedLook) => ({
  at: recordedAt,
  view: consultationViews[view],
  isList: type === 'RecordsListed',
  isTaken: type === 'RecordDisclosed',
  journeyId: type === 'RecordsListed' ? null : subjects[0],
  records,
  byProgram: source === 'api',
})

const roleName = (role: string): string => (isRole(role) ? roles[role].name : role)
