import { describe, expect, it } from 'vitest'
import { Comparison, findableBy, itIsHim, soughtIn } from '../../src/queries/sought.ts'

describe('somebody who is sought', () => {
  it.each([
    ['lukaszewicz', 0],
    ['Łukaszewicz, Jan', 0],
    ['luk', 1],
    ['lukaszewcz', 2], // one letter left out
    ['lukaszzewicz', 2], // one too many
    ['lukaszewitz', 2], // a wrong one
    ['ulkaszewicz', 2], // two that changed places, at the beginning
    ['lukaszewizc', 2], // and at the end
    ['lukaszewiczz', 2],
    ['lukza', 3], // the beginning of it with a mistake
    ['lukazewcz', null], // two mistakes
    ['jna', null], // too short a word to be mistyped
    ['jan kowalski', null], // every word must be his
    ['x123456', itIsHim],
    ['dvp-000123', itIsHim],
    ['1234', 1],
    ['000123', 1],
    ['12', null], // too short a part
    ['dvp', null], // no number
    ['27/3/1985', 0],
    ['27.03.1985', 0],
    ['27 March 1985', 0],
    ['1985-03-27', 0],
    ['jan 27 3 1985', 0],
    ['28/3/1985', null],
    ['31/2/1985', null],
    ['', null],
    ['?!', null],
  ])('is found by %j at a distance of %j', (typed, distance) => {
    expect(new Comparison(soughtIn(typed)).distanceOf(him)).toBe(distance)
  })

  it('is found with any one mistake in a name, and never for a name that is two mistakes away', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz']
    const mistaken = new Set<string>()
    const name = 'kowalczyk'
    for (let at = 0; at <= name.length; at++) {
      const [before, after] = [name.slice(0, at), name.slice(at)]
      if (after) mistaken.add(before + after.slice(1))
      if (after.length > 1) mistaken.add(before + after[1]! + after[0]! + after.slice(2))
      for (const letter of letters) {
        mistaken.add(before + letter + after)
        if (after) mistaken.add(before + letter + after.slice(1))
      }
    }
    const kowalczyk = findableBy({ familyName: 'Kowalczyk' })
    const distances = (typed: Iterable<string>) =>
      new Set([...typed].map((one) => new Comparison(soughtIn(one)).distanceOf(kowalczyk)))
    expect(mistaken.size).toBeGreaterThan(400)
    expect([...distances(mistaken)].sort()).toEqual([0, 1, 2])
    expect(distances([...mistaken].filter((one) => !one.includes('q')).map((one) => `qq${one}`))).toEqual(
      new Set([null]),
    )
  })
})

const him = findableBy({
  familyName: 'Łukaszewicz',
  givenNames: 'Jan',
  crn: 'X123456',
  dateOfBirth: '1985-03-27',
  reference: 'DVP-000123',
})
