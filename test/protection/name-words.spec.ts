import { describe, expect, it } from 'vitest'
import { indexedNameWords, searchedNameWords } from '../../src/protection/name-words.ts'

describe('names', () => {
  it('are compared word by word, without case or accents', () =>
    expect(searchedNameWords('  de la Cruz-Ó Briain, JOSÉ ')).toEqual(['de', 'la', 'cruz', 'o', 'briain', 'jose']))

  const found: [searched: string, recorded: string][] = [
    ['Lukaszewicz', 'Łukaszewicz'],
    ['Bjorn', 'Bjørn'],
    ['STRAUSS', 'Strauß'],
    ['strauß', 'STRAUSS'],
    ['ISIK', 'Işık'],
    ['ibrahim', 'İbrahim'],
    ["O'Dowd", 'O\u02BCDowd'],
    ['O’Dowd', "O'Dowd"],
    ["O'Neil", 'O`Neil'],
    ['ONeil', 'O`Neil'],
    ["O'Neil", 'ONeil'],
    ["O'Neil", 'O Neil'],
    ['O Neil', "O'Neil"],
    ['neil', "O'Neil"],
    ['Thorsson', 'Þórsson'],
    ['Nguyen', 'Nguyễn'],
    ['Jose\u0301', 'José'],
    ['fisher', 'ﬁsher'],
  ]
  it.each(found)('%s finds %s', (searched, recorded) => {
    const indexed = indexedNameWords(recorded)
    expect(searchedNameWords(searched).filter((word) => !indexed.includes(word))).toEqual([])
  })

  it.each([
    ['Neill', "O'Neil"],
    ['Bjorn Olsen', 'Bjørn Hansen'],
    ["O'Dowd", 'Dowd'],
  ])('%s does not find %s', (searched, recorded) => {
    const indexed = indexedNameWords(recorded)
    expect(searchedNameWords(searched).filter((word) => !indexed.includes(word))).not.toEqual([])
  })
})
