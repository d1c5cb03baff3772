/** The pages of groups and sessions: which there are, who has a place, who came, and what is still on its way to the journeys. */
import { Controller, Get, HttpCode, NotFoundException, Param, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dayOf } from '../../domain/calendar.ts'
import { changeReasons, departures, engagements } from '../../domain/group/room.ts'
import { attendanceCategoryOf, outcomes } from '../../domain/journey/outcomes.ts'
import { RegisterCarrier } from '../../process/register-carrier.ts'
import { Groups, type GroupSessionRow, type SessionRecord, type WholeGroup } from '../../queries/groups.ts'
import { Looking } from '../looking.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { groupForms } from './group-form.controller.ts'
import { sayFacilitator, sayTimeOfDay, sayWeekday, sayWeekly } from './say.ts'

export type GroupQuery = Readonly<Record<string, unknown>>

/** How long a page waits for what was just recorded to be on every journey: a register is carried in a fraction of it. */
const patienceMs = 2_000

@RequiresPermission('read')
@Controller()
export class GroupsController {
  constructor(
    private readonly groups: Groups,
    private readonly pages: JourneyPages,
    private readonly carrier: RegisterCarrier,
    private readonly looking: Looking,
  ) {}

  @Get('groups')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await this.looking.along(request, [], 'group')
    const today = dayOf(new Date().toISOString())
    const groups = await this.groups.list(today)
    const tonight = await this.groups.on(today)
    return reply.view('groups/groups.njk', {
      section: 'groups',
      today,
      tonight: tonight.map((session) => ({ ...session, startsAt: sayTimeOfDay(session.startsAt) })),
      groups: groups.map((group) => ({ ...group, meets: sayWeekly(group) })),
    })
  }

  @Get('groups/:group')
  async group(
    @Param('group') groupId: string,
    @Query() query: GroupQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const catchingUp = !(await this.pages.caughtUp(query.after))
    const whole = await this.groups.group(groupId)
    if (!whole) throw new NotFoundException('There is no group at this address.')
    await this.looking.along(request, journeysOf(whole), 'group')
    const notCarried = this.carrier.notCarried()
    const shown = new Set(journeysOf(whole))
    const sessionIds = new Set(whole.sessions.map(({ sessionId }) => `session-${sessionId}`))
    return reply.view('groups/group.njk', {
      section: 'groups',
      catchingUp,
      ...recordedIn(query),
      ...groupView(whole),
      notCarried: notCarried.filter(
        ({ stream, journeyId }) => shown.has(journeyId) && (stream === `group-${groupId}` || sessionIds.has(stream)),
      ).length,
    })
  }

  @Get('sessions/:session')
  async session(
    @Param('session') sessionId: string,
    @Query() query: GroupQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const { after } = query
    const catchingUp = !(await this.pages.caughtUp(after))
    if (typeof after === 'string' && /^\d{1,19}$/.test(after)) await this.carrier.waitFor(BigInt(after), patienceMs)
    const record = await this.groups.session(sessionId)
    if (!record) throw new NotFoundException('There is no session at this address.')
    const whole = await this.groups.group(record.facts.scheduled!.groupId)
    await this.looking.along(request, [...record.facts.register.keys()], 'register')
    return reply.view('groups/session.njk', {
      section: 'groups',
      catchingUp,
      ...recordedIn(query),
      ...sessionView(record, whole, this.carrier),
      stillToHold: record.facts.status === 'scheduled',
    })
  }

  @RequiresPermission('read', 'record')
  @Post('sessions/:session/carry-again')
  @HttpCode(303)
  async carryAgain(@Param('session') sessionId: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const record = await this.groups.session(sessionId)
    if (!record) throw new NotFoundException('There is no session at this address.')
    await this.looking.along(request, [...record.facts.register.keys()], 'register')
    await this.carrier.carryAgain(`session-${sessionId}`)
    return reply.redirect(`/sessions/${sessionId}`, 303)
  }
}

/** What the address says was just recorded: its number is looked up, so that nothing else can be said. */
export const recordedIn = ({ recorded, repeated }: GroupQuery) => ({
  recorded:
    typeof recorded === 'string' && /^\d{1,2}$/.test(recorded) ? groupForms.at(Number(recorded))?.recorded : undefined,
  repeated: repeated === 'same',
})

