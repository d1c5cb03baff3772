/** How deep the projections are: the longest chain of imports inside the room, of types as well as of values. */
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { options } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as { options: ICruiseOptions }

const mostFloors = 6

type Imports = ReadonlyMap<string, readonly string[]>

/** Files from the top of the longest chain to its bottom. A file that is met again in its own chain ends it: circles have a rule of their own. */
function longestChain(imports: Imports): string[] {
  const below = new Map<string, string[]>()
  const chainFrom = (file: string, above: readonly string[]): string[] => {
    const known = below.get(file)
    if (known) return known
    const chains = (imports.get(file) ?? [])
      .filter((next) => !above.includes(next))
      .map((next) => chainFrom(next, [...above, file]))
    const chain = [file, ...longest(chains)]
    below.set(file, chain)
    return chain
  }
  return longest([...imports.keys()].map((file) => chainFrom(file, [file])))
}

const longest = (chains: readonly string[][]): string[] =>
  chains.reduce((long, chain) => (chain.length > long.length ? chain : long), [])

describe('the room of the projections', () => {
  it(`is at most ${mostFloors} files deep`, async () => {
    const { output } = await cruise(['projections'], { ...options, baseDir: root })
    const inRoom = (file: string) => file.startsWith('projections/')
    const imports = new Map(
      (output as ICruiseResult).modules
        .filter(({ source }) => inRoom(source))
        .map(({ source, dependencies }) => [source, dependencies.map(({ resolved }) => resolved).filter(inRoom)]),
    )
    expect(imports.size, 'files seen').toBeGreaterThan(15)
    const chain = longestChain(imports)
    expect(chain.length, chain.join(' → ')).toBeLessThanOrEqual(mostFloors)
    expect(chain.length, 'imports seen').toBeGreaterThan(2)
  })
})

describe('the longest chain', () => {
  it('is found past shorter ones, whichever is looked at first', () => {
    const imports = new Map([
      ['d', []],
      ['a', ['d', 'b']],
      ['b', ['c']],
      ['c', ['d']],
    ])
    expect(longestChain(imports)).toEqual(['a', 'b', 'c', 'd'])
  })
})
