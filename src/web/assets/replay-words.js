// The words of a moment come from the server as the playhead comes to them: a few moments at a time, and each once.
/** Moments asked for at once: the one shown, a few before it, and those that are likely to be next. */
const windowBefore = 4
const windowSize = 16

export function momentWords(ask, count) {
  /** By the number of the place, from 0: what the server says of it, or the promise of it. */
  const words = new Map()
  function of(place) {
    if (!words.has(place)) {
      const from = Math.max(0, place - windowBefore)
      const asked = ask(from + 1, windowSize)
      for (let i = from; i < Math.min(from + windowSize, count); i++)
        if (!words.has(i)) {
          const mine = asked.then((moments) => moments[i - from])
          words.set(i, mine)
          mine.catch(() => words.delete(i))
        }
    }
    return words.get(place)
  }
  return {
    of,
    /** Those of the moments that follow, so that they are there when the playhead comes to them. */
    ahead(place) {
      const next = Math.min(place + windowBefore, count - 1)
      if (!words.has(next)) void of(next).catch(() => undefined)
    },
  }
}
