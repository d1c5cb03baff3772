/** Questions about groups and their sessions. A group is asked of the read models; a session, which is short, of the log itself. */
import { Injectable } from '@nestjs/common'
import { groupsListed, groupWithAll, sessionsOn, type ProgrammeGroupTable } from '../../projections/groups.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import type { Day, Instant } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import { sentenceOf } from '../domain/event-words.ts'
import type { ActualFacilitator, PlannedFacilitator } from '../domain/group/room.ts'
import type { Recorded } from '../domain/history.ts'
import type { Outcome } from '../domain/journey/outcomes.ts'
import { programmeAt, sessionOf } from '../domain/programme.ts'
import type { UsualDays } from '../domain/session/session-oddities.ts'
import { sessionHistory, type SessionEvent, type SessionFacts } from '../domain/session/session.ts'
import { EventStore } from '../event-store/event-store.ts'
import { opened } from '../protection/sealing.ts'
import { Vault } from '../protection/vault.ts'
import { Journeys, type CaseloadRow } from './journeys.ts'
import { ReachedCases } from './reached-cases.ts'

export interface ListedGroup {
  readonly groupId: string
  readonly code: string
  readonly programme: string
  readonly provider: string
  readonly place: string
  /** 1 is Monday. */
  readonly weekday: number
  readonly startsAt: string
  readonly minutes: number
  readonly capacity: number
  readonly members: number
  readonly nextOn: Day | null
  readonly demonstration: boolean
}

export interface GroupMemberRow {
  readonly journeyId: string
  /** As the case load has him; null while it has not processed his journey. */
  readonly row: CaseloadRow | null
  readonly joinedOn: Day
  readonly leftOn: Day | null
  readonly leftBecause: string | null
}

export interface GroupSessionRow {
  readonly sessionId: string
  readonly programmeSession: string
  readonly name: string
  readonly on: Day
  readonly startsAt: string
  readonly minutes: number
  readonly status: 'scheduled' | 'cancelled' | 'delivered'
  readonly because: string | null
  readonly planned: readonly PlannedFacilitator[]
  readonly actual: readonly ActualFacilitator[] | null
  /** By journey. */
  readonly register: ReadonlyMap<string, { readonly outcome: Outcome; readonly corrections: number }>
}

export interface WholeGroup {
  readonly group: ListedGroup & {
    readonly programmeKey: string
    readonly programmeVersion: number
    readonly formedOn: Day
    readonly facilitators: readonly PlannedFacilitator[]
  }
  readonly members: readonly GroupMemberRow[]
  readonly sessions: readonly GroupSessionRow[]
}

/** A session as the log has it. */
export interface SessionRecord {
  readonly sessionId: string
  readonly facts: SessionFacts
  readonly name: string
  readonly revision: number
  /** What each row of the register says last: its note or the reason for its correction, and where in the log it stands. */
  readonly said: ReadonlyMap<
    string,
    { readonly eventId: string; readonly position: bigint | null; readonly note: string }
  >
  readonly events: readonly {
    readonly eventId: string
    readonly journeyId: string | null
    readonly recordedAt: Instant
    readonly recordedBy: string
    readonly commandId: string
    readonly sentence: string
  }[]
}

const opaqueId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

