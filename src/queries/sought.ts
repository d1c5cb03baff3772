/** What somebody typed to find a man, and how well a man answers to it: words begun, one typing mistake, parts of numbers, dates of birth. */
import { isDay, type Day } from '../domain/calendar.ts'
import { indexedNameWords, searchedNameWords } from '../protection/name-words.ts'

/** By what one man can be found. */
export interface Findable {
  /** The words of his names, see {@link indexedNameWords}. */
  readonly words: readonly string[]
  readonly crn: string
  readonly dateOfBirth: Day
  /** In lower case, as it was written. */
  readonly reference: string
}

/** What was typed, taken apart. */
export interface Sought {
  /** All of it in lower case, without spaces at its ends: it may be part of a CRN or a reference. */
  readonly whole: string
  /** Words that must each be found in him. */
  readonly words: readonly string[]
  readonly bornOn: Day | null
}

/** A shorter part of a CRN or a reference is in too many of them. */
const shortestPart = 3
/** In a shorter word one letter is too much of it to be a mistake. */
const shortestMistaken = 4

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dates: readonly (readonly [RegExp, (parts: string[]) => string[]])[] = [
  [/\b(\d{4})-(\d{1,2})-(\d{1,2})\b/, ([year, month, day]) => [year!, month!, day!]],
  [/\b(\d{1,2})[ /.-](\d{1,2})[ /.-](\d{4})\b/, ([day, month, year]) => [year!, month!, day!]],
  [
    new RegExp(String.raw`\b(\d{1,2}) (${months.join('|')})[a-z]* (\d{4})\b`),
    ([day, month, year]) => [year!, String(months.indexOf(month!) + 1), day!],
  ],
]

export function soughtIn(typed: string): Sought {
  const whole = typed.normalize('NFKC').trim().toLowerCase().replace(/\s+/g, ' ')
  for (const [shape, parts] of dates) {
    const found = shape.exec(whole)
    if (!found) continue
    const [year, month, day] = parts(found.slice(1))
    const bornOn = `${year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`
    if (isDay(bornOn)) return { whole, words: searchedNameWords(whole.replace(found[0], ' ')), bornOn }
  }
  return { whole, words: searchedNameWords(whole), bornOn: null }
}

/** The details of a man as he is found by them. */
export const findableBy = (details: {
  readonly familyName?: string
  readonly givenNames?: string
  readonly crn?: string
  readonly dateOfBirth?: string
  readonly reference?: string
}): Findable => ({
  words: [...new Set(indexedNameWords(`${details.familyName ?? ''} ${details.givenNames ?? ''}`))],
  crn: (details.crn ?? '').toLowerCase(),
  dateOfBirth: details.dateOfBirth ?? '',
  reference: (details.reference ?? '').toLowerCase(),
})

/** The distance of whoever has the very CRN or reference: nobody else is then meant. */
export const itIsHim = -1

/** Compares men with what is sought; what was found of one word is remembered, since many men have it. */
export class Comparison {
  private readonly known: Map<string, number>[]

  constructor(private readonly sought: Sought) {
    this.known = sought.words.map(() => new Map<string, number>())
  }

  /** @returns null where he is not the one; {@link itIsHim}; else how far he is from it: 0 is every word as it was typed */
  distanceOf(man: Findable): number | null {
    const { whole, words, bornOn } = this.sought
    const numbered = distanceOfNumber(whole, man)
    if (numbered !== null) return numbered === 0 ? itIsHim : numbered
    if ((words.length === 0 && bornOn === null) || (bornOn !== null && bornOn !== man.dateOfBirth)) return null
    let sum = 0
    for (const [n, word] of words.entries()) {
      const distance = this.nearest(n, word, man)
      if (distance === null) return null
      sum += distance
    }
    return sum
  }

  private nearest(n: number, word: string, man: Findable): number | null {
    let nearest = distanceOfNumber(word, man) ?? Infinity
    for (const one of man.words) {
      let distance = this.known[n]!.get(one)
      if (distance === undefined) this.known[n]!.set(one, (distance = distanceOfWords(word, one)))
      if (distance < nearest) nearest = distance
    }
    return nearest === Infinity ? null : nearest
  }
}

/** 0 for the whole CRN or reference, 1 for a part of one. */
function distanceOfNumber(text: string, { crn, reference }: Findable): number | null {
  if (text === crn || text === reference) return 0
  if (text.length < shortestPart || !/\d/.test(text)) return null
  return crn.includes(text) || reference.includes(text) ? 1 : null
}

/** 0 for the same word, 1 for its beginning, 2 with one mistake, 3 for a beginning with one mistake; else Infinity. */
function distanceOfWords(sought: string, word: string): number {
  if (word.startsWith(sought)) return word.length === sought.length ? 0 : 1
  if (sought.length < shortestMistaken) return Infinity
  const rest = restAfterOneMistake(sought, word)
  return rest === null ? Infinity : rest === 0 ? 2 : 3
}

/**
 * A letter too many, one left out, a wrong one, or two that changed places.
 * @returns how many letters of the word are left once all that was typed is read with one such mistake; null where it takes more
 */
function restAfterOneMistake(sought: string, word: string): number | null {
  let at = 0
  while (at < sought.length && sought[at] === word[at]) at++
  /** Whether what was typed goes on in the word, so many letters further in each. */
  const goesOn = (typed: number, written: number) => word.startsWith(sought.slice(at + typed), at + written)
  const rests: number[] = []
  const readAs = (typed: number, written: number) => {
    if (goesOn(typed, written)) rests.push(word.length - (sought.length + written - typed))
  }
  if (at < word.length) {
    readAs(1, 1)
    readAs(0, 1)
  }
  readAs(1, 0)
  if (sought[at] === word[at + 1] && sought[at + 1] === word[at]) readAs(2, 2)
  return rests.length > 0 ? Math.min(...rests) : null
}
