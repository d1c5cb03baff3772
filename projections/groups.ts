/** Which groups are there, who has a place in each, when do they meet, and who came? Rows of the group, its members, its sessions and their registers. */
import { erasureEventTypes } from '../src/domain/erasure.ts'
import { statementEventTypes } from '../src/domain/statements.ts'
import { facilitatorEventTypes } from '../src/domain/facilitator/facilitator.ts'
import type { Recorded } from '../src/domain/history.ts'
import { journeyPrivacy, type JourneyEvent } from '../src/domain/journey/journey.ts'
import type { Outcome } from '../src/domain/journey/outcomes.ts'
import { limitedAccessEventTypes } from '../src/domain/limited-access.ts'
import type { SessionEvent, SessionFacts } from '../src/domain/session/session.ts'
import { idOf, ignoring, type Change, type Projection, type Row, type Table } from './projection.ts'
import type { QueryDatabase } from './storage/bookkeeping.ts'

export interface ProgrammeGroupTable {
  group_id: string
  code: string
  programme_key: string
  programme_version: number
  provider: string
  place: string
  /** 1 is Monday. */
  weekday: number
  starts_at: string
  minutes: number
  capacity: number
  formed_on: string
  /** Who is to deliver its sessions, as JSON. */
  staff: string
  source: string
}

export interface GroupMemberTable {
  group_id: string
  journey_id: string
  joined_on: string
  left_on: string | null
  left_because: string | null
}

export interface GroupSessionTable {
  session_id: string
  group_id: string
  programme_session: string
  /** The day it is to be; once it was held, the day it was. */
  on_day: string
  starts_at: string
  minutes: number
  status: Exclude<SessionFacts['status'], 'not_scheduled'>
  /** Why it was moved last, or called off. */
  because: string | null
  /** Who is, or was, to deliver it and who did, as JSON. */
  planned: string
  actual: string | null
}

export interface RegisterRowTable {
  session_id: string
  journey_id: string
  outcome: Outcome
  minutes: number
  engagement: string
  corrections: number
}

const groupTable: Table = {
  name: 'programme_group',
  columns: {
    group_id: 'text',
    code: 'text',
    programme_key: 'text',
    programme_version: 'integer',
    provider: 'text',
    place: 'text',
    weekday: 'integer',
    starts_at: 'text',
    minutes: 'integer',
    capacity: 'integer',
    formed_on: 'text',
    staff: 'text',
    source: 'text',
  },
  key: ['group_id'],
  kind: 'fold',
  indexes: [['code']],
}

const memberTable: Table = {
  name: 'group_member',
  columns: { group_id: 'text', journey_id: 'text', joined_on: 'text', left_on: 'text', left_because: 'text' },
  key: ['group_id', 'journey_id'],
  kind: 'fold',
}

const sessionTable: Table = {
  name: 'group_session',
  columns: {
    session_id: 'text',
    group_id: 'text',
    programme_session: 'text',
    on_day: 'text',
    starts_at: 'text',
    minutes: 'integer',
    status: 'text',
    because: 'text',
    planned: 'text',
    actual: 'text',
  },
  key: ['session_id'],
  kind: 'fold',
  indexes: [
    ['group_id', 'on_day'],
    ['on_day', 'session_id'],
  ],
}

const registerTable: Table = {
  name: 'register_row',
  columns: {
    session_id: 'text',
    journey_id: 'text',
    outcome: 'text',
    minutes: 'integer',
    engagement: 'text',
    corrections: 'integer',
  },
  key: ['session_id', 'journey_id'],
  kind: 'fold',
}

const whole = (table: Table, key: readonly string[], row: Row): Change => ({
  table,
  key,
  replaces: true,
  apply: () => row,
})

const changed = (table: Table, key: readonly string[], fields: Row): Change => ({
  table,
  key,
  apply: (row) => row && { ...row, ...fields },
})

const inSession = (event: Recorded<SessionEvent>, fields: Row): Change[] => [
  changed(sessionTable, [idOf(event.stream)], fields),
]

const journeyEventTypes = Object.keys(journeyPrivacy) as JourneyEvent['type'][]