@Injectable()
export class Groups {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
    private readonly journeys: Journeys,
    private readonly reached: ReachedCases,
  ) {}

  /** @param today the day from which the next session is sought */
  async list(today: Day): Promise<readonly ListedGroup[]> {
    const rows = await groupsListed(this.readModels.db, today, (await this.reached.withheldCases()).journeys)
    return rows.map((row) => ({ ...listed(row), members: Number(row.members ?? 0), nextOn: row.next_on ?? null }))
  }

  /** The sessions of a day, each with the group it belongs to. */
  async on(day: Day) {
    const rows = await sessionsOn(this.readModels.db, day)
    return rows.map(({ session_id, code, place, starts_at, status, programme_session }) => ({
      sessionId: session_id,
      code,
      place,
      startsAt: starts_at,
      programmeSession: programme_session,
      isDelivered: status === 'delivered',
    }))
  }

  /** When a group meets, from the read models: nothing of it where they do not know the group yet. */
  async usualDays(groupId: string): Promise<UsualDays> {
    const found = opaqueId.test(groupId) ? await groupWithAll(this.readModels.db, groupId) : null
    return {
      weekday: found?.group.weekday ?? 0,
      calendar: (found?.sessions ?? [])
        .filter(({ status }) => status !== 'cancelled')
        .map(({ session_id, programme_session, on_day }) => ({
          sessionId: session_id,
          programmeSession: programme_session,
          on: on_day,
        })),
    }
  }

  /** @returns null where there is no such group, or the read models have not processed it yet */
  async group(groupId: string): Promise<WholeGroup | null> {
    if (!opaqueId.test(groupId)) return null
    const { journeys: withheld } = await this.reached.withheldCases()
    const found = await groupWithAll(this.readModels.db, groupId)
    if (!found) return null
    const { group, sessions } = found
    // Whoever is withheld is neither named nor counted: a row without a name would say that there is somebody.
    const [members, register] = [found.members, found.register].map((rows) =>
      rows.filter(({ journey_id }) => !withheld.has(journey_id)),
    ) as [typeof found.members, typeof found.register]
    const known = await this.journeys.named(members.map(({ journey_id }) => journey_id))
    const rows = new Map(known.map((row) => [row.journeyId, row]))
    const present = members.filter(({ left_on }) => left_on === null)
    const programme = programmeAt(group.programme_key, group.programme_version)
    return {
      group: {
        ...listed(group),
        members: present.length,
        nextOn: null,
        programmeKey: group.programme_key,
        programmeVersion: group.programme_version,
        formedOn: group.formed_on,
        facilitators: JSON.parse(group.staff) as PlannedFacilitator[],
      },
      members: members.map((member) => ({
        journeyId: member.journey_id,
        row: rows.get(member.journey_id) ?? null,
        joinedOn: member.joined_on,
        leftOn: member.left_on,
        leftBecause: member.left_because,
      })),
      sessions: sessions.map((session) => ({
        sessionId: session.session_id,
        programmeSession: session.programme_session,
        name: (programme && sessionOf(programme, session.programme_session)?.name) ?? session.programme_session,
        on: session.on_day,
        startsAt: session.starts_at,
        minutes: session.minutes,
        status: session.status,
        because: session.because,
        planned: JSON.parse(session.planned) as PlannedFacilitator[],
        actual: session.actual === null ? null : (JSON.parse(session.actual) as ActualFacilitator[]),
        register: new Map(
          register
            .filter(({ session_id }) => session_id === session.session_id)
            .map(({ journey_id, outcome, corrections }) => [journey_id, { outcome, corrections }]),
        ),
      })),
    }
  }

  /** From the log, personal fields opened; null where there is no such session. @throws PoisonEvent, SealBroken */
  async session(sessionId: string): Promise<SessionRecord | null> {
    const withheld = await this.reached.withheld()
    if (!opaqueId.test(sessionId)) return null
    const events: Recorded<SessionEvent>[] = []
    const said = new Map<string, { eventId: string; position: bigint | null; note: string }>()
    let revision = -1
    for await (const stored of this.store.read(`session-${sessionId}`)) {
      const sealed = recordedFrom<SessionEvent>(stored)
      revision = sealed.revision
      if ('participantId' in sealed.data && withheld.has(sealed.data.participantId)) continue
      const event = opened(this.vault, sealed)
      events.push(event)
      if (event.type === 'RegisterMarked' || event.type === 'RegisterCorrected')
        said.set(event.data.journeyId, {
          eventId: event.id,
          position: stored.position,
          note: (event.type === 'RegisterMarked' ? event.data.note : event.data.because) ?? '',
        })
    }
    const facts = sessionHistory.fold(sessionHistory.initial, events)
    if (!facts.scheduled) return null
    const { programme, programmeSession } = facts.scheduled
    const definition = programmeAt(programme.key, programme.version)
    return {
      sessionId,
      facts,
      name: (definition && sessionOf(definition, programmeSession)?.name) ?? programmeSession,
      revision,
      said,
      events: events.map((event) => ({
        eventId: event.id,
        journeyId: 'journeyId' in event.data ? event.data.journeyId : null,
        recordedAt: event.metadata.recordedAt,
        recordedBy: event.metadata.actor.id,
        commandId: event.metadata.commandId,
        sentence: sentenceOf(event),
      })),
    }
  }

  /** Where the last event of a group or a session stands in the log; null where there is none. */
  async headPositionOf(stream: string): Promise<string | null> {
    let last: bigint | null = null
    for await (const { position } of this.store.read(stream)) last = position
    return last === null ? null : String(last)
  }

  /** Under which a browser keeps a register that is not sent yet: known only to a page that somebody may open. 128 bits, base64url. */
  draftKey(sessionId: string, actorId: string): string {
    return this.vault.token('code', `register draft ${sessionId} ${actorId}`).toString('base64url')
  }
}

const listed = (row: Omit<ProgrammeGroupTable, 'formed_on' | 'staff'>) => ({
  groupId: row.group_id,
  code: row.code,
  programme: programmeAt(row.programme_key, row.programme_version)?.name ?? row.programme_key,
  provider: row.provider,
  place: row.place,
  weekday: row.weekday,
  startsAt: row.starts_at,
  minutes: row.minutes,
  capacity: row.capacity,
  demonstration: row.source === 'simulator',
})
