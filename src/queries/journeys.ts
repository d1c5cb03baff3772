/** The reading room: every question about journeys is asked here, and personal fields are opened here, for who may read them. */
import { Injectable } from '@nestjs/common'
import {
  caseloadEntry,
  caseloadPage,
  countedUpTo,
  journeysMatching,
  providersAndGroups,
  sortColumns,
  withCaseload,
  type CaseloadFilter,
  type CaseloadPageRow,
  type CaseloadColumn,
} from '../../projections/caseload.ts'
import { detailsTold, tokensSought } from '../../projections/participants.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { timelineOf } from '../../projections/timeline.ts'
import { sentenceOf } from '../domain/event-words.ts'
import { dayOf, type Day, type Instant } from '../domain/calendar.ts'
import type { Actor, Recorded, Source } from '../domain/history.ts'
import { figuresOf, statusOf, type Status } from '../domain/journey/figures.ts'
import type { JourneyEvent } from '../domain/journey/journey.ts'
import { isReviewDue, isWarningDue, quietSince, type Need } from '../domain/journey/needs.ts'
import type { Outcome } from '../domain/journey/outcomes.ts'
import { believedNow, daysLate, lateAfterDays } from '../domain/journey/replay.ts'
import { saysDetails, type Details, type ParticipantEvent } from '../domain/participant.ts'
import { programmeAt, sessionOf } from '../domain/programme.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import { EventStore } from '../event-store/event-store.ts'
import { opened, openedFields } from '../protection/sealing.ts'
import { SealBroken, Vault } from '../protection/vault.ts'
import { PeopleIndex } from './people-index.ts'
import { ReachedCases } from './reached-cases.ts'

/** By name and by how near a man is to what was sought the read model cannot sort: it knows neither. */
export type CaseloadSort = CaseloadColumn | 'name' | 'match'

/** What the case load can be sorted by. */
export const caseloadSorts: readonly CaseloadSort[] = [
  ...(Object.keys(sortColumns) as (keyof typeof sortColumns)[]),
  'needs',
  'name',
  'match',
]

export interface CaseloadQuery {
  /** Of a name, words or their beginnings, with one typing mistake in each; part of a CRN or a reference; a date of birth. */
  readonly find?: string
  readonly statuses?: readonly Status[]
  readonly provider?: string
  readonly groupId?: string
  /** Only journeys on which this needs doing. */
  readonly need?: Need
  readonly sort?: CaseloadSort
  readonly direction?: 'asc' | 'desc'
  /** From 1. */
  readonly page?: number
  readonly pageSize?: number
}

export interface CaseloadRow {
  readonly journeyId: string
  /** `Family, Given`; says so where his key was destroyed. */
  readonly name: string
  readonly crn: string
  readonly reference: string
  readonly programme: string
  readonly provider: string | null
  readonly groupId: string | null
  readonly status: Status
  readonly referredOn: Day
  readonly lastContactOn: Day
  readonly endedOn: Day | null
  readonly attended: number
  readonly acceptableAbsences: number
  readonly unacceptableAbsences: number
  readonly corrections: number
  readonly recategorisations: number
  readonly facilitatorsMet: number
  /** What needs doing, as far as the events say. */
  readonly needs: readonly Need[]
  /** A synthetic record, in no official figure. */
  readonly demonstration: boolean
}

export interface CaseloadPage {
  readonly rows: readonly CaseloadRow[]
  /** How many journeys match, as far as they are counted. */
  readonly total: number
  /** More match than were counted. */
  readonly more: boolean
  readonly page: number
  readonly pageSize: number
  /** The first in order, as many as one can choose from. */
  readonly providers: readonly string[]
  /** There are more than those listed. */
  readonly moreProviders: boolean
  readonly groups: readonly string[]
  readonly moreGroups: boolean
  /** There is nothing at all in the case load. */
  readonly empty: boolean
}

