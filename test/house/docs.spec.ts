/** What the documents owe their readers: a README of a few minutes, decisions of one page, and links that lead somewhere. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const textOf = (file: string) => readFileSync(join(root, file), 'utf8')
const wordsIn = (text: string) => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length

const documents = ['README.md', 'CHANGELOG.md', ...globSync(['docs/**/*.md', 'src/**/*.md'], { cwd: root })]
const decisions = documents.filter((file) => dirname(file) === normalize('docs/decisions'))

it('the README is read in a few minutes', () => expect(wordsIn(textOf('README.md'))).toBeLessThanOrEqual(900))

describe('a decision', () => {
  it('has a number of its own, in its file name and in its title', () => {
    expect(decisions.length).toBeGreaterThan(15)
    for (const file of decisions) expect(basename(file)).toMatch(/^\d{4}-[a-z0-9-]+\.md$/)
    for (const file of decisions)
      expect(textOf(file)).toMatch(new RegExp(`^# ${Number(basename(file).slice(0, 4))}\\. `))
    const numbers = decisions.map((file) => basename(file).slice(0, 4))
    expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([])
  })
  it.each(decisions)('says in one page what was decided, when, instead of what, and for what price: %s', (file) => {
    const text = textOf(file)
    const parts = [...text.matchAll(/^\*\*(\w+)\.\*\* /gm)].map(([, part]) => part)
    expect(parts).toEqual(['Status', 'Context', 'Options', 'Decision', 'Price'])
    expect(text).toMatch(/^\*\*Status\.\*\* \w+, \d{1,2} [A-Z][a-z]+ \d{4}\./m)
    expect(wordsIn(text)).toBeLessThanOrEqual(250)
  })
})

describe('a relative link', () => {
  it('leads to a file, and to a heading where it names one', () => {
    const links = documents.flatMap((file) => linksIn(textOf(file)).map((link) => ({ file, link })))
    expect(links.length).toBeGreaterThan(50)
    expect(links.filter(({ file, link }) => !resolves(file, link))).toEqual([])
  })
  it('would be found out', () => {
    const planted =
      '[a](docs/nowhere.md) [b](docs/operating.md#no-such-heading) [c](#nor-this) [d](https://example.org/)'
    expect(linksIn(planted).filter((link) => !resolves('README.md', link))).toEqual([
      'docs/nowhere.md',
      'docs/operating.md#no-such-heading',
      '#nor-this',
    ])
    expect(resolves('docs/projections.md', 'operating.md#settings')).toBe(true)
  })
})

describe('a file or folder that is named', () => {
  /** What a reader of docs/extending.md would add: the one thing that is named and is not there. */
  const imagined = /^(projections|src\/web)\/waiting\b|\bHomeVisitMade\b/
  it('is there', () => {
    const named = documents
      .filter((file) => file !== 'CHANGELOG.md' && !decisions.includes(file))
      .flatMap((file) => pathsIn(textOf(file)).map((path) => ({ file, path })))
    expect(named.filter(({ file }) => file === normalize('docs/extending.md')).length).toBeGreaterThan(30)
    expect(named.filter(({ path }) => !imagined.test(path) && globSync(path, { cwd: root }).length === 0)).toEqual([])
    expect(named.filter(({ path }) => imagined.test(path) && existsSync(join(root, path)))).toEqual([])
  })
  it('would be found out', () => {
    const planted = 'Write `src/nowhere.ts` beside `src/main.ts`, in `test/house/`; run `npx vitest run test/house`.'
    expect(pathsIn(planted)).toEqual(['src/nowhere.ts', 'src/main.ts', 'test/house/'])
    expect(existsSync(join(root, 'src/nowhere.ts'))).toBe(false)
  })
})

function pathsIn(text: string): string[] {
  return [...text.matchAll(/`((?:src|projections|test|bench|scripts|docs)\/[^`\s]*)`/g)].map(([, path]) => path!)
}

function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link]) => link!)
}

function resolves(file: string, link: string): boolean {
  const [path = '', heading] = link.split('#')
  const target = path === '' ? file : join(dirname(file), path)
  if (!existsSync(join(root, target))) return false
  if (heading === undefined) return true
  return statSync(join(root, target)).isFile() && headingsOf(textOf(target)).includes(heading)
}

/** As GitHub names them: in lower case, without punctuation, a hyphen for each space. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )
}
