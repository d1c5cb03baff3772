/** What damage has taken: each lost event, in words for a person and in JSON Lines for a program. */
import { INT64_MAX } from './position.ts'

export interface LostEvent {
  /** Null where nothing in the file says to which stream it belonged. */
  stream: string | null
  /** Null where the stream is. */
  revision: bigint | null
  /** Null where only the gap in its stream is known. */
  position: bigint | null
}

/** One line a stream and run of revisions, such as "Stream 'journey-1': revisions 4 to 9 are lost". */
export function lostInWords(lost: readonly LostEvent[]): string[] {
  const lines: string[] = []
  for (let from = 0, to = 1; from < lost.length; from = to++) {
    while (to < lost.length && follows(lost[to - 1]!, lost[to]!)) to++
    const [first, last] = [lost[from]!, lost[to - 1]!]
    if (first.stream !== null)
      lines.push(
        `Stream '${first.stream}': ${first === last ? `revision ${first.revision} is` : `revisions ${first.revision} to ${last.revision} are`} lost`,
      )
    else
      lines.push(`${to - from} lost of which the stream is not known, positions ${first.position} to ${last.position}`)
  }
  return lines
}

const follows = (before: LostEvent, event: LostEvent) =>
  event.stream === before.stream && (event.stream === null || event.revision === before.revision! + 1n)

/** One object a lost event; a position is text, since it may exceed what a number of JSON holds exactly. */
export const lostAsJsonLines = (lost: readonly LostEvent[]) =>
  lost
    .map(({ stream, revision, position }) => ({
      stream,
      revision: revision === null ? null : Number(revision),
      position: position === null ? null : String(position),
    }))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')

/** A revision at which a stream has no event, between two that are known. */
export interface RevisionGap {
  /** The stream's number in the file. */
  stream: bigint
  revision: bigint
  /** Positions of the events before and after it in its stream. */
  after: bigint
  before: bigint
}

/**
 * Gives each gap a free position between those of its neighbours, in time for the neighbour that comes first. Which position was its
 * own, nobody knows. A position without a gap is that of an event at the end of a stream.
 * @param free in ascending order
 * @param gaps by `after`
 */
export function* fitGaps(
  free: readonly bigint[],
  gaps: readonly RevisionGap[],
): Generator<{ position?: bigint; gap?: RevisionGap }> {
  const waiting: RevisionGap[] = []
  let next = 0
  for (const position of free) {
    for (; next < gaps.length && gaps[next]!.after < position; next++) {
      const gap = gaps[next]!
      waiting.splice(waiting.findLastIndex(({ before }) => before <= gap.before) + 1, 0, gap)
    }
    const gap = waiting.shift()
    yield gap ? { position, gap } : { position }
  }
  for (const gap of [...waiting, ...gaps.slice(next)]) yield { gap }
}

export function byStreamAndRevision(a: LostEvent, b: LostEvent): number {
  if (a.stream !== b.stream) return a.stream === null ? 1 : b.stream === null ? -1 : a.stream < b.stream ? -1 : 1
  return Number((a.revision ?? a.position ?? INT64_MAX) - (b.revision ?? b.position ?? INT64_MAX))
}
