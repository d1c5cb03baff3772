/** How the service stands, in an operator's words. */
import type { ProjectionStanding, RebuildStanding, Standing } from '../../operations/operations.ts'
import { sayCount } from '../layout/dates.ts'

interface Said {
  readonly name: string
  readonly tone: 'well' | 'busy' | 'ill'
  readonly means: string
}

export function operationsView(standing: Standing | null) {
  if (!standing) return { state: databaseAway, standing: null }
  const { runner: projector, eventsPerSecond, lagSeconds, position, asOf, projections, heldHistories } = standing
  const held = heldView(standing.held)
  return {
    state: stateOf(standing),
    standing: {
      log: standing.log,
      lag: sayLag(lagSeconds),
      rate: `${eventsPerSecond.toLocaleString('en-GB', { maximumFractionDigits: 1 })} events a second`,
      projectsHere: projector.state !== 'standing_by',
      position: position === '-1' ? 'Nothing yet' : position,
      asOf,
      troubledSince: projector.troubledSince,
      projections: projections.map(projectionView),
      held,
      heldHistories,
      unnamed: heldHistories - held.length,
    },
  }
}

const databaseAway: Said = {
  name: 'The database of the read models is away',
  tone: 'ill',
  means:
    'No page about a journey can be shown. What is recorded meanwhile goes to the log as ever, and the read models hear of it when the database is back.',
}

function stateOf({ log, runner: projector, lagSeconds, projections }: Standing): Said {
  if (projector.state === 'refused')
    return {
      name: 'The projector has refused to start',
      tone: 'ill',
      means:
        'A newer release built these read models. What is served stands still. Start the newer release, or build them again with this one: npm run rebuild.',
    }
  if (log === 'away')
    return {
      name: 'The log is away',
      tone: 'ill',
      means:
        'The event store does not answer. Pages go on with what was heard; nothing can be recorded. The projector goes on by itself when the store is back.',
    }
  if (projector.state === 'retrying')
    return {
      name: 'Trying again',
      tone: 'ill',
      means: 'The projector lost the log or the database and takes them up again by itself.',
    }
  if (projections.some(({ outdated }) => outdated))
    return {
      name: 'Being built anew',
      tone: 'busy',
      means:
        'This release changed a projection. What is served was built by the one before, and stands still until then.',
    }
  if (projector.state === 'stopped')
    return { name: 'Stopped', tone: 'ill', means: 'The projector of this process does not run.' }
  if (lagSeconds !== null && lagSeconds > 5)
    return { name: 'Behind', tone: 'busy', means: 'The projector hears the log and has not come to its end.' }
  return projector.state === 'standing_by'
    ? {
        name: 'Level, standing by',
        tone: 'well',
        means: 'Another instance projects for all; this one would take over.',
      }
    : { name: 'Level with the log', tone: 'well', means: 'The read models have heard everything there is.' }
}

function projectionView({ name, question, position, at, lagSeconds, held, outdated, rebuild }: ProjectionStanding) {
  return {
    name,
    question,
    position: position || 'Nothing yet',
    at: position ? at : null,
    lag: sayLag(lagSeconds),
    held,
    outdated,
    rebuild: rebuild && rebuildView(rebuild),
  }
}

function rebuildView({ state, share, sharePerMinute, secondsLeft }: RebuildStanding) {
  const percent = Math.floor(share * 100)
  return {
    percent,
    says:
      state === 'left'
        ? `${percent} %, left unfinished: it goes on when the app starts or npm run rebuild is run`
        : [
            `${percent} %`,
            sharePerMinute === null ? 'working out the pace' : `${(sharePerMinute * 100).toFixed(1)} % a minute`,
            secondsLeft === null ? null : `about ${saySpan(secondsLeft)} left`,
          ]
            .filter(Boolean)
            .join(', '),
  }
}

/** One row a history: one replay heals it in every projection. */
function heldView(held: Standing['held']) {
  const streams = Object.entries(Object.groupBy(held, ({ stream }) => stream))
  return streams.map(([stream, holds = []]) => ({
    stream,
    // The same event mostly stops all of them.
    holds: Object.values(Object.groupBy(holds, ({ revision, why }) => `${revision} ${why}`)).map((alike = []) => ({
      projections: alike.map(({ projection }) => projection).join(', '),
      revision: alike[0]!.revision,
      why: alike[0]!.why,
    })),
  }))
}

const sayLag = (seconds: number | null): string =>
  seconds === null ? 'Not known' : seconds === 0 ? 'None' : seconds < 1 ? 'Under a second' : saySpan(seconds)

function saySpan(seconds: number): string {
  if (seconds < 90) return sayCount(Math.max(1, Math.round(seconds)), 'second')
  if (seconds < 90 * 60) return sayCount(Math.round(seconds / 60), 'minute')
  if (seconds < 36 * 3_600) return sayCount(Math.round(seconds / 3_600), 'hour')
  return sayCount(Math.round(seconds / 86_400), 'day')
}

/** What a redirect after a replay says was done. */
export function replayedWords({ healed, still, left }: Readonly<Record<string, unknown>>): string | null {
  const [goOn, held, later] = [healed, still, left].map((text) =>
    /^\d{1,6}$/.test(String(text)) ? Number(text) : null,
  )
  if (goOn == null || held == null) return null
  const parts = [
    goOn > 0 && `${sayCount(goOn, 'history goes', 'histories go')} on again`,
    held > 0 && `${sayCount(held, 'history is', 'histories are')} still held`,
    later && `${sayCount(later, 'history was', 'histories were')} not come to: replay again`,
  ].filter(Boolean)
  return parts.join('; ') || 'Nothing was held any more'
}
