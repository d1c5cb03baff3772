/** How the service stands, in an operator's words. */
import { futureInWords, problemInWords } from '../../commands/clock-check.ts'
import type { BackupStatus } from '../../operations/backup-status.ts'
import type { ServiceStatus } from '../../operations/operations.ts'
import type { ProjectionStatus, RebuildStatus, ReadModelStatus } from '../../operations/status.ts'
import { sayCount } from '../layout/dates.ts'

interface Said {
  readonly name: string
  readonly tone: 'well' | 'busy' | 'ill'
  readonly means: string
}

export function operationsView(status: ServiceStatus | null) {
  if (!status) return { state: databaseAway, status: null }
  const { runner: projector, eventsPerSecond, lagSeconds, position, asOf, projections, parkedStreams } = status
  const parked = parkedView(status.parked)
  return {
    state: stateOf(status),
    status: {
      clock: clockView(status.clock),
      log: status.log,
      lag: sayLag(lagSeconds),
      rate: `${eventsPerSecond.toLocaleString('en-GB', { maximumFractionDigits: 1 })} events a second`,
      projectsHere: projector.state !== 'standing_by',
      position: position === '-1' ? 'Nothing yet' : position,
      asOf,
      troubledSince: projector.troubledSince,
      projections: projections.map(projectionView),
      parked,
      parkedStreams,
      unnamed: parkedStreams - parked.length,
    },
  }
}

/** What an operator has to know of the clock; nothing while it can be believed. */
function clockView({ problem, isTrusted, future }: ServiceStatus['clock']): readonly string[] {
  return [
    ...(problem === null ? [] : [problemInWords(problem, isTrusted)]),
    ...(future ? [`When the application started, ${sentenceInside(futureInWords(future))}`] : []),
  ]
}

const sentenceInside = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1)

/** @param now milliseconds since 1970 */
export function backupView({ state, madeAt, everyHours }: BackupStatus, now: number) {
  const age = madeAt === null ? null : saySpan(Math.max(0, now - Date.parse(madeAt)) / 1_000)
  const schedule = everyHours === null ? '' : `one every ${sayCount(everyHours, 'hour')}`
  const said: Record<
    BackupStatus['state'],
    { readonly age: string; readonly warning?: string; readonly todo?: string }
  > = {
    elsewhere: { age: 'Made by the event store’s own cluster' },
    not_scheduled: { age: 'Not scheduled: BACKUP_DIR is not set' },
    in_time: { age: `${age} old` },
    missing: {
      age: 'There is none',
      warning: 'There is no backup of the event log',
      todo: `BACKUP_EVERY asks for ${schedule}, and none of them is good, or its disk is away.`,
    },
    overdue: {
      age: `${age} old`,
      warning: 'The newest good backup is too old',
      todo: `It is ${age} old, and BACKUP_EVERY asks for ${schedule}.`,
    },
  }
  return { ...said[state], madeAt }
}

const databaseAway: Said = {
  name: 'The database of the read models is away',
  tone: 'ill',
  means:
    'No page about a journey can be shown. What is recorded meanwhile goes to the log as ever, and is projected when the database is back.',
}

function stateOf({ log, runner: projector, lagSeconds, projections }: ReadModelStatus): Said {
  if (projector.state === 'refused')
    return {
      name: 'The projection runner has refused to start',
      tone: 'ill',
      means:
        'A newer release built these read models. What is served does not change. Start the newer release, or rebuild them with this one: npm run rebuild.',
    }
  if (log === 'away')
    return {
      name: 'The log is away',
      tone: 'ill',
      means:
        'The event store does not answer. Pages show what was projected; nothing can be recorded. The projection runner resumes by itself when the store is back.',
    }
  if (projector.state === 'retrying')
    return {
      name: 'Trying again',
      tone: 'ill',
      means: 'The projection runner lost the log or the database, and tries again by itself.',
    }
  if (projections.some(({ outdated }) => outdated))
    return {
      name: 'Being rebuilt',
      tone: 'busy',
      means:
        'This release changed a projection, or the log is another. What is served was built before, and does not change until the rebuild is done.',
    }
  if (projector.state === 'rebuilding')
    return {
      name: 'Being built',
      tone: 'busy',
      means: 'The read models are built from the beginning of the log. Until that is done, pages are incomplete.',
    }
  if (projector.state === 'stopped')
    return { name: 'Stopped', tone: 'ill', means: 'The projection runner of this process does not run.' }
  if (lagSeconds !== null && lagSeconds > 5)
    return { name: 'Behind', tone: 'busy', means: 'The projection runner follows the log and has not caught up.' }
  return projector.state === 'standing_by'
    ? {
        name: 'Caught up, standing by',
        tone: 'well',
        means: 'Another instance projects for all; this one would take its place.',
      }
    : { name: 'Caught up', tone: 'well', means: 'Every event in the log has been projected.' }
}

function projectionView({ name, question, position, at, lagSeconds, parked, outdated, rebuild }: ProjectionStatus) {
  return {
    name,
    question,
    position: position || 'Nothing yet',
    at: position ? at : null,
    lag: sayLag(lagSeconds),
    parked,
    outdated,
    rebuild: rebuild && rebuildView(rebuild),
  }
}

function rebuildView({ state, share, sharePerMinute, secondsLeft }: RebuildStatus) {
  const percent = Math.floor(share * 100)
  return {
    percent,
    says:
      state === 'interrupted'
        ? `${percent} %, interrupted: it resumes when the application starts or npm run rebuild is run`
        : [
            `${percent} %`,
            sharePerMinute === null ? 'measuring the throughput' : `${(sharePerMinute * 100).toFixed(1)} % a minute`,
            secondsLeft === null ? null : `about ${saySpan(secondsLeft)} left`,
          ]
            .filter(Boolean)
            .join(', '),
  }
}

/** One row for each stream: it is reprocessed in every projection at once. */
function parkedView(parked: ReadModelStatus['parked']) {
  const streams = Object.entries(Object.groupBy(parked, ({ stream }) => stream))
  return streams.map(([stream, rows = []]) => ({
    stream,
    // Mostly every projection stops at the same event.
    events: Object.values(Object.groupBy(rows, ({ revision, why }) => `${revision} ${why}`)).map((alike = []) => ({
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

/** What a redirect after reprocessing says was done. */
export function reprocessedWords({ repaired, still, left }: Readonly<Record<string, unknown>>): string | null {
  const [resumed, parked, later] = [repaired, still, left].map((text) =>
    /^\d{1,6}$/.test(String(text)) ? Number(text) : null,
  )
  if (resumed == null || parked == null) return null
  const parts = [
    resumed > 0 && `${sayCount(resumed, 'stream is', 'streams are')} projected again`,
    parked > 0 && `${sayCount(parked, 'stream is', 'streams are')} still parked`,
    later && `${sayCount(later, 'stream was', 'streams were')} left for want of time: reprocess again`,
  ].filter(Boolean)
  return parts.join('; ') || 'Nothing was parked any more'
}