const journeysOf = ({ members }: WholeGroup) => members.map(({ journeyId }) => journeyId)

function groupView({ group, members, sessions }: WholeGroup) {
  const held = sessions.filter(({ status }) => status === 'delivered')
  const byName = members.toSorted((a, b) => (a.row?.name ?? '').localeCompare(b.row?.name ?? '', 'en'))
  return {
    group: { ...group, meets: sayWeekly(group), staff: group.facilitators.map(sayFacilitator) },
    places: group.capacity - group.members,
    members: byName.map((member) => ({
      ...member,
      leftBecause: member.leftBecause && departures[member.leftBecause as keyof typeof departures],
    })),
    sessions: sessions.map((session) => ({
      ...session,
      when: `${sayWeekday(session.on)} at ${sayTimeOfDay(session.startsAt)}`,
      because: session.because && changeReasons[session.because as keyof typeof changeReasons],
      staff: (session.actual ?? session.planned).map(sayFacilitator),
      unmarked: unmarkedIn(session, members),
    })),
    held,
    attendance: byName
      .filter(({ journeyId, leftOn }) => leftOn === null || held.some(({ register }) => register.has(journeyId)))
      .map(({ journeyId, row }) => ({
        journeyId,
        name: row?.name ?? 'Name not known',
        cells: held.map(({ register }) => {
          const mark = register.get(journeyId)
          return mark
            ? { ...mark, text: outcomes[mark.outcome], category: attendanceCategoryOf(mark.outcome) }
            : { outcome: '', text: 'Not marked', category: 'none', corrections: 0 }
        }),
      })),
  }
}

const unmarkedIn = ({ register, on }: GroupSessionRow, members: WholeGroup['members']): number =>
  members.filter(({ journeyId, joinedOn, leftOn }) => leftOn === null && joinedOn <= on && !register.has(journeyId))
    .length

function sessionView(record: SessionRecord, whole: WholeGroup | null, carrier: RegisterCarrier) {
  const { facts, said, sessionId } = record
  const { scheduled, delivered, register, changedBecause } = facts
  const memberOf = new Map((whole?.members ?? []).map((member) => [member.journeyId, member]))
  const notCarried = new Map(carrier.notCarried(`session-${sessionId}`).map((one) => [one.eventId, one]))
  const rows = [...register].map(([journeyId, belief]) => {
    const { eventId, position, note } = said.get(journeyId)!
    const refused = notCarried.get(eventId)
    return {
      journeyId,
      name: memberOf.get(journeyId)?.row?.name ?? 'Name not known',
      outcome: belief.outcome,
      outcomeName: outcomes[belief.outcome],
      minutes: belief.minutes,
      engagement: engagements[belief.engagement],
      corrections: belief.corrections,
      note,
      carried: refused ? 'refused' : position !== null && position > carrier.position ? 'on_its_way' : 'carried',
      why: refused?.why,
    }
  })
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name, 'en')
  return {
    sessionId,
    name: record.name,
    scheduled,
    group: whole?.group ?? { groupId: scheduled!.groupId, code: scheduled!.groupCode },
    status: facts.status,
    because: changedBecause && changeReasons[changedBecause],
    when: delivered
      ? `${sayWeekday(delivered.on)} at ${sayTimeOfDay(delivered.startedAt)}, ${delivered.minutes} minutes`
      : `${sayWeekday(scheduled!.on)} at ${sayTimeOfDay(scheduled!.startsAt)}, ${scheduled!.minutes} minutes`,
    planned: scheduled!.facilitators.map(sayFacilitator),
    actual: delivered?.actual.map(sayFacilitator) ?? null,
    observers: delivered?.observers ?? [],
    rows: rows.toSorted(byName),
    carriedCount: rows.filter(({ carried }) => carried === 'carried').length,
    refusedCount: rows.filter(({ carried }) => carried === 'refused').length,
    unmarked: (whole?.members ?? [])
      .filter(({ journeyId, leftOn }) => leftOn === null && !register.has(journeyId))
      .map(({ journeyId, row }) => ({ journeyId, name: row?.name ?? 'Name not known' }))
      .toSorted(byName),
    events: record.events.map(({ journeyId, ...event }) => ({
      ...event,
      about: journeyId && (memberOf.get(journeyId)?.row?.name ?? 'Name not known'),
    })),
  }
}