export type JourneyHeader = CaseloadRow & {
  readonly participantId: string
  readonly dateOfBirth: Day
  readonly programmeKey: string
  readonly programmeVersion: number
  /** The last revision the read model has processed. */
  readonly revision: number
  /** The event at which the journey's stream is parked, because it cannot be projected. */
  readonly parked: { readonly revision: number; readonly why: string } | null
}

export interface TimelineEntry {
  readonly revision: number
  readonly eventId: string
  readonly type: JourneyEvent['type']
  readonly occurredOn: Day
  readonly recordedAt: Instant
  readonly source: Source
  readonly recordedBy: string
  readonly module: string | null
  readonly sessionId: string | null
  readonly outcome: Outcome | null
  readonly plannedFacilitators: readonly string[]
  readonly actualFacilitators: readonly string[]
  readonly corrects: number | null
  readonly withdraws: number | null
  /** Of a correction that says a fact anew: the type of the event that told it first. */
  readonly of: JourneyEvent['type'] | null
  /** The event that told first what this one is about: its own revision, where it is that. */
  readonly fact: number
  readonly withdrawnBy: number | null
  /** Of an event that tells a fact: its last version that stands; null where the fact was withdrawn, and for all other events. */
  readonly current: number | null
  /** Whether nothing that stands has been recorded about its fact since. */
  readonly latest: boolean
  /** Why a record was corrected or withdrawn, or a journey reinstated. */
  readonly because: string | null
  readonly correctedBy: number | null
  readonly wasOutcome: Outcome | null
  readonly reason: string | null
  readonly wasReason: string | null
  readonly groupId: string | null
  readonly provider: string | null
  readonly note: string | null
  readonly detail: string | null
  /** What was written in columns this contact has no place for. */
  readonly asWritten: Readonly<Record<string, string>>
  readonly late: boolean
  readonly daysLate: number
}

/** What was told of who he is at one time. */
export interface DetailsVersion {
  /** Of his own stream. */
  readonly revision: number
  readonly eventId: string
  readonly recordedAt: Instant
  readonly recordedBy: string
  readonly source: Source
  /** The revision that a person said was wrong; null where another system told it. */
  readonly corrects: number | null
  readonly because: string | null
  /** Empty once his key is destroyed. */
  readonly details: Details
}

export interface LogRecord {
  readonly revision: number
  readonly eventId: string
  readonly type: string
  /** When this log received it; a legacy system may have been told long before. */
  readonly receivedAt: Instant
  readonly position: string
  /** The event opened, or null where it cannot be understood. */
  readonly event: Recorded<JourneyEvent> | null
  /** As the log holds it, sealed. */
  readonly stored: { readonly data: unknown; readonly metadata: unknown }
  readonly sentence: string
}

/** In place of a name: why there is none. That somebody was erased is never said of a key that is merely missing. */
const withoutName = { erased: '(erased)', keyMissing: '(key missing)', notKnown: '(name not known)' }
const opaqueId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

