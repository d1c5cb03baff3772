/** The registers across all journeys: what was put right, told late, taken back, confirmed or taken away, when and by whom. */
import { sql } from 'kysely'
import { withCaseload } from '../../projections/caseload.ts'
import { withRegisters, type AuditEntryTable, type AuditList } from '../../projections/registers.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import type { QueryDatabase } from '../../projections/storage/bookkeeping.ts'
import { daysBetween, dayOf, type Day, type Instant } from '../domain/calendar.ts'
import type { EventType } from '../domain/events.ts'
import { openedFields } from '../protection/sealing.ts'
import { Vault } from '../protection/vault.ts'
import { ReachedCases, type WithheldCases } from './reached-cases.ts'

/** The registers, by the name in their address. */
export const registerNames = [
  'corrections',
  'late-recording',
  'recategorised-outcomes',
  'withdrawn-endings',
  'reinstatements',
  'confirmed-oddities',
  'taken-away',
] as const
export type RegisterName = (typeof registerNames)[number]

export const isRegisterName = (text: unknown): text is RegisterName => registerNames.some((name) => name === text)

/** Which of the rows are asked for. */
export interface RegisterFilter {
  /** The first and the last day on which it was recorded. */
  readonly from?: Day
  readonly to?: Day
  /** Who recorded it, by the id that stands in the log. */
  readonly by?: string
}

export interface AuditRow {
  readonly category: AuditEntryTable['category']
  /** The stream of its event. */
  readonly stream: string
  /** The journeys that the row is about; none of what is about none, several where a man's details were corrected. */
  readonly journeyIds: readonly string[]
  readonly revision: number
  readonly eventId: string
  readonly type: EventType
  readonly occurredOn: Day
  readonly recordedOn: Day
  readonly recordedAt: Instant
  readonly daysLate: number
  readonly by: string
  readonly role: string
  readonly organisation: string
  readonly source: string
  /** The revision that it corrects or withdraws, the type of the event that told the fact first, and the days until then. */
  readonly about: number | null
  readonly of: string | null
  readonly lagDays: number | null
  readonly was: string | null
  readonly became: string | null
  readonly detail: string | null
  /** Of what was taken away: how many events or rows it held. */
  readonly records: number | null
  /** Of an ending that was withdrawn: the revision by which the withdrawal was taken back itself, so the ending stands again. */
  readonly takenBackBy: number | null
}

export interface RegisterPage {
  /** With the reason that was given, in the words in which it was. */
  readonly rows: readonly (AuditRow & { readonly because: string | null })[]
  readonly total: number
  /** How many, by the month in which they were recorded (`2025-03`), in order and without the months that have none. */
  readonly months: readonly { readonly month: string; readonly rows: number }[]
}

/** The whole that recategorised outcomes are a part of: everybody who was ever recorded as having left, whatever was recorded since. */
export interface Leavers {
  readonly left: number
  readonly recategorised: number
  readonly withdrawn: number
  readonly reinstated: number
  /** By the reason that was recorded first. */
  readonly byReason: readonly { readonly reason: string; readonly left: number; readonly recategorised: number }[]
}

const lists: Readonly<Record<RegisterName, AuditList>> = {
  corrections: 'corrections',
  'late-recording': 'late',
  'recategorised-outcomes': 'recategorised',
  'withdrawn-endings': 'withdrawals',
  reinstatements: 'reinstated',
  'confirmed-oddities': 'oddities',
  'taken-away': 'taken',
}

/** How many rows a page shows. */
export const registerPageSize = 25
/** How many rows of a download are read at a time. */
const atOnce = 1_000

const uuidShape = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Made without Nest, since the command that packs a register at the terminal starts without it. */
export class Registers {
  constructor(
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
    private readonly reached: ReachedCases,
  ) {}

