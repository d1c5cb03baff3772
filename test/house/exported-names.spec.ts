/** One word, one meaning: no two files of the product export different things under the same name. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'

/** The names that a file declares and exports; what it passes on from another file is that file's. */
function exportedNames(source: ts.SourceFile): string[] {
  const names = source.statements.flatMap((statement) => {
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    if (!isExported) return []
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText(source))
    return 'name' in statement ? [(statement.name as ts.Identifier).text] : []
  })
  return [...new Set(names)]
}

function sharedNames(sources: readonly ts.SourceFile[]): Record<string, string[]> {
  const all = sources.flatMap((source) => exportedNames(source).map((name) => ({ name, file: source.fileName })))
  const files = [...Map.groupBy(all, ({ name }) => name)].map(
    ([name, of]) => [name, of.map(({ file }) => file)] as const,
  )
  return Object.fromEntries(files.filter(([, of]) => of.length > 1))
}

const parsed = (file: string, text: string) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)

it('no two exported things share a name', () => {
  const { config } = ts.readConfigFile(join(projectRoot, 'tsconfig.json'), (file) => ts.sys.readFile(file))
  const { fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, projectRoot)
  const product = fileNames.filter((file) => /^(src|projections)\//.test(relative(projectRoot, file)))
  expect(product.length).toBeGreaterThan(100)
  const sources = product.map((file) => parsed(relative(projectRoot, file), readFileSync(file, 'utf8')))
  expect(sharedNames(sources)).toEqual({})
})

it('a name that means two things is seen, and one that is passed on is not', () => {
  const one = parsed('one.ts', 'export interface Row {}\nexport const rows = 1, size = 2')
  const other = parsed('other.ts', "export class Row {}\nexport function size() {}\nexport { rows } from './one.ts'")
  expect(sharedNames([one, other])).toEqual({ Row: ['one.ts', 'other.ts'], size: ['one.ts', 'other.ts'] })
})
