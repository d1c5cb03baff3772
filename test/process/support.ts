/** A group of people who do not exist, with sessions in its calendar. */
import { randomUUID } from 'node:crypto'
import type { CommandHandlers } from '../../src/commands/command-handlers.ts'
import type { IssuedBy } from '../../src/commands/journey-command-handler.ts'
import { dayNumbered, dayNumberOf, type Day } from '../../src/domain/calendar.ts'
import type { Actor } from '../../src/domain/history.ts'

const by: Actor = { id: 'CM002', role: 'case_manager', organisation: 'North' }

/** A command that nobody has issued before. */
export const issuedOn = (occurredOn: Day): IssuedBy => ({ occurredOn, by, source: 'ui', commandId: randomUUID() })

/** @returns the journeys of so many people who were referred and are in no group yet */
export async function referredJourneys({ journeys }: CommandHandlers, code: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) {
    const { journeyId } = await journeys.refer(
      {
        details: {
          crn: `X${String(Number.parseInt(code.slice(1), 10) * 100 + n).padStart(6, '0')}`,
          familyName: `Example ${code}`,
          givenNames: `Number ${n}`,
          dateOfBirth: '1980-02-01',
        },
        programme: { key: 'bbr', version: 1 },
        provider: 'North',
        referralSource: 'court_requirement',
        reference: `${code}-${n}`,
      },
      issuedOn('2025-01-02'),
    )
    ids.push(journeyId)
  }
  return ids
}

/** A group with so many members and the sessions F1 to F4 in its calendar, from 7 January 2025 on. */
export const groupWithSessions = (commands: CommandHandlers, code: string, members: number) =>
  groupOf(commands, code, members, ['F1', 'F2', 'F3', 'F4'])

/** A group with so many members and these sessions in its calendar, one a week from 7 January 2025 on. */
export async function groupOf(
  commands: CommandHandlers,
  code: string,
  members: number,
  programmeSessions: readonly string[],
) {
  const journeyIds = await referredJourneys(commands, code, members)
  const { groups, sessions } = commands
  const { groupId } = await groups.form(
    {
      code,
      programme: { key: 'bbr', version: 1 },
      provider: 'North',
      place: 'Mill Lane',
      slot: { weekday: 2, startsAt: '18:30', minutes: 150 },
      capacity: 12,
      facilitators: [
        { facilitator: 'F012', role: 'lead' },
        { facilitator: 'F030', role: 'co' },
      ],
    },
    issuedOn('2025-01-03'),
  )
  for (const journeyId of journeyIds) await groups.addMember(groupId, { journeyId }, issuedOn('2025-01-03'))
  const { sessionIds } = await sessions.schedule(
    groupId,
    programmeSessions.map((programmeSession, week) => ({
      programmeSession,
      on: dayNumbered(dayNumberOf('2025-01-07') + 7 * week),
    })),
    issuedOn('2025-01-03'),
  )
  return { groupId, journeyIds, sessionIds }
}

/** The room as planned, with these rows. */
export const heldWith = (register: readonly { journeyId: string; outcome: string; note?: string }[]) => ({
  startedAt: '18:30',
  minutes: 150,
  actual: [
    { facilitator: 'F012', role: 'lead' as const },
    { facilitator: 'F099', role: 'cover' as const, standIn: 'sickness' as const },
  ],
  observers: [],
  register,
})