  /** One page, the newest first. @param page from 1 */
  async page(name: RegisterName, filter: RegisterFilter, page: number): Promise<RegisterPage> {
    const withheld = await this.reached.withheldCases()
    const rows = await this.withWhatTheyChange(name, filter, withheld)
      .orderBy('entry.recorded_on', 'desc')
      .orderBy('entry.subject_id', 'desc')
      .orderBy('entry.revision', 'desc')
      .limit(registerPageSize)
      .offset((page - 1) * registerPageSize)
      .execute()
    const month = sql<string>`substr(entry.recorded_on, 1, 7)`
    const months = await registerEntries(this.readModels.db, name, filter, withheld)
      .select([month.as('month'), (count) => count.fn.countAll<number>().as('rows')])
      .groupBy(month)
      .orderBy(month)
      .execute()
    const counted = months.map(({ month, rows }) => ({ month, rows: Number(rows) }))
    return {
      rows: (await this.complete(rows)).map((row, n) => ({ ...row, because: this.becauseOf(rows[n]!) })),
      total: counted.reduce((sum, { rows }) => sum + rows, 0),
      months: counted,
    }
  }

  /** Every row, the oldest first, read in pages: what is recorded meanwhile comes at the end or not at all. */
  async *all(
    name: RegisterName,
    filter: RegisterFilter,
    asker = this.reached.asker(),
  ): AsyncGenerator<readonly AuditRow[]> {
    const withheld = await this.reached.withheldCases(asker)
    let last: { recorded_on: string; subject_id: string; revision: number } | undefined
    for (;;) {
      let query = this.withWhatTheyChange(name, filter, withheld)
      if (last !== undefined) {
        const { recorded_on, subject_id, revision } = last
        query = query.where(
          sql<boolean>`(entry.recorded_on, entry.subject_id, entry.revision) > (${recorded_on}, ${subject_id}, ${revision})`,
        )
      }
      const rows = await query
        .orderBy('entry.recorded_on')
        .orderBy('entry.subject_id')
        .orderBy('entry.revision')
        .limit(atOnce)
        .execute()
      if (rows.length > 0) yield await this.complete(rows)
      if (rows.length < atOnce) return
      last = rows.at(-1)
    }
  }

  /** @param filter leavings recorded on these days by this person; what was recorded of them since counts whenever it was */
  async leavers(filter: RegisterFilter): Promise<Leavers> {
    const { db } = this.readModels
    const withheld = await this.reached.withheldCases()
    const first = withRegisters(db)
      .selectFrom('audit_entry as entry')
      .select((select) => ['entry.subject_id', select.fn.min('entry.revision').as('revision')])
      .where('entry.list', '=', 'ended')
      .where('entry.type', '=', 'ParticipantDroppedOut')
      .where(within(filter))
      .where(notAbout(withheld))
      .groupBy('entry.subject_id')
    const changed = registerEntries(this.readModels.db, 'recategorised-outcomes', {}, withheld)
      .select('entry.subject_id')
      .distinct()
    const recategorised = sql<number>`count(changed.subject_id)`
    const reasons = await withRegisters(db)
      .selectFrom(first.as('first'))
      .innerJoin('audit_entry as ended', (join) =>
        join
          .onRef('ended.subject_id', '=', 'first.subject_id')
          .onRef('ended.revision', '=', 'first.revision')
          .on('ended.list', '=', 'ended'),
      )
      .leftJoin(changed.as('changed'), 'changed.subject_id', 'first.subject_id')
      .select(['ended.became as reason', (count) => count.fn.countAll<number>().as('left')])
      .select(recategorised.as('recategorised'))
      .groupBy('ended.became')
      .orderBy('left', 'desc')
      .orderBy('reason')
      .execute()
    const byReason = reasons.map(({ reason, left, recategorised }) => ({
      reason: reason ?? '',
      left: Number(left),
      recategorised: Number(recategorised),
    }))
    const sumOf = (field: 'left' | 'recategorised') => byReason.reduce((sum, row) => sum + row[field], 0)
    const alsoIn = async (entries: ReturnType<typeof registerEntries>) => {
      const { subjects } = await withRegisters(db)
        .selectFrom(first.as('first'))
        .innerJoin(entries.select('entry.subject_id').distinct().as('other'), 'other.subject_id', 'first.subject_id')
        .select((count) => count.fn.countAll<number>().as('subjects'))
        .executeTakeFirstOrThrow()
      return Number(subjects)
    }
    return {
      left: sumOf('left'),
      recategorised: sumOf('recategorised'),
      withdrawn: await alsoIn(registerEntries(this.readModels.db, 'withdrawn-endings', {}, withheld)),
      reinstated: await alsoIn(registerEntries(this.readModels.db, 'reinstatements', {}, withheld)),
      byReason,
    }
  }

