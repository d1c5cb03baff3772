/** A projection whose handlers have changed is built again only where its version was raised: here somebody is told to. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { projections } from '../../projections/projections.ts'
import { retired } from '../../projections/retired.ts'
import { projectRoot } from '../../src/runtime/config.ts'

const recordFile = join(projectRoot, 'test/projections/versions.json')
const recorded = JSON.parse(readFileSync(recordFile, 'utf8')) as Record<string, { version: number; handlers: string }>

/** What runs: types, comments and layout of no consequence are left out. */
const code = (source: string): string =>
  ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, removeComments: true },
  }).outputText

/** The file, and every file of ours that it runs. */
function closure(file: string, read: (file: string) => string, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(file)) return seen
  const text = code(read(file))
  seen.set(relative(projectRoot, file), text)
  for (const [, from] of text.matchAll(/\bfrom '(\.[^']+)'/g)) {
    const next = join(file, '..', from!)
    if (!seen.has(relative(projectRoot, next))) closure(next, read, seen)
  }
  return seen
}

const fromDisk = (file: string) => readFileSync(file, 'utf8')

function handlersOf(name: string, read = fromDisk): string {
  const files = [...closure(join(projectRoot, `projections/${name}.ts`), read)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)
}

describe('the handlers of', () => {
  it.each(projections.map(({ name, version }) => ({ name, version })))(
    '$name are those of its version',
    ({ name, version }) => {
      const now = { version, handlers: handlersOf(name) }
      expect(
        recorded[name],
        `What ${name} runs has changed. Where any row may come out differently, raise its version: it is then built again. ` +
          `Then write ${JSON.stringify({ [name]: now })} into test/projections/versions.json.`,
      ).toEqual(now)
    },
  )

  it('a projection that is no more are named with their tables among the retired', () => {
    const known = [...projections, ...retired].map(({ name }) => name)
    expect(Object.keys(recorded).filter((name) => !known.includes(name))).toEqual([])
  })
})

describe('this spec', () => {
  const changed = (which: string, from: string, to: string) => (file: string) => {
    const source = fromDisk(file)
    if (!file.endsWith(which)) return source
    expect(source).toContain(from)
    return source.replaceAll(from, to)
  }

  it('notices another handler, and another rule that the handlers ask', () => {
    const now = handlersOf('caseload')
    expect(handlersOf('caseload', changed('projections/caseload.ts', 'last_contact_on', 'last_contact_at'))).not.toBe(
      now,
    )
    expect(handlersOf('caseload', changed('journey/figures.ts', 'attended', 'came'))).not.toBe(now)
    expect(handlersOf('timeline', changed('projections/caseload.ts', 'last_contact_on', 'x'))).toBe(
      handlersOf('timeline'),
    )
  })

  it('passes over a comment', () => {
    expect(handlersOf('timeline', changed('projections/timeline.ts', '/** ', '/** Also: '))).toBe(
      handlersOf('timeline'),
    )
  })
})
