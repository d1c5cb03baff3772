/** The drawing of imports, of types as well as of values: every arrow points down, in the product and in each of its folders. */
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { options } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as { options: ICruiseOptions }

const mostFloors = 6

/** What each file imports, or each part of a folder. */
type Imports = ReadonlyMap<string, readonly string[]>

let product: Imports
beforeAll(async () => {
  const { output } = await cruise(['src', 'projections'], { ...options, baseDir: root })
  const isOurs = (file: string) => /^(src|projections)\//.test(file)
  product = new Map(
    (output as ICruiseResult).modules
      .filter(({ source }) => isOurs(source))
      .map(({ source, dependencies }) => [source, dependencies.map(({ resolved }) => resolved).filter(isOurs)]),
  )
})

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

/**
 * The folder seen from outside: each file and folder directly in it is one part, and a part imports what any of its files imports.
 * @param folder with `/` at its end; nothing for the product, whose parts are its rooms
 */
function partsOf(folder: string, imports: Imports): Map<string, string[]> {
  const partOf = (file: string): string | undefined =>
    folder === ''
      ? /^(src\/)?[^/]+/.exec(file)![0]
      : file.startsWith(folder)
        ? folder + file.slice(folder.length).split('/')[0]
        : undefined
  const parts = new Map<string, Set<string>>()
  for (const [file, imported] of imports) {
    const part = partOf(file)
    if (part === undefined) continue
    const known = parts.get(part) ?? new Set()
    parts.set(part, known)
    for (const other of imported.map(partOf)) if (other !== undefined && other !== part) known.add(other)
  }
  return new Map([...parts].map(([part, known]) => [part, [...known]]))
}

/** The first way found from a part back to itself. Where there is none, the parts can be drawn with every arrow pointing down. */
function circleIn(parts: Imports): string[] | null {
  const done = new Set<string>()
  const from = (part: string, above: readonly string[]): string[] | null => {
    if (above.includes(part)) return [...above.slice(above.indexOf(part)), part]
    if (done.has(part)) return null
    for (const next of parts.get(part) ?? []) {
      const circle = from(next, [...above, part])
      if (circle) return circle
    }
    done.add(part)
    return null
  }
  for (const part of parts.keys()) {
    const circle = from(part, [])
    if (circle) return circle
  }
  return null
}

/** The product itself, and each of its folders that has any in it. */
function foldersOf(imports: Imports): string[] {
  const folders = new Set([''])
  for (const file of imports.keys())
    for (let at = dirname(file); at !== '.' && at !== 'src'; at = dirname(at)) folders.add(`${at}/`)
  return [...folders]
}

describe('the drawing of imports', () => {
  it('has no arrow that points up, between the rooms or between the parts of any folder', () => {
    expect(product.size, 'files seen').toBeGreaterThan(250)
    expect([...partsOf('', product).keys()]).toEqual(
      expect.arrayContaining(['projections', 'src/domain', 'src/main.ts']),
    )
    const folders = foldersOf(product)
    expect(folders).toEqual(expect.arrayContaining(['src/web/', 'src/embedded-store/storage/', 'projections/runner/']))
    const circles = folders.map((folder) => circleIn(partsOf(folder, product))?.join(' → '))
    expect(circles.filter((circle) => circle !== undefined)).toEqual([])
  })

  it(`of the projections is at most ${mostFloors} files deep`, () => {
    const inRoom = (file: string) => file.startsWith('projections/')
    const imports = new Map(
      [...product].filter(([file]) => inRoom(file)).map(([file, imported]) => [file, imported.filter(inRoom)]),
    )
    expect(imports.size, 'files seen').toBeGreaterThan(15)
    const chain = longestChain(imports)
    expect(chain.length, chain.join(' → ')).toBeLessThanOrEqual(mostFloors)
    expect(chain.length, 'imports seen').toBeGreaterThan(2)
  })
})

describe('an arrow that points up', () => {
  const downwards: [string, string[]][] = [
    ['src/main.ts', ['src/web/page.ts']],
    ['src/web/page.ts', ['src/web/forms/form.ts', 'src/access/policy.ts']],
    ['src/web/forms/form.ts', ['src/access/policy.ts']],
    ['src/access/policy.ts', ['projections/question.ts']],
    ['projections/question.ts', []],
  ]
  it.each<[string, string[], string | undefined, string | undefined]>([
    ['src/access/guard.ts', [], undefined, undefined],
    ['projections/other.ts', ['src/access/guard.ts'], 'src/access → projections → src/access', undefined],
    ['src/web/forms/list.ts', ['src/web/page.ts'], undefined, 'src/web/page.ts → src/web/forms → src/web/page.ts'],
  ])('from %s to %j is found', (file, imported, betweenRooms, inFolder) => {
    const imports = new Map([...downwards, [file, imported] as const])
    expect(circleIn(partsOf('', imports))?.join(' → ')).toBe(betweenRooms)
    expect(circleIn(partsOf('src/web/', imports))?.join(' → ')).toBe(inFolder)
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
