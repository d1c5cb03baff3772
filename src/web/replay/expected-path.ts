/** The path a programme expects, behind the one that was taken. */
import { dayNumbered, dayNumberOf, type Day } from '../../domain/calendar.ts'
import type { ProgrammeDefinition, SessionDefinition } from '../../domain/programme.ts'
import type { Mark } from './marks.ts'

/**
 * Days from one session to the next. Our own reading: the published descriptions of Building Better Relationships state no pace,
 * and its predecessor met once a week.
 */
export const expectedPaceDays = 7

export interface ExpectedSession extends SessionDefinition {
  readonly on: Day
}

/** The programme's sessions in their order, one a week, from the first session that was held. Empty before there is one. */
export function expectedPath(programme: ProgrammeDefinition, marks: readonly Mark[]): readonly ExpectedSession[] {
  const held = marks.filter(({ kind, versions }) => kind === 'session' && versions.at(-1)!.glyph !== 'withdrawal')
  const first = held.reduce<Mark | null>((a, b) => (a === null || b.happenedOn < a.happenedOn ? b : a), null)
  const begun = first ? programme.sessions.findIndex(({ id }) => id === first.label) : -1
  if (first === null || begun < 0) return []
  const start = dayNumberOf(first.happenedOn)
  return programme.sessions
    .slice(begun)
    .map((session, i) => ({ ...session, on: dayNumbered(start + i * expectedPaceDays) }))
}
