/** What the repository says of itself: nothing of the machine it was written on, and no command that is not there. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const notOurs = new Set(['node_modules', 'dist', 'data', '.git', '.cache'])
const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !notOurs.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : []
    })
const files = filesIn('')
const textOf = (file: string) => readFileSync(join(root, file), 'utf8')

/** Written in pieces, so that this file does not say what it forbids. */
const machine = new RegExp(
  [
    // Where packages come from is the business of whoever installs them.
    `registry${'\\'}.[a-z0-9-]+${'\\'}.[a-z]{2,}`,
    'artifact' + 'ory',
    'verdac' + 'cio',
    // A directory of somebody's own machine.
    `(^|[\\s'"\`(=:])/(work|home|root|Users|mnt|opt|srv|workspace)/`,
    String.raw`[A-Z]:\\Users`,
  ].join('|'),
  'm',
)

describe('the repository', () => {
  it('is read whole: its sources, its documents, what begins with a dot', () => {
    for (const file of [
      'package.json',
      '.npmrc',
      'README.md',
      'docs/events.md',
      'src/domain/events.ts',
      'test/house/prose.spec.ts',
    ]) {
      expect(files).toContain(file)
    }
  })
  it('names no registry and no directory of anybody’s machine', () =>
    expect(
      files
        .filter((file) => machine.test(textOf(file)))
        .map((file) => `${file}: ${machine.exec(textOf(file))![0].trim()}`),
    ).toEqual([]))
  it('would notice one', () => {
    const planted = [
      'https://' + 'registry' + '.example.org/',
      "'" + '/home' + "/somebody/data'",
      'C:' + String.raw`\Users\somebody`,
    ]
    for (const text of planted) expect(text).toMatch(machine)
    // Not machine paths but look-alikes of the project's own, which the search must let pass.
    for (const text of ['persistent/registry.ts', 'registry.find(stream)', '/api/journeys/home/', 'src/work/'])
      expect(text).not.toMatch(machine)
  })
})

describe('the documents', () => {
  const documents = files.filter((file) => file.endsWith('.md'))
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
  const asked = documents.flatMap((file) =>
    [...textOf(file).matchAll(/\bnpm (?:run (?:--?[\w-]+ )*(\w[\w:-]*)|(test|start)\b)/g)].map(([, run, short]) => ({
      file,
      script: (run ?? short)!,
    })),
  )
  it('ask for commands that are there', () => {
    expect(asked.length).toBeGreaterThan(3)
    expect(asked.filter(({ script }) => !Object.hasOwn(scripts, script))).toEqual([])
  })
  it('link to files that are there', () => {
    const broken = documents.flatMap((file) =>
      [...textOf(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
        .map(([, link]) => link!)
        .filter((link) => !files.includes(join(file, '..', link)) && !isDirectory(join(root, file, '..', link)))
        .map((link) => `${file}: ${link}`),
    )
    expect(broken).toEqual([])
  })
})

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
