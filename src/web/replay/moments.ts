/** What is shown of one moment of a journey: what was added at it, how things stood, and what was believed then and is no longer. */
import { dayOf } from '../../domain/calendar.ts'
import { factSentenceOf, sentenceOf, wordsOf } from '../../domain/event-words.ts'
import type { Recorded } from '../../domain/history.ts'
import { statuses, type Status } from '../../domain/journey/figures.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { outcomes, reasons } from '../../domain/journey/outcomes.ts'
import { daysLate, isLate, type JourneyMoment, type JourneyOnClock, type Moment } from '../../domain/journey/replay.ts'
import { programmeAt, sessionOf } from '../../domain/programme.ts'
import { sayDay, sayDayShort, sayInstant, sayInstantShort } from '../layout/dates.ts'
import { versionShown, type Mark } from './marks.ts'

export type Clock = Moment['clock']

export interface MomentView {
  /** The place on the clock, as the address says it. */
  readonly at: string
  /** 1 for the first place; 0 before it. */
  readonly number: number
  readonly of: number
  /** False where the address names a time between two places. */
  readonly exact: boolean
  readonly when: string
  readonly whenShort: string
  readonly status: Status
  readonly statusName: string
  readonly figures: readonly { readonly count: string; readonly name: string }[]
  readonly facilitatorsMet: readonly string[]
  readonly ending: string | null
  readonly happened: readonly Happening[]
  readonly changed: readonly Changed[]
  /** For each mark of the line: the version shown, or -1. */
  readonly shown: readonly number[]
  /** Revisions added at this very moment. */
  readonly news: readonly number[]
  /** What a screen reader is told on arriving here. */
  readonly announcement: string
}

export interface Happening {
  readonly revision: number
  readonly sentence: string
  readonly occurredOn: string
  readonly recordedAt: string
  readonly recordedBy: string
  readonly late: string | null
}

export interface Changed {
  readonly about: string
  readonly then: string
  readonly now: string
  readonly revision: number
  readonly byWhom: string
  readonly recordedAt: string
}

type Events = readonly Recorded<JourneyEvent>[]

/** The moment an address names, which may lie between two places or outside them. */
export function momentAt(journey: JourneyOnClock, by: string, events: Events, marks: readonly Mark[]): MomentView {
  const { places } = journey
  const number = placesUpTo(places, by)
  const exact = places[number - 1] === by
  return viewOf(journey.at(by), events, marks, journey.addedAt(by), { number, of: places.length, exact })
}

/** How many places are not after it, found by halving. */
function placesUpTo(places: readonly string[], by: string): number {
  let [from, to] = [0, places.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (places[middle]! <= by) from = middle + 1
    else to = middle
  }
  return from
}

function viewOf(
  at: JourneyMoment,
  events: Events,
  marks: readonly Mark[],
  added: Events,
  place: { number: number; of: number; exact: boolean },
): MomentView {
  const { clock, by } = at.moment
  const included = new Set(at.included.map(({ revision }) => revision))
  const happened = added.map(happeningOf)
  const when = clock === 'known' ? sayInstant(by) : sayDay(by)
  const statusName = statuses[at.status]
  const sentences = happened.map(({ sentence }) => sentence).join(' ')
  return {
    at: by,
    ...place,
    when,
    whenShort: clock === 'known' ? sayInstantShort(by) : sayDayShort(by),
    status: at.status,
    statusName,
    figures: figuresOf(at),
    facilitatorsMet: [...at.facts.facilitatorsMet],
    ending: endingOf(at),
    happened,
    changed: at.changedSince.map((change): Changed => {
      const by = events[change.revision] ?? events.find(({ revision }) => revision === change.revision)
      const who = {
        revision: change.revision,
        byWhom: by?.metadata.actor.id ?? '',
        recordedAt: sayInstant(by?.metadata.recordedAt),
      }
      if (change.about === 'reason')
        return { ...who, about: 'Reason for leaving', then: reasons[change.then], now: reasons[change.now] }
      if (change.about === 'record') {
        const words = (revision: number) => {
          const said = events.find((event) => event.revision === revision)
          return said ? `${sayDay(said.metadata.occurredAt)}: ${factSentenceOf(said)}` : `event ${revision}`
        }
        const about = `${wordsOf(change.type).name} (event ${change.fact})`
        const now = change.now === null ? withdrawnInWords : words(change.now)
        return { ...who, about, then: words(change.then), now }
      }
      const pinned = at.facts.programme && programmeAt(at.facts.programme.key, at.facts.programme.version)
      const name = (pinned && sessionOf(pinned, change.sessionId)?.name) ?? change.sessionId
      return {
        ...who,
        about: `${name} (${change.sessionId})`,
        then: `${outcomes[change.then]} (${change.then})`,
        now: change.now === null ? withdrawnInWords : `${outcomes[change.now]} (${change.now})`,
      }
    }),
    shown: marks.map((mark) => versionShown(mark, included)),
    news: added.map(({ revision }) => revision),
    announcement: `Moment ${place.number} of ${place.of}. ${when}. ${sentences || 'Nothing was added at this moment.'} Status: ${statusName}.`,
  }
}

const withdrawnInWords = 'Withdrawn as recorded in error'

const happeningOf = (event: Recorded<JourneyEvent>): Happening => ({
  revision: event.revision,
  sentence: sentenceOf(event),
  occurredOn: sayDay(event.metadata.occurredAt),
  recordedAt: sayInstant(event.metadata.recordedAt),
  recordedBy: event.metadata.actor.id,
  late: isLate(event)
    ? `Recorded ${sayDayShort(dayOf(event.metadata.recordedAt))}, ${daysLate(event)} days late`
    : null,
})

function figuresOf({ figures }: JourneyMoment): MomentView['figures'] {
  return [
    { count: String(figures.attended), name: figures.attended === 1 ? 'session attended' : 'sessions attended' },
    {
      count: String(figures.unacceptable_absences),
      name: figures.unacceptable_absences === 1 ? 'unacceptable absence' : 'unacceptable absences',
    },
    {
      count: String(figures.acceptable_absences),
      name: figures.acceptable_absences === 1 ? 'acceptable absence' : 'acceptable absences',
    },
    {
      count: String(figures.facilitators_met),
      name: figures.facilitators_met === 1 ? 'facilitator met' : 'facilitators met',
    },
  ]
}

function endingOf({ facts: { ending } }: JourneyMoment): string | null {
  if (!ending) return null
  return ending.how === 'completed'
    ? `Completed on ${sayDay(ending.on)}`
    : `Left on ${sayDay(ending.on)}: ${ending.reason ? reasons[ending.reason].toLowerCase() : 'no reason on record'}`
}
