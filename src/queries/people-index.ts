/**
 * By what everybody in the case load can be found, opened into the memory of this process: nothing of it is on any disk. The
 * blind index beside it knows whole words only; what this one finds a man by, no stored token could without saying more of him.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { withCaseload } from '../../projections/caseload.ts'
import type { ReadModels } from '../../projections/runner/read-models.ts'
import type { Details } from '../domain/participant.ts'
import { openedFields } from '../protection/sealing.ts'
import { searchedNameWords } from '../protection/name-words.ts'
import { SealBroken, type Vault } from '../protection/vault.ts'
import { Comparison, findableBy, itIsHim, soughtIn, type Findable } from './sought.ts'

interface Indexed extends Findable {
  readonly participantId: string
  /** The events whose sealed fields were opened: once they are others, he is opened anew. */
  readonly openedFrom: string
  /** His family name, then his given names, as they are put in order. */
  readonly inOrder: string
  /** The last refresh that saw him. */
  seen: number
}

/** Rows that are read at once. */
const chunk = 2_000
/** So many are opened before anything else in this process has its turn. */
const atOnce = 100
/** More than this nobody reads through: who finds more adds a word. */
export const mostFound = 1_000
/** How long it is kept when nobody asks, in milliseconds. */
const keptMs = 30 * 60_000

export class PeopleIndex {
  private readonly journeys = new Map<string, Indexed>()
  /** Names are few among many people: each text is kept once. */
  private readonly texts = new Map<string, string>()
  private position = ''
  private refreshes = 0
  private working: Promise<void> = Promise.resolve()
  private order: ReadonlyMap<string, number> | undefined
  private forgetting: NodeJS.Timeout | undefined

  constructor(
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
  ) {
    vault.onDestroyed.add(() => this.forget())
  }

  /**
   * The journeys of those who answer to it, the nearest first, {@link mostFound} at most, and whether there are more.
   * @param withheld participants who are not found, whatever is typed
   */
  async find(
    typed: string,
    withheld: ReadonlySet<string>,
  ): Promise<{ readonly journeyIds: readonly string[]; readonly more: boolean }> {
    await this.upToDate()
    const comparison = new Comparison(soughtIn(typed))
    const found: { id: string; distance: number; man: Indexed }[] = []
    for (const [id, man] of this.journeys) {
      if (withheld.has(man.participantId)) continue
      const distance = comparison.distanceOf(man)
      if (distance !== null) found.push({ id, distance, man })
    }
    found.sort((a, b) => a.distance - b.distance || inOrder(a.man, b.man) || (a.id < b.id ? -1 : 1))
    const meant = found[0]?.distance === itIsHim ? found.filter(({ distance }) => distance === itIsHim) : found
    const journeyIds = meant
      .slice(0, mostFound)
      // Whoever was erased since is found by nothing any more.
      .filter(({ man }) => this.vault.hasKey(man.participantId))
      .map(({ id }) => id)
    return { journeyIds, more: meant.length > mostFound }
  }

  /** The place of each journey among all, by name. */
  async byName(): Promise<ReadonlyMap<string, number>> {
    await this.upToDate()
    this.order ??= new Map(
      [...this.journeys]
        .sort(([a, one], [b, other]) => inOrder(one, other) || (a < b ? -1 : 1))
        .map(([id], place) => [id, place]),
    )
    return this.order
  }

  /** Everything that is opened is let go of. */
  forget(): void {
    this.journeys.clear()
    this.texts.clear()
    this.order = undefined
    this.position = ''
  }

  private upToDate(): Promise<void> {
    clearTimeout(this.forgetting)
    this.forgetting = setTimeout(() => this.forget(), keptMs).unref()
    this.working = this.working.catch(() => undefined).then(() => this.refresh())
    return this.working
  }

  private async refresh(): Promise<void> {
    const { position } = await this.readModels.asOf()
    if (position === this.position) return
    this.order = undefined
    const refresh = ++this.refreshes
    for (let after = ''; ;) {
      const rows = await this.rowsAfter(after)
      const changed = rows.filter((row) => {
        const known = this.journeys.get(row.journey_id)
        if (known) known.seen = refresh
        return known?.openedFrom !== eventsOf(row)
      })
      await this.openAll(changed, refresh)
      if (rows.length < chunk) break
      after = rows.at(-1)!.journey_id
    }
    for (const [id, { seen }] of this.journeys) if (seen !== refresh) this.journeys.delete(id)
    this.position = position
  }

  private rowsAfter(journeyId: string) {
    return withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .leftJoin('participant', 'participant.participant_id', 'caseload.participant_id')
      .select([
        'caseload.journey_id',
        'caseload.participant_id',
        'caseload.referral_event_id',
        'participant.event_id as details_event_id',
        'caseload.sealed',
        'participant.sealed as details_sealed',
      ])
      .where('caseload.journey_id', '>', journeyId)
      .orderBy('caseload.journey_id')
      .limit(chunk)
      .execute()
  }

  private async openAll(rows: Awaited<ReturnType<PeopleIndex['rowsAfter']>>, refresh: number): Promise<void> {
    for (const [n, row] of rows.entries()) {
      if (n % atOnce === atOnce - 1) await turn()
      const { journey_id: journeyId, participant_id: keyId } = row
      const details: Details = this.opened({
        stream: `participant-${keyId}`,
        id: row.details_event_id ?? '',
        keyId,
        sealed: row.details_sealed,
      })
      const { reference } = this.opened({
        stream: `journey-${journeyId}`,
        id: row.referral_event_id,
        keyId,
        sealed: row.sealed,
      })
      const { words, ...numbers } = findableBy({ ...details, reference: reference as string | undefined })
      const { familyName = '', givenNames = '' } = details
      this.journeys.set(journeyId, {
        ...numbers,
        words: words.map((word) => this.kept(word)),
        participantId: keyId,
        openedFrom: eventsOf(row),
        inOrder: this.kept([familyName, givenNames].map((name) => searchedNameWords(name).join(' ')).join('\t')),
        seen: refresh,
      })
    }
  }

  /** What was altered or moved finds nobody. */
  private opened(at: Parameters<typeof openedFields>[1]): Record<string, unknown> {
    try {
      return openedFields(this.vault, at).fields
    } catch (error) {
      if (error instanceof SealBroken) return {}
      throw error
    }
  }

  private kept(text: string): string {
    const known = this.texts.get(text)
    if (known === undefined) this.texts.set(text, text)
    return known ?? text
  }
}

const eventsOf = (row: { referral_event_id: string; details_event_id: string | null }): string =>
  `${row.referral_event_id} ${row.details_event_id ?? ''}`

const inOrder = (a: Indexed, b: Indexed): number => (a.inOrder === b.inOrder ? 0 : a.inOrder < b.inOrder ? -1 : 1)
