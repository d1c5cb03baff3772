/** The ledger of OWASP ASVS 5.0: every requirement of levels 1 and 2 once, and each spec that it names is there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const states = ['shown', 'open', 'operator', 'not applicable']

/** How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has, from its published list. */
const requirements = [27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7]

interface Row {
  readonly id: string
  readonly state: string
  readonly words: string
  readonly shownBy: string
}

const rowsIn = (text: string): Row[] =>
  [...text.matchAll(/^\| (\d+\.\d+\.\d+) +\| (.*?) +\| (.*?) +\| (.*?) *\|$/gm)].map(
    ([, id = '', state = '', words = '', shownBy = '']) => ({ id, state, words, shownBy }),
  )

/** @returns why a row cannot stand; null where it can */
function wrongWith({ id, state, words, shownBy }: Row): string | null {
  if (!states.includes(state)) return `${id} is in no state`
  if (words.length < 4) return `${id} says nothing`
  if (state !== 'shown') return shownBy === '' ? null : `${id} is ${state}, and names a spec`
  const [, file, name] = /^`(test\/[\w./-]+\.spec\.ts)`: (.+)$/.exec(shownBy) ?? []
  if (file === undefined || name === undefined) return `${id} names no spec`
  if (!existsSync(join(root, file))) return `${id} names ${file}, which is not there`
  // As the first words of a test, a group of tests or a row of its table.
  return [`('${name}`, `(\`${name}`, `['${name}'`].some((said) => readFileSync(join(root, file), 'utf8').includes(said))
    ? null
    : `${id} names a test that is not in ${file}: ${name}`
}

const rows = rowsIn(readFileSync(join(root, 'docs/asvs.md'), 'utf8'))

it('the ledger has every requirement of levels 1 and 2 once', () => {
  const ids = rows.map(({ id }) => id)
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  expect(requirements.map((_, at) => ids.filter((id) => id.startsWith(`${at + 1}.`)).length)).toEqual(requirements)
})

it('each spec that the ledger names is there, and has the test', () => {
  expect(rows.map(wrongWith).filter((wrong) => wrong !== null)).toEqual([])
})

it('a row that cannot stand would be found out', () => {
  const [row] = rowsIn('| 1.2.3 | shown | in short | `test/house/asvs.spec.ts`: a row that cannot stand would be |\n')
  expect(wrongWith(row!)).toBeNull()
  expect(wrongWith({ ...row!, state: 'done' })).toContain('no state')
  expect(wrongWith({ ...row!, state: 'open' })).toContain('names a spec')
  expect(wrongWith({ ...row!, shownBy: '' })).toContain('names no spec')
  expect(wrongWith({ ...row!, shownBy: '`test/house/no.spec.ts`: x' })).toContain('not there')
  expect(wrongWith({ ...row!, shownBy: '`test/house/docs.spec.ts`: a test of nobody' })).toContain('not in')
})
