/** Everything that the drawing of a replay says, as rows of text: for whoever cannot see it, and for whoever takes it elsewhere. */
import { statuses } from '../../domain/journey/figures.ts'
import { programmeAt } from '../../domain/programme.ts'
import type { JourneyHeader } from '../../queries/journeys.ts'
import { sayDay, sayInstant } from '../layout/dates.ts'
import type { ReplayView } from '../replay/replay.ts'
import { sayMoment } from './asked-moment.ts'

export interface DrawnStretch {
  readonly from: string
  /** The last moment before the next; empty where it goes on. */
  readonly until: string
  readonly name: string
}

export interface DrawnRow {
  readonly revision: number
  readonly happened: string
  readonly name: string
  readonly module: string
  /** What it says at the moment shown; of what is still to come, what it will say. */
  readonly says: string
  /** What else was ever said of it, in order. */
  readonly otherwise: readonly string[]
  readonly recorded: string
  readonly late: string
  readonly room: string
  /** The event that it puts right. */
  readonly corrects: number | null
  readonly isThere: boolean
}

export interface DrawnTable {
  readonly statuses: readonly DrawnStretch[]
  readonly modules: readonly DrawnStretch[]
  readonly rows: readonly DrawnRow[]
}

export function drawnTable(
  { marks, states, journey }: ReplayView,
  { programmeKey, programmeVersion }: Pick<JourneyHeader, 'programmeKey' | 'programmeVersion'>,
): DrawnTable {
  const programme = programmeAt(programmeKey, programmeVersion)
  const moduleName = (key: string | null) => programme?.modules.find((one) => one.key === key)?.name ?? key ?? ''
  const turns = journey.statusChanges()
  const inOrder = marks
    .map((mark, index) => ({ mark, state: states[index]! }))
    .sort(({ mark: a }, { mark: b }) =>
      a.happenedOn === b.happenedOn ? a.revision - b.revision : a.happenedOn < b.happenedOn ? -1 : 1,
    )
  const runs: { from: string; until: string; name: string }[] = []
  for (const { mark } of inOrder) {
    if (mark.module === null) continue
    const [run, name, day] = [runs.at(-1), moduleName(mark.module), sayDay(mark.happenedOn)]
    if (run?.name === name) run.until = day
    else runs.push({ from: day, until: day, name })
  }
  return {
    statuses: turns.map(({ at, status }, n) => ({
      from: sayMoment(at),
      until: turns[n + 1] ? sayMoment(turns[n + 1]!.at) : '',
      name: statuses[status],
    })),
    modules: runs,
    rows: inOrder.map(({ mark, state }): DrawnRow => {
      const says = mark.versions.map(({ says: words, code }) =>
        mark.kind === 'session' && code ? `${words} (${code})` : words,
      )
      return {
        revision: mark.revision,
        happened: sayDay(mark.happenedOn),
        name: mark.kind === 'session' ? `${mark.label} ${mark.name}` : mark.name,
        module: moduleName(mark.module),
        says: says[state.version] ?? '',
        otherwise: says.flatMap((words, version) => (version === state.version || words === '' ? [] : [words])),
        recorded: `${sayInstant(mark.recordedAt)} by ${mark.recordedBy}`,
        late: mark.late ? `${mark.daysLate} days late` : '',
        room: mark.actual.map((staff) => (mark.standIns.includes(staff) ? `${staff} (stand-in)` : staff)).join(', '),
        corrects: mark.corrects,
        isThere: state.class !== 'tl-off',
      }
    }),
  }
}
