/** The pages of facilitators: who delivers sessions, trained for what, how much of it, and with whom. */
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dayOf } from '../../domain/calendar.ts'
import { facilitatorRoles, standInReasons } from '../../domain/group/room.ts'
import { facilitatorDepartures, isCourse, supportForms, trainingCourses } from '../../domain/facilitator/training.ts'
import { Facilitators, type WholeFacilitator } from '../../queries/facilitators.ts'
import { sayCount, sayDay } from '../layout/dates.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { Looking } from '../looking.ts'
import { recordedIn, type GroupQuery } from './groups.controller.ts'
import { sayTimeOfDay, sayWeekday } from './say.ts'

@RequiresPermission('read')
@Controller('facilitators')
export class FacilitatorsController {
  constructor(
    private readonly facilitators: Facilitators,
    private readonly pages: JourneyPages,
    private readonly looking: Looking,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await this.looking.along(request, [], 'facilitators')
    return reply.view('groups/facilitators.njk', {
      section: 'groups',
      facilitators: await this.facilitators.list(today()),
    })
  }

  @Get(':facilitator')
  async one(
    @Param('facilitator') facilitatorId: string,
    @Query() query: GroupQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const catchingUp = !(await this.pages.caughtUp(query.after))
    const whole = await this.facilitators.facilitator(facilitatorId, today())
    if (!whole) throw new NotFoundException('There is no facilitator at this address.')
    await this.looking.along(request, [], 'facilitators')
    return reply.view('groups/facilitator.njk', {
      section: 'groups',
      catchingUp,
      ...recordedIn(query),
      ...facilitatorView(whole),
    })
  }
}

const today = () => dayOf(new Date().toISOString())

const facilitatorView = ({ facilitator, facts, sessions, pairs }: WholeFacilitator) => ({
  facilitator,
  groups: facilitator.groups.map((group) => ({ ...group, role: facilitatorRoles[group.role] })),
  facts: facts.map((fact) => ({ ...fact, text: sayFact(fact) })),
  sessions: sessions.map(({ on, startsAt, role, standIn, ...session }) => ({
    ...session,
    when: `${sayWeekday(on)} at ${sayTimeOfDay(startsAt)}`,
    role: `${facilitatorRoles[role]}${standIn === null ? '' : `, stood in: ${standInReasons[standIn].toLowerCase()}`}`,
    isOutstanding: !session.isDelivered && on < today(),
  })),
  pairs,
})

/** What was recorded, in a few words. */
function sayFact({ type, course, valid_until, form, minutes, reason }: WholeFacilitator['facts'][number]): string {
  const supportSaid = () =>
    `${supportForms[form as keyof typeof supportForms].toLowerCase()}, ${sayCount(minutes ?? 0, 'minute')}`
  switch (type) {
    case 'FacilitatorOnboarded':
      return 'Began to deliver sessions here'
    case 'FacilitatorLeft':
      return `Left: ${facilitatorDepartures[reason as keyof typeof facilitatorDepartures].toLowerCase()}`
    case 'TrainingCompleted':
      return `Training: ${isCourse(course ?? '') ? trainingCourses[course as keyof typeof trainingCourses].name : course}, ${valid_until === null ? 'which does not lapse' : `to ${sayDay(valid_until)}`}`
    case 'SupervisionHeld':
      return `Supervision: ${supportSaid()}`
    case 'DebriefHeld':
      return `Debrief: ${supportSaid()}`
  }
}
