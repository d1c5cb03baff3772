/** Two moments of one journey side by side: what is believed otherwise at the later one, and the events that made the difference. */
import type { Recorded } from '../history.ts'
import { figuresOf, type JourneyFigures, type Status } from './figures.ts'
import type { JourneyEvent } from './fold.ts'
import { journeyOn, type JourneyMoment, type Moment } from './replay.ts'
import { nothingKnown } from './state.ts'
import { versionsIn, type FactVersion } from './versions.ts'

/** What became of one fact between the two moments. */
export type FactChangeKind =
  /** Told for the first time, and it stands. */
  | 'added'
  /** It says something else. */
  | 'corrected'
  /** It stood, and was taken back as recorded in error. */
  | 'withdrawn'
  /** It had been taken back, and stands again. */
  | 'put_back'
  /** Events about it were added, and what is believed is as it was: a correction that was withdrawn, a record that never stood. */
  | 'as_before'

/** What is believed of a fact at one moment. */
export interface BelievedVersion extends FactVersion {
  /** The event that says so. */
  readonly revision: number
}

/** One field of a fact that says something else; `on` is the day on which it happened. */
export interface FieldChange {
  readonly field: string
  readonly before: unknown
  readonly after: unknown
}

export interface FactChange {
  readonly how: FactChangeKind
  /** The revision of the event that told the fact first. */
  readonly fact: number
  /** The type of that event. */
  readonly of: JourneyEvent['type']
  /** Null where the fact was not known, or did not stand. */
  readonly before: BelievedVersion | null
  readonly after: BelievedVersion | null
  /** What it says otherwise; empty unless it was corrected. */
  readonly fields: readonly FieldChange[]
  /** The events that were added about it, in the order of the log: who did it, when, and why. */
  readonly events: readonly Recorded<JourneyEvent>[]
}

export interface FigureChange {
  readonly figure: keyof JourneyFigures
  readonly before: JourneyFigures[keyof JourneyFigures]
  readonly after: JourneyFigures[keyof JourneyFigures]
}

export interface JourneyComparison {
  readonly clock: Moment['clock']
  /** Null: before anything. */
  readonly from: JourneyMoment | null
  readonly to: JourneyMoment
  /** In the order in which the facts were first told; a fact about which nothing was added is not among them. */
  readonly facts: readonly FactChange[]
  /** The figures that differ. */
  readonly figures: readonly FigureChange[]
  readonly status: { readonly before: Status; readonly after: Status }
  /** Everything that counts at the later moment and not at the earlier one, in the order of the log. */
  readonly events: readonly Recorded<JourneyEvent>[]
}

/** Where the two moments are: days on the clock of what happened, instants on the clock of what was known. */
export interface ComparedMoments {
  readonly clock: Moment['clock']
  /** Null: before anything. */
  readonly from: string | null
  readonly to: string
}

/**
 * @param events of one journey, in the order of the log
 * @throws RangeError where the first moment is after the second
 */
export function compareMoments(
  events: readonly Recorded<JourneyEvent>[],
  { clock, from, to }: ComparedMoments,
): JourneyComparison {
  if (from !== null && from > to) throw new RangeError('The first moment is after the second.')
  const journey = journeyOn(clock, events)
  const [before, after] = [from === null ? null : journey.at(from), journey.at(to)]
  const known = new Set(before?.included.map(({ revision }) => revision))
  const added = after.included.filter(({ revision }) => !known.has(revision))
  const figuresBefore = before?.figures ?? figuresOf(nothingKnown)
  return {
    clock,
    from: before,
    to: after,
    facts: factChanges(events, before?.included ?? [], after.included, known),
    figures: (Object.keys(after.figures) as (keyof JourneyFigures)[]).flatMap((figure) =>
      figuresBefore[figure] === after.figures[figure]
        ? []
        : [{ figure, before: figuresBefore[figure], after: after.figures[figure] }],
    ),
    status: { before: before?.status ?? 'not_referred', after: after.status },
    events: added,
  }
}

function factChanges(
  all: readonly Recorded<JourneyEvent>[],
  before: readonly Recorded<JourneyEvent>[],
  after: readonly Recorded<JourneyEvent>[],
  known: ReadonlySet<number>,
): readonly FactChange[] {
  // Times of recording may go back, as an import's do: a correction can be known before what it corrects, so all are asked.
  const { factOf } = versionsIn(all)
  const [was, is] = [believedVersions(before), believedVersions(after)]
  const types = new Map(all.map(({ revision, type }) => [revision, type]))
  const added = Map.groupBy(
    after.filter(({ revision }) => !known.has(revision)),
    ({ revision }) => factOf.get(revision)!,
  )
  return [...added]
    .sort(([one], [other]) => one - other)
    .map(([fact, events]) => {
      const [then, now] = [was(fact), is(fact)]
      const fields = then && now ? differencesBetween(then, now) : []
      const how = kindOf(then, now, fields, known.has(fact))
      return { how, fact, of: types.get(fact)!, before: then, after: now, fields, events }
    })
}

/** By fact, what stands of it as these events tell it. */
function believedVersions(events: readonly Recorded<JourneyEvent>[]): (fact: number) => BelievedVersion | null {
  const { said, current } = versionsIn(events)
  return (fact) => {
    const revision = current.get(fact)
    const version = revision === undefined ? undefined : said.get(revision)
    return version ? { ...version, revision: revision! } : null
  }
}

function kindOf(
  was: BelievedVersion | null,
  is: BelievedVersion | null,
  fields: readonly FieldChange[],
  toldBefore: boolean,
): FactChangeKind {
  if (was && is) return fields.length > 0 ? 'corrected' : 'as_before'
  if (was) return 'withdrawn'
  if (is) return toldBefore ? 'put_back' : 'added'
  return 'as_before'
}

/** The day first, then the fields in the order in which they are told. What is not given and what is given as nothing are the same. */
function differencesBetween(was: FactVersion, is: FactVersion): readonly FieldChange[] {
  const [before, after]: Readonly<Record<string, unknown>>[] = [
    { on: was.on, ...was.data },
    { on: is.on, ...is.data },
  ]
  const names = new Set([...Object.keys(before!), ...Object.keys(after!)])
  return [...names].flatMap((field) =>
    asText(before![field]) === asText(after![field]) ? [] : [{ field, before: before![field], after: after![field] }],
  )
}

const asText = (value: unknown): string => JSON.stringify(value ?? '')

/** Why an event was recorded, in the words of whoever recorded it; empty where that was not written down. */
export function whyOf({ data }: Recorded<JourneyEvent>): string {
  const { because, note } = data as { because?: unknown; note?: unknown }
  return [because, note].find((said): said is string => typeof said === 'string' && said.trim() !== '') ?? ''
}