export const groups: Projection = {
  name: 'groups',
  version: 1,
  question: 'Which groups are there, who has a place in each, when do they meet, and who came?',
  tables: [groupTable, memberTable, sessionTable, registerTable],
  on: {
    GroupFormed: ({ stream, data, metadata }) => [
      whole(groupTable, [idOf(stream)], {
        group_id: idOf(stream),
        code: data.code,
        programme_key: data.programme.key,
        programme_version: data.programme.version,
        provider: data.provider,
        place: data.place,
        weekday: data.slot.weekday,
        starts_at: data.slot.startsAt,
        minutes: data.slot.minutes,
        capacity: data.capacity,
        formed_on: metadata.occurredAt,
        staff: JSON.stringify(data.facilitators),
        source: metadata.source,
      }),
    ],
    GroupMemberJoined: ({ stream, data, metadata }) => [
      whole(memberTable, [idOf(stream), data.journeyId], {
        group_id: idOf(stream),
        journey_id: data.journeyId,
        joined_on: metadata.occurredAt,
        left_on: null,
        left_because: null,
      }),
    ],
    GroupMemberLeft: ({ stream, data, metadata }) => [
      changed(memberTable, [idOf(stream), data.journeyId], { left_on: metadata.occurredAt, left_because: data.reason }),
    ],
    SessionScheduled: ({ stream, data }) => [
      whole(sessionTable, [idOf(stream)], {
        session_id: idOf(stream),
        group_id: data.groupId,
        programme_session: data.programmeSession,
        on_day: data.on,
        starts_at: data.startsAt,
        minutes: data.minutes,
        status: 'scheduled',
        because: null,
        planned: JSON.stringify(data.facilitators),
        actual: null,
      }),
    ],
    SessionRescheduled: (event) => {
      const { on, startsAt, reason } = event.data
      return inSession(event, { on_day: on, starts_at: startsAt, because: reason })
    },
    SessionCancelled: (event) => inSession(event, { status: 'cancelled', because: event.data.reason }),
    SessionDelivered: (event) => {
      const { startedAt, minutes, actual } = event.data
      const on = event.metadata.occurredAt
      return inSession(event, {
        status: 'delivered',
        on_day: on,
        starts_at: startedAt,
        minutes,
        actual: JSON.stringify(actual),
      })
    },
    RegisterMarked: ({ stream, data: { journeyId, outcome, minutes, engagement } }) => [
      whole(registerTable, [idOf(stream), journeyId], {
        session_id: idOf(stream),
        journey_id: journeyId,
        outcome,
        minutes,
        engagement,
        corrections: 0,
      }),
    ],
    RegisterCorrected: ({ stream, data: { journeyId, outcome, minutes, engagement } }) => [
      {
        table: registerTable,
        key: [idOf(stream), journeyId],
        apply: (row) => row && { ...row, outcome, minutes, engagement, corrections: (row.corrections as number) + 1 },
      },
    ],
    ...ignoring(...journeyEventTypes, ...facilitatorEventTypes),
    ...ignoring(
      'ParticipantRegistered',
      'ParticipantDetailsCorrected',
      'ContactRefused',
      'EvidencePackMade',
      'RecordsExported',
    ),
    ...ignoring(...erasureEventTypes, ...limitedAccessEventTypes, ...statementEventTypes),
  },
}

/** The database with the tables that these questions read. */
export const withGroups = (db: QueryDatabase) =>
  db.withTables<{
    programme_group: ProgrammeGroupTable
    group_member: GroupMemberTable
    group_session: GroupSessionTable
    register_row: RegisterRowTable
  }>()

/** At most so many groups are listed. */
export const listedGroups = 200

/** The groups by their codes, with how many have a place in each and when each meets next, from a day on. */
export const groupsListed = (db: QueryDatabase, from: string, uncounted: ReadonlySet<string>) =>
  withGroups(db)
    .selectFrom('programme_group')
    .selectAll('programme_group')
    .select((select) => [
      select
        .selectFrom('group_member')
        .whereRef('group_member.group_id', '=', 'programme_group.group_id')
        .where('left_on', 'is', null)
        .where((where) =>
          uncounted.size === 0
            ? where.val(1).$castTo<boolean>()
            : where('group_member.journey_id', 'not in', [...uncounted]),
        )
        .select((count) => count.fn.countAll<number>().as('n'))
        .as('members'),
      select
        .selectFrom('group_session')
        .whereRef('group_session.group_id', '=', 'programme_group.group_id')
        .where('status', '=', 'scheduled')
        .where('on_day', '>=', from)
        .select((first) => first.fn.min<string | null>('on_day').as('next'))
        .as('next_on'),
    ])
    .orderBy('code')
    .limit(listedGroups)
    .execute()

/** One group with everybody who has or had a place, its sessions in the order of the calendar, and their registers. */
export async function groupWithAll(database: QueryDatabase, groupId: string) {
  const db = withGroups(database)
  const group = await db.selectFrom('programme_group').selectAll().where('group_id', '=', groupId).executeTakeFirst()
  if (!group) return null
  const members = await db
    .selectFrom('group_member')
    .selectAll()
    .where('group_id', '=', groupId)
    .orderBy('joined_on')
    .orderBy('journey_id')
    .execute()
  const sessions = await db
    .selectFrom('group_session')
    .selectAll()
    .where('group_id', '=', groupId)
    .orderBy('on_day')
    .orderBy('starts_at')
    .orderBy('session_id')
    .execute()
  const register = await db
    .selectFrom('register_row')
    .innerJoin('group_session', 'group_session.session_id', 'register_row.session_id')
    .selectAll('register_row')
    .where('group_session.group_id', '=', groupId)
    .execute()
  return { group, members, sessions, register }
}

/** The sessions of a day that are to be held or were, in the order of the clock. */
export const sessionsOn = (db: QueryDatabase, day: string) =>
  withGroups(db)
    .selectFrom('group_session')
    .innerJoin('programme_group', 'programme_group.group_id', 'group_session.group_id')
    .selectAll('group_session')
    .select(['programme_group.code', 'programme_group.place'])
    .where('on_day', '=', day)
    .where('status', '!=', 'cancelled')
    .orderBy('group_session.starts_at')
    .execute()