  /** How many rows the whole register has. */
  async count(name: RegisterName, filter: RegisterFilter): Promise<number> {
    const { rows } = await registerEntries(this.readModels.db, name, filter, await this.reached.withheldCases())
      .select((count) => count.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow()
    return Number(rows)
  }

  /** The journeys that stand in the whole register, each once. */
  async subjects(name: RegisterName, filter: RegisterFilter): Promise<readonly string[]> {
    const rows = await registerEntries(this.readModels.db, name, filter, await this.reached.withheldCases())
      .where('entry.category', '=', 'journey')
      .select('entry.subject_id')
      .distinct()
      .execute()
    return rows.map(({ subject_id }) => subject_id)
  }

  /** By journey, the revisions that recorded an ending of it: what a changed reason for leaving rests on. */
  async endingsOf(journeyIds: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const endings = new Map<string, number[]>()
    for (let n = 0; n < journeyIds.length; n += atOnce) {
      const rows = await withRegisters(this.readModels.db)
        .selectFrom('audit_entry')
        .select(['subject_id', 'revision'])
        .where('list', '=', 'ended')
        .where('subject_id', 'in', journeyIds.slice(n, n + atOnce))
        .orderBy('revision')
        .execute()
      for (const { subject_id, revision } of rows)
        endings.set(subject_id, [...(endings.get(subject_id) ?? []), revision])
    }
    return endings
  }

  /** With what the timeline knows of each, and of the event that it corrects or withdraws. */
  private withWhatTheyChange(name: RegisterName, filter: RegisterFilter, withheld: WithheldCases) {
    return registerEntries(this.readModels.db, name, filter, withheld)
      .leftJoin('timeline as about', (join) =>
        join.onRef('about.journey_id', '=', 'entry.subject_id').onRef('about.revision', '=', 'entry.about'),
      )
      .leftJoin('timeline as own', (join) =>
        join.onRef('own.journey_id', '=', 'entry.subject_id').onRef('own.revision', '=', 'entry.revision'),
      )
      .selectAll('entry')
      .select([
        'about.recorded_at as about_recorded_at',
        'about.type as about_type',
        'about.of as about_of',
        'about.outcome as about_outcome',
        'about.reason as about_reason',
        'own.key_id',
        'own.sealed',
      ])
  }

  private async complete(rows: readonly ReadRow[]): Promise<readonly AuditRow[]> {
    const journeysOf = await this.journeysOf(
      rows.filter(({ category }) => category === 'participant').map(({ subject_id }) => subject_id),
    )
    const withdrawn = await this.withdrawn(rows)
    return rows.map((row): AuditRow => ({
      category: row.category,
      stream: `${row.category}-${row.subject_id}`,
      journeyIds:
        row.category === 'journey'
          ? [row.subject_id]
          : row.category === 'participant'
            ? (journeysOf.get(row.subject_id) ?? [])
            : uuidShape.test(row.detail ?? '')
              ? [row.detail!]
              : [],
      revision: row.revision,
      eventId: row.event_id,
      type: row.type,
      occurredOn: row.occurred_on,
      recordedOn: row.recorded_on,
      recordedAt: row.recorded_at,
      daysLate: row.days_late,
      by: row.recorded_by,
      role: row.role,
      organisation: row.organisation,
      source: row.source,
      about: row.about,
      of: row.of ?? row.about_of ?? row.about_type,
      lagDays: row.about_recorded_at === null ? null : daysBetween(dayOf(row.about_recorded_at), row.recorded_on),
      was: row.was ?? row.about_outcome ?? row.about_reason,
      became: row.became,
      detail: row.detail,
      records: row.records,
      takenBackBy: withdrawn.get(`${row.subject_id} ${row.revision}`) ?? null,
    }))
  }

  /** Of these rows those that were withdrawn by an event that stands, as subject and revision, with the revision of that event. */
  private async withdrawn(rows: readonly ReadRow[]): Promise<ReadonlyMap<string, number>> {
    const subjects = [...new Set(rows.map(({ subject_id }) => subject_id))]
    if (subjects.length === 0) return new Map()
    const withdrawals = await withRegisters(this.readModels.db)
      .selectFrom('audit_entry')
      .select(['subject_id', 'revision', 'about'])
      .where('list', '=', 'withdrawals')
      .where('subject_id', 'in', subjects)
      .orderBy('revision', 'desc')
      .execute()
    const withdrawn = new Map<string, number>()
    // A withdrawal is always recorded after what it takes back, so the last of them is judged first.
    for (const { subject_id, revision, about } of withdrawals)
      if (!withdrawn.has(`${subject_id} ${revision}`)) withdrawn.set(`${subject_id} ${about}`, revision)
    return withdrawn
  }

  private becauseOf({ subject_id, category, event_id, key_id, sealed }: ReadRow): string | null {
    if (category !== 'journey' || sealed === null) return null
    const { fields } = openedFields(this.vault, {
      stream: `journey-${subject_id}`,
      id: event_id,
      keyId: key_id,
      sealed,
    })
    return typeof fields.because === 'string' ? fields.because : null
  }

  /** By participant, his journeys. */
  private async journeysOf(participantIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    if (participantIds.length === 0) return new Map()
    const rows = await withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .select(['participant_id', 'journey_id'])
      .where('participant_id', 'in', [...new Set(participantIds)])
      .orderBy('journey_id')
      .execute()
    return new Map(
      Object.entries(Object.groupBy(rows, ({ participant_id }) => participant_id)).map(([id, journeys]) => [
        id,
        journeys!.map(({ journey_id }) => journey_id),
      ]),
    )
  }
}

/** The rows of a register that the asker may see, with no columns selected yet. */
export function registerEntries(
  db: QueryDatabase,
  name: RegisterName,
  filter: RegisterFilter,
  withheld: WithheldCases,
) {
  let query = withRegisters(db)
    .selectFrom('audit_entry as entry')
    .where('entry.list', '=', lists[name])
    .where(within(filter))
    .where(notAbout(withheld))
  if (name === 'withdrawn-endings')
    query = query.where((where) =>
      where.exists(
        where
          .selectFrom('audit_entry as ended')
          .select('ended.revision')
          .where('ended.list', '=', 'ended')
          .whereRef('ended.subject_id', '=', 'entry.subject_id')
          .whereRef('ended.revision', '=', 'entry.about'),
      ),
    )
  // A correction of a leaving that left its reason as it was recategorised nothing.
  if (name === 'recategorised-outcomes')
    query = query.where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('timeline as corrected')
            .select('corrected.revision')
            .whereRef('corrected.journey_id', '=', 'entry.subject_id')
            .whereRef('corrected.revision', '=', 'entry.about')
            .whereRef('corrected.reason', '=', 'entry.became'),
        ),
      ),
    )
  return query
}

type ReadRow = Awaited<ReturnType<ReturnType<Registers['withWhatTheyChange']>['execute']>>[number]

/** The row is about nobody who is withheld: neither is its subject, nor the journey it names. */
function notAbout({ participants, journeys }: WithheldCases) {
  const ids = [...participants, ...journeys]
  if (ids.length === 0) return sql<boolean>`1 = 1`
  const listed = sql.join(ids)
  return sql<boolean>`(entry.subject_id not in (${listed}) and (entry.detail is null or entry.detail not in (${listed})))`
}

/** Recorded on these days by this person. */
const within = ({ from, to, by }: RegisterFilter) =>
  sql<boolean>`(${sql.join(
    [
      sql`1 = 1`,
      ...(from === undefined ? [] : [sql`entry.recorded_on >= ${from}`]),
      ...(to === undefined ? [] : [sql`entry.recorded_on <= ${to}`]),
      ...(by === undefined ? [] : [sql`entry.recorded_by = ${by}`]),
    ],
    sql` and `,
  )})`
