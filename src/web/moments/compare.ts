/** What the page of two moments shows: status and figures beside each other, and each change with who made it and why. */
import type { Clock } from '../replay/moments.ts'
import { sentenceOf, wordsOf } from '../../domain/event-words.ts'
import type { DomainEvent } from '../../domain/events.ts'
import type { Recorded } from '../../domain/history.ts'
import {
  whyOf,
  type BelievedVersion,
  type FactChange,
  type FactChangeKind,
  type JourneyComparison,
} from '../../domain/journey/comparison.ts'
import { nounOf } from '../../domain/journey/correctable.ts'
import { statuses, type JourneyFigures, type Status } from '../../domain/journey/figures.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { reasons } from '../../domain/journey/outcomes.ts'
import type { JourneyMoment } from '../../domain/journey/replay.ts'
import type { JourneyHeader } from '../../queries/journeys.ts'
import { sayField } from '../forms/answers.ts'
import { sayCount, sayDay, sayInstant } from '../layout/dates.ts'
import { textOfField } from '../put-right/fields.ts'
import { clockWords, sayMoment } from './asked-moment.ts'

/** How one of the two moments is named, and the pages that show it alone. */
export interface ComparedMoment {
  readonly by: string
  readonly when: string
  readonly replay: string
  readonly record: string
}

export interface ChangeView {
  readonly how: FactChangeKind
  readonly howInWords: string
  /** The fact: `Session F3 of 3 March 2025`. */
  readonly what: string
  readonly fact: number
  readonly before: readonly string[]
  /** What is said where nothing stood at the first moment. */
  readonly absentBefore: string
  readonly after: readonly string[]
  readonly by: readonly ChangedBy[]
}

export interface ChangedBy {
  readonly revision: number
  readonly did: string
  readonly who: string
  readonly recordedAt: string
  readonly why: string
}

export interface FigureRow {
  readonly name: string
  readonly before: string
  readonly after: string
  readonly changed: boolean
}

export interface ComparisonView {
  readonly clock: Clock
  readonly clockName: string
  readonly clockMeans: string
  readonly from: ComparedMoment
  readonly to: ComparedMoment
  readonly summary: string
  readonly status: {
    readonly before: Status
    readonly after: Status
    readonly beforeName: string
    readonly afterName: string
  }
  readonly figures: readonly FigureRow[]
  readonly changes: readonly ChangeView[]
  /** The address of this comparison. */
  readonly here: string
}

type Programme = Pick<JourneyHeader, 'programmeKey' | 'programmeVersion'>

/** @param path of the journey */
export function comparisonView(
  path: string,
  compared: JourneyComparison,
  from: string,
  to: string,
  programme: Programme,
): ComparisonView {
  const { clock, status } = compared
  const { name, means } = clockWords[clock]
  const moment = (by: string): ComparedMoment => {
    const address = `clock=${clock}&at=${encodeURIComponent(by)}`
    return { by, when: sayMoment(by), replay: `${path}/replay?${address}`, record: `${path}/record?${address}` }
  }
  const happened = ({ after, before, fact }: FactChange) =>
    `${(after ?? before)?.on ?? ''} ${String(fact).padStart(9, '0')}`
  const inOrder =
    clock === 'known' ? compared.facts : compared.facts.toSorted((a, b) => (happened(a) < happened(b) ? -1 : 1))
  return {
    clock,
    clockName: name,
    clockMeans: means,
    from: moment(from),
    to: moment(to),
    summary: summaryOf(compared.facts),
    status: { ...status, beforeName: statuses[status.before], afterName: statuses[status.after] },
    figures: figureRows(compared.from, compared.to),
    changes: inOrder.map((change) => changeView(change, clock, programme)),
    here: `${path}/compare?clock=${clock}&from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`,
  }
}

const kinds: Readonly<Record<FactChangeKind, { readonly tag: string; readonly counted: string }>> = {
  added: { tag: 'Added', counted: 'added' },
  corrected: { tag: 'Corrected', counted: 'corrected' },
  withdrawn: { tag: 'Withdrawn', counted: 'withdrawn' },
  put_back: { tag: 'Put back', counted: 'put back' },
  as_before: { tag: 'As before', counted: 'as before, though something was recorded about it' },
}