@Injectable()
export class Journeys {
  private readonly people: PeopleIndex

  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
    private readonly reached: ReachedCases,
  ) {
    this.people = new PeopleIndex(readModels, vault)
  }

  async caseload(query: CaseloadQuery): Promise<CaseloadPage> {
    const { db } = this.readModels
    const pageSize = Math.min(200, Math.max(1, query.pageSize ?? 25))
    const page = Math.max(1, query.page ?? 1)
    const find = query.find?.trim() ?? ''
    const withheld = await this.reached.withheld()
    const found = find ? await this.people.find(find, withheld) : null
    const { statuses, provider, groupId, need } = query
    const quiet = quietSince(today())
    const filter = {
      ...(found && { tokens: tokensSought(this.vault, find), journeyIds: found.journeyIds }),
      statuses,
      provider,
      groupId,
      withheld,
      ...(need && { need: { kind: need, quietSince: quiet } }),
    }
    const limits = { limit: pageSize, offset: (page - 1) * pageSize }
    const {
      sort = found ? 'match' : 'last_contact',
      direction = sort === 'match' || sort === 'name' ? 'asc' : 'desc',
    } = query
    const { rows, total, more } =
      sort === 'name' || sort === 'match'
        ? await this.pageInOrder(
            filter,
            sort === 'name' || !found
              ? await this.people.byName()
              : new Map(found.journeyIds.map((id, place) => [id, place])),
            direction,
            limits,
          )
        : await caseloadPage(db, filter, { sort, direction, quietSince: quiet }, limits)
    const any =
      total > 0 ||
      (await withCaseload(db).selectFrom('caseload').select('journey_id').limit(1).executeTakeFirst()) !== undefined
    return {
      rows: rows.map((row) => this.row(row)),
      total,
      more: more || (found?.more ?? false),
      page,
      pageSize,
      ...(await providersAndGroups(db)),
      empty: !any,
    }
  }

  /** A page in an order that only this process knows. Whoever is found by a former name comes last. */
  private async pageInOrder(
    filter: CaseloadFilter,
    places: ReadonlyMap<string, number>,
    direction: 'asc' | 'desc',
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ) {
    const { db } = this.readModels
    const sign = direction === 'asc' ? 1 : -1
    const placeOf = (id: string) => places.get(id) ?? Number.MAX_SAFE_INTEGER
    const all = (await journeysMatching(db, filter)).sort(
      (a, b) => sign * (placeOf(a) - placeOf(b) || (a < b ? -1 : 1)),
    )
    const shown = all.slice(offset, offset + limit)
    const order = { sort: 'referred', direction: 'asc' } as const
    const { rows } = await caseloadPage(db, { journeyIds: shown }, order, { limit, offset: 0 })
    const rowOf = new Map(rows.map((row) => [row.journey_id, row]))
    return {
      rows: shown.flatMap((id) => rowOf.get(id) ?? []),
      total: Math.min(all.length, countedUpTo),
      more: all.length > countedUpTo,
    }
  }

  /** Who some journeys are about, for as many as there are. */
  async named(journeyIds: readonly string[]): Promise<readonly CaseloadRow[]> {
    return [...(await this.rowsOf(journeyIds.filter((id) => opaqueId.test(id)))).values()]
  }

  /** What the case load has of these journeys, by journey. */
  async rowsOf(journeyIds: readonly string[]): Promise<ReadonlyMap<string, CaseloadRow>> {
    const order = { sort: 'referred', direction: 'asc' } as const
    const limits = { limit: Math.max(1, journeyIds.length), offset: 0 }
    const withheld = await this.reached.withheld()
    const { rows } = await caseloadPage(this.readModels.db, { journeyIds, withheld }, order, limits)
    return new Map(rows.map((row) => [row.journey_id, this.row(row)]))
  }

  /** What the case load has of the other journeys of whom a journey is about, the newest referral first. */
  async othersOf({
    journeyId,
    participantId,
  }: Pick<JourneyHeader, 'journeyId' | 'participantId'>): Promise<readonly CaseloadRow[]> {
    const found = await withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .select('journey_id')
      .where('participant_id', '=', participantId)
      .where('journey_id', '!=', journeyId)
      .execute()
    if (found.length === 0) return []
    const rows = await this.rowsOf(found.map(({ journey_id: id }) => id))
    return [...rows.values()].toSorted((one, other) => (one.referredOn < other.referredOn ? 1 : -1))
  }

  /** The ids of all journeys of the man of a journey, that one first. */
  async ofSameMan(header: Pick<JourneyHeader, 'journeyId' | 'participantId'>): Promise<readonly string[]> {
    return [header.journeyId, ...(await this.othersOf(header)).map(({ journeyId }) => journeyId)]
  }

  /** What was told of who he is, from the read model, the first first: the last is believed. */
  async detailsTold(participantId: string): Promise<readonly DetailsVersion[]> {
    if ((await this.reached.withheld()).has(participantId)) return []
    const rows = await detailsTold(this.readModels.db, participantId)
    return rows.map((row): DetailsVersion => {
      const { crn, familyName, givenNames, dateOfBirth, because } = openedFields(this.vault, {
        stream: `participant-${participantId}`,
        id: row.event_id,
        keyId: participantId,
        sealed: row.sealed,
      }).fields as Details & { because?: string }
      return {
        revision: row.revision,
        eventId: row.event_id,
        recordedAt: row.recorded_at,
        recordedBy: row.recorded_by,
        source: row.source as Source,
        corrects: row.corrects,
        because: because ?? null,
        details: { crn, familyName, givenNames, dateOfBirth },
      }
    })
  }

  /** Where a command that corrected who he is was written, from the log; null where it added nothing. */
  async detailsAddedBy(
    commandId: string,
    participantId: string,
  ): Promise<{ readonly revision: number; readonly position: string } | null> {
    if ((await this.reached.withheld()).has(participantId)) return null
    for await (const { metadata, revision, position } of this.store.read(`participant-${participantId}`))
      if ((metadata as { commandId?: unknown }).commandId === commandId)
        return { revision, position: position === null ? '' : String(position) }
    return null
  }

  /** Null where there is no such journey, and just so where it is withheld from whoever asks. */
  async header(journeyId: string): Promise<JourneyHeader | null> {
    const withheld = await this.reached.withheld()
    if (!opaqueId.test(journeyId)) return null
    const row = await caseloadEntry(this.readModels.db, journeyId)
    if (!row) return this.headerFromLog(journeyId, withheld)
    if (withheld.has(row.participant_id)) return null
    return {
      ...this.row(row),
      participantId: row.participant_id,
      dateOfBirth: this.details(row).dateOfBirth ?? '',
      programmeKey: row.programme_key,
      programmeVersion: row.programme_version,
      revision: row.revision,
      parked: row.parked_at === null ? null : { revision: row.parked_at, why: row.parked_why ?? '' },
    }
  }

  /** While the read models are being built, or cannot be, the log still knows who he is. */
  private async headerFromLog(journeyId: string, withheld: ReadonlySet<string>): Promise<JourneyHeader | null> {
    const events: Recorded<JourneyEvent>[] = []
    let referral: Recorded<Extract<JourneyEvent, { type: 'ReferralReceived' }>> | undefined
    for await (const stored of this.store.read(`journey-${journeyId}`)) {
      const { event } = this.understood(stored)
      if (!event) break
      if (event.type === 'ReferralReceived') referral = event
      events.push(event)
    }
    if (!referral || withheld.has(referral.data.participantId)) return null
    let details: Details = {}
    let isErased = false
    for await (const stored of this.store.read(`participant-${referral.data.participantId}`)) {
      const event = opened(this.vault, recordedFrom<ParticipantEvent>(stored))
      if (saysDetails(event)) details = event.data
      if (event.type === 'KeyDestroyed') isErased = true
    }
    const facts = believedNow(events)
    const figures = figuresOf(facts)
    const { programme } = referral.data
    return {
      journeyId,
      name: this.nameOf(details, referral.data.participantId, isErased),
      crn: details.crn ?? '',
      reference: referral.data.reference ?? '',
      programme: programmeAt(programme.key, programme.version)?.name ?? programme.key,
      provider: facts.provider,
      groupId: facts.groupId,
      status: statusOf(facts),
      referredOn: facts.referredOn ?? '',
      lastContactOn: facts.lastContactOn ?? '',
      endedOn: facts.ending?.on ?? null,
      attended: figures.attended,
      acceptableAbsences: figures.acceptable_absences,
      unacceptableAbsences: figures.unacceptable_absences,
      corrections: figures.corrections,
      recategorisations: figures.recategorisations,
      facilitatorsMet: figures.facilitators_met,
      needs: needsOf({
        quiet: !facts.ending && (facts.lastContactOn ?? '') <= quietSince(today()),
        warning: isWarningDue(facts),
        review: isReviewDue(facts),
      }),
      demonstration: referral.metadata.source === 'simulator',
      participantId: referral.data.participantId,
      dateOfBirth: details.dateOfBirth ?? '',
      programmeKey: programme.key,
      programmeVersion: programme.version,
      revision: events.at(-1)!.revision,
      parked: null,
    }
  }

  /** From the read model, in the order it happened. */
  async timeline({ journeyId, programmeKey, programmeVersion }: JourneyHeader): Promise<readonly TimelineEntry[]> {
    const programme = programmeAt(programmeKey, programmeVersion)
    const rows = await timelineOf(this.readModels.db, journeyId)
    return rows.map((row): TimelineEntry => {
      const { fields } = openedFields(this.vault, {
        stream: `journey-${journeyId}`,
        id: row.event_id,
        keyId: row.key_id,
        sealed: row.sealed,
      })
      // A correction that says a fact anew seals the fact's own fields together.
      const told = row.of === null ? fields : ((fields.data ?? {}) as Record<string, unknown>)
      const text = (...names: string[]) =>
        (names.map((name) => told[name]).find((value) => typeof value === 'string') as string) ?? null
      const days = daysLate({ metadata: { occurredAt: row.occurred_on, recordedAt: row.recorded_at } })
      const session = programme && row.session_id ? sessionOf(programme, row.session_id) : undefined
      return {
        revision: row.revision,
        eventId: row.event_id,
        type: row.type,
        occurredOn: row.occurred_on,
        recordedAt: row.recorded_at,
        source: row.source as Source,
        recordedBy: row.recorded_by,
        module: session?.module ?? null,
        sessionId: row.session_id,
        outcome: row.outcome as Outcome | null,
        plannedFacilitators: staff(row.planned),
        actualFacilitators: staff(row.actual),
        corrects: row.corrects,
        withdraws: row.withdraws,
        of: row.of,
        fact: row.fact,
        withdrawnBy: row.withdrawn_by,
        current: row.current,
        latest: row.latest,
        because: typeof fields.because === 'string' ? fields.because : null,
        correctedBy: row.corrected_by,
        wasOutcome: row.was_outcome as Outcome | null,
        reason: row.reason,
        wasReason: row.was_reason,
        groupId: row.group_id,
        provider: row.provider,
        note: row.type === 'AttendanceCorrected' ? text('because') : text('note'),
        detail: text('result', 'about'),
        asWritten: (told.asWritten as Record<string, string> | undefined) ?? {},
        late: days > lateAfterDays,
        daysLate: days,
      }
    })
  }

  /** From the log itself, in recorded order, personal fields opened; nothing where there is no such journey. */
  async events(journeyId: string): Promise<readonly Recorded<JourneyEvent>[]> {
    const events: Recorded<JourneyEvent>[] = []
    for await (const { event } of this.history(journeyId)) if (event) events.push(event)
    return events
  }

  /** How many events its stream has in the log. */
  async eventCount(journeyId: string): Promise<number> {
    for await (const { revision } of this.store.readBackwards(`journey-${journeyId}`, 1)) return revision + 1
    return 0
  }

  /** The log itself, whole, in recorded order, as the auditor reads it; nothing where the journey is withheld from whoever asks now. */
  history(journeyId: string): AsyncGenerator<LogRecord> {
    return this.historyFor(journeyId, this.reached.asker())
  }

  private async *historyFor(journeyId: string, asker: Actor): AsyncGenerator<LogRecord> {
    if (!opaqueId.test(journeyId) || (await this.reached.isWithheld(journeyId, asker))) return
    for await (const stored of this.store.read(`journey-${journeyId}`)) {
      const { event, sentence } = this.understood(stored)
      yield {
        revision: stored.revision,
        eventId: stored.id,
        type: stored.type,
        receivedAt: stored.receivedAt.toISOString(),
        position: stored.position === null ? '' : String(stored.position),
        event,
        stored: { data: stored.data, metadata: stored.metadata },
        sentence,
      }
    }
  }

  /** The event at one revision, from the log; null where there is none. */
  async eventAt(journeyId: string, revision: number): Promise<Recorded<JourneyEvent> | null> {
    if (!opaqueId.test(journeyId) || (await this.reached.isWithheld(journeyId))) return null
    const [stored] = await this.store.readRange(`journey-${journeyId}`, revision, 1)
    return stored ? this.understood(stored).event : null
  }

  /** What a command added, from the log, and the revision the journey has now; null where it added nothing. */
  async addedBy(
    commandId: string,
    journeyId: string,
  ): Promise<{ readonly record: LogRecord; readonly headRevision: number } | null> {
    let added: LogRecord | undefined
    let headRevision = -1
    for await (const record of this.history(journeyId)) {
      headRevision = record.revision
      if (record.event?.metadata.commandId === commandId) added = record
    }
    return added ? { record: added, headRevision } : null
  }

  /** The groups to choose from; null where there are none yet, or too many to choose from. */
  async groups(): Promise<readonly string[] | null> {
    const { groups, moreGroups } = await providersAndGroups(this.readModels.db)
    return moreGroups || groups.length === 0 ? null : groups
  }

  private understood(stored: Parameters<typeof recordedFrom>[0]): {
    event: Recorded<JourneyEvent> | null
    sentence: string
  } {
    try {
      const event = opened(this.vault, recordedFrom<JourneyEvent>(stored))
      return { event, sentence: sentenceOf(event) }
    } catch (error) {
      if (error instanceof PoisonEvent)
        return { event: null, sentence: `This event cannot be understood: ${error.why}.` }
      if (error instanceof SealBroken)
        return { event: null, sentence: 'The sealed part of this event does not open: it was altered or moved.' }
      throw error
    }
  }

  private row(row: CaseloadPageRow): CaseloadRow {
    const details = this.details(row)
    return {
      journeyId: row.journey_id,
      name: this.nameOf(details, row.participant_id, row.erasure === 'destroyed'),
      crn: details.crn ?? '',
      reference: this.referenceOf(row),
      programme: programmeAt(row.programme_key, row.programme_version)?.name ?? row.programme_key,
      provider: row.provider,
      groupId: row.group_id,
      status: row.status,
      referredOn: row.referred_on,
      lastContactOn: row.last_contact_on,
      endedOn: row.ended_on,
      attended: row.attended,
      acceptableAbsences: row.acceptable_absences,
      unacceptableAbsences: row.unacceptable_absences,
      corrections: row.corrections,
      recategorisations: row.recategorisations,
      facilitatorsMet: row.facilitators_met,
      needs: needsOf({
        quiet: row.outcome === 'open' && row.last_contact_on <= quietSince(today()),
        warning: row.warning_due === 1,
        review: row.review_due === 1,
      }),
      demonstration: row.source === 'simulator',
    }
  }

  /** The referral's reference in the system it came from. */
  private referenceOf(row: {
    journey_id: string
    participant_id: string
    referral_event_id: string
    sealed: string | null
  }): string {
    const at = {
      stream: `journey-${row.journey_id}`,
      id: row.referral_event_id,
      keyId: row.participant_id,
      sealed: row.sealed,
    }
    return (openedFields(this.vault, at).fields.reference as string | undefined) ?? ''
  }

  private details(row: {
    participant_id: string
    details_event_id: string | null
    details_sealed: string | null
  }): Details {
    const at = {
      stream: `participant-${row.participant_id}`,
      id: row.details_event_id ?? '',
      keyId: row.participant_id,
      sealed: row.details_sealed,
    }
    return openedFields(this.vault, at).fields
  }

  private nameOf({ familyName, givenNames }: Details, participantId: string, isErased: boolean): string {
    if (familyName !== undefined || givenNames !== undefined) return [familyName, givenNames].filter(Boolean).join(', ')
    if (isErased) return withoutName.erased
    return this.vault.hasKey(participantId) ? withoutName.notKnown : withoutName.keyMissing
  }
}

const today = (): Day => dayOf(new Date().toISOString())

const needsOf = (due: { readonly quiet: boolean; readonly warning: boolean; readonly review: boolean }): Need[] => [
  ...(due.warning ? (['warning'] as const) : []),
  ...(due.review ? (['review'] as const) : []),
  ...(due.quiet ? (['no_contact'] as const) : []),
]

const staff = (json: string | null): readonly string[] => (json === null ? [] : (JSON.parse(json) as string[]))
