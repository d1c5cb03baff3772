/** Where on the line the absences, the corrections and the late records are: somebody who looks for one goes from each to the next. */
import type { Mark } from './marks.ts'

export const lookedFor = ['absence', 'correction', 'late record'] as const
export type LookedFor = (typeof lookedFor)[number]

/**
 * By what is looked for, the indexes of the places at which it is added, in order.
 * @param placeOf the index of the place at which each revision is added
 */
export function jumpsOf(
  marks: readonly Mark[],
  placeOf: ReadonlyMap<number, number>,
): Readonly<Record<LookedFor, readonly number[]>> {
  const found: Record<LookedFor, Set<number>> = { absence: new Set(), correction: new Set(), 'late record': new Set() }
  for (const mark of marks) {
    const place = placeOf.get(mark.revision)!
    const corrects = mark.kind === 'correction' || mark.kind === 'recategorisation'
    if (corrects) found.correction.add(place)
    // A correction is about an earlier day: that does not make it late.
    if (mark.late && !corrects) found['late record'].add(place)
    if (mark.kind === 'session') for (const absent of absences(mark, placeOf)) found.absence.add(absent)
  }
  const inOrder = (places: ReadonlySet<number>) => [...places].sort((a, b) => a - b)
  return {
    absence: inOrder(found.absence),
    correction: inOrder(found.correction),
    'late record': inOrder(found['late record']),
  }
}

/** The places from which the session is shown as an absence: of several versions at one place only the last shows. */
function absences({ versions }: Mark, placeOf: ReadonlyMap<number, number>): readonly number[] {
  const places = versions.map(({ revision }) => placeOf.get(revision)!)
  return places.filter((place) => {
    const shown = versions[places.findLastIndex((other) => other <= place)]!
    return shown.glyph === 'acceptable_absence' || shown.glyph === 'unacceptable_absence'
  })
}