function summaryOf(facts: readonly FactChange[]): string {
  if (facts.length === 0) return 'Nothing changed between these two moments.'
  const counts = (Object.keys(kinds) as FactChangeKind[]).flatMap((kind) => {
    const count = facts.filter(({ how }) => how === kind).length
    return count === 0 ? [] : [`${count} ${kinds[kind].counted}`]
  })
  return `${sayCount(facts.length, 'record')} changed: ${counts.join(', ')}.`
}

const figureNames: Readonly<Record<keyof JourneyFigures, string>> = {
  outcome: 'How it stands',
  reason: 'Reason for leaving',
  attended: 'Sessions attended',
  unacceptable_absences: 'Unacceptable absences',
  acceptable_absences: 'Acceptable absences',
  facilitators_met: 'Facilitators met',
  corrections: 'Corrections',
  recategorisations: 'Recategorisations',
}

const outcomeNames: Readonly<Record<JourneyFigures['outcome'], string>> = {
  open: 'Not ended',
  completed: 'Completed',
  dropped_out: 'Dropped out',
}

function figureRows(from: JourneyMoment | null, to: JourneyMoment): readonly FigureRow[] {
  const say = (figures: JourneyFigures | undefined, figure: keyof JourneyFigures): string => {
    if (figure === 'outcome') return outcomeNames[figures?.outcome ?? 'open']
    if (figure === 'reason') return figures?.reason ? reasons[figures.reason] : 'None'
    return String(figures?.[figure] ?? 0)
  }
  return (Object.keys(figureNames) as (keyof JourneyFigures)[]).map((figure) => {
    const [before, after] = [say(from?.figures, figure), say(to.figures, figure)]
    return { name: figureNames[figure], before, after, changed: before !== after }
  })
}

function changeView(
  { how, fact, of, before, after, fields, events }: FactChange,
  clock: Clock,
  programme: Programme,
): ChangeView {
  const said = after ?? before
  const told = said ? `${nounOf(said.of, said.data)} of ${sayDay(said.on)}` : wordsOf(of).name
  const sayValue = (field: string, value: unknown): string => {
    if (field === 'on') return `Date: ${sayDay(value as string)}`
    const text = textOfField(field, value)
    const { label } = sayField(field, '', programme)
    return `${label}: ${text === '' ? 'nothing' : sayField(field, text, programme).text}`
  }
  const whole = (version: BelievedVersion | null): readonly string[] => (version ? [sentenceFor(version)] : [])
  const corrected = how === 'corrected'
  const toldBefore = events[0]!.revision !== fact
  return {
    how,
    howInWords: kinds[how].tag,
    what: told.charAt(0).toUpperCase() + told.slice(1),
    fact,
    before: corrected ? fields.map(({ field, before: was }) => sayValue(field, was)) : whole(before),
    absentBefore: toldBefore
      ? 'Withdrawn as recorded in error'
      : clock === 'known'
        ? 'Not yet on record'
        : 'Had not happened yet',
    after: corrected ? fields.map(({ field, after: is }) => sayValue(field, is)) : whole(after),
    by: events.map((event) => changedBy(event, fact)),
  }
}

/** What a version of a fact says, in one plain sentence. */
const sentenceFor = ({ of, data }: BelievedVersion): string =>
  sentenceOf({ type: of, data } as unknown as Recorded<DomainEvent>)

function changedBy(event: Recorded<JourneyEvent>, fact: number): ChangedBy {
  const { revision, type, metadata } = event
  // The note of a record that tells something says more of it; of what puts it right, it is the reason.
  const isReason = revision !== fact || type === 'JourneyReinstated'
  return {
    revision,
    did: revision === fact ? 'Recorded' : changedHow(event),
    who: metadata.actor.id,
    recordedAt: sayInstant(metadata.recordedAt),
    why: isReason ? whyOf(event) : '',
  }
}

function changedHow({ type, data }: Recorded<JourneyEvent>): string {
  if (type === 'RecordWithdrawn') return `Withdrew event ${data.withdraws}`
  if (type === 'RecordCorrected' || type === 'AttendanceCorrected') return `Corrected event ${data.corrects}`
  return wordsOf(type).name
}
