/** How names are compared: word by word without case, accents or letters other than a to z: `Łukaszewicz` is `lukaszewicz`, `Strauß` `strauss`, `Işık` `isik`. */
import anyAscii from 'any-ascii'

/** A letter, an apostrophe or a space, and the rest of the name: `O'Dowd`, `D'Arcy`, `O Dowd`. */
const particle = /\b([a-z])['` ]+([a-z]{2,})\b/g

const folded = (text: string): string => anyAscii(text.normalize('NFKC')).toLowerCase()

const wordsIn = (ascii: string): string[] => ascii.split(/[^a-z0-9]+/).filter((word) => word.length > 0)

/**
 * Every word under which a name is indexed: its own, and where a letter stands before an apostrophe or a space the two
 * joined, since `O'Dowd` is also written `ODowd` and `O Dowd`.
 */
export function indexedNameWords(text: string): string[] {
  const ascii = folded(text)
  return [...wordsIn(ascii), ...[...ascii.matchAll(particle)].map(([, letter, rest]) => `${letter}${rest}`)]
}

/** The words that must all be indexed for somebody who is searched for: a letter and what follows its apostrophe are one. */
export const searchedNameWords = (text: string): string[] =>
  wordsIn(folded(text).replace(/\b([a-z])['`]+([a-z]{2,})\b/g, '$1$2'))
