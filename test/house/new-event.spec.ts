/** A new event type, written in a scratch copy of the source: the compiler names every file that must answer it, and no other. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'

const chapter = join(projectRoot, 'src/domain/journey/delivery.ts')

/** The chapter with one more event, classified as the chapter asks. */
function withHomeVisits(source: string): string {
  const event = "  /** He was visited at home. */\n  | { type: 'HomeVisitMade'; data: { note?: string } }\n"
  const union = /(export type DeliveryEvent =\n)/
  const privacy = /(export const deliveryPrivacy: .* = \{\n)/
  for (const place of [union, privacy]) expect(source).toMatch(place)
  return source.replace(union, `$1${event}`).replace(privacy, "$1  HomeVisitMade: { note: 'personal' },\n")
}

/** The files of the product that do not compile. */
function filesWithErrors(edited: ReadonlyMap<string, string>): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(projectRoot, 'tsconfig.json'),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (problem) => expect.unreachable(String(problem.messageText)),
    },
  )!
  const product = config.fileNames.filter((file) => /^(src|projections)\//.test(relative(projectRoot, file)))
  const host = ts.createCompilerHost(config.options)
  const readFromDisk = host.readFile.bind(host)
  host.readFile = (file) => edited.get(file) ?? readFromDisk(file)
  const getFromDisk = host.getSourceFile.bind(host)
  host.getSourceFile = (file, options, ...more) =>
    edited.has(file) ? ts.createSourceFile(file, edited.get(file)!, options) : getFromDisk(file, options, ...more)
  const program = ts.createProgram(product, config.options, host)
  const named = product.filter((file) => program.getSemanticDiagnostics(program.getSourceFile(file)).length > 0)
  return named.map((file) => relative(projectRoot, file)).toSorted()
}

it('a new event type touches its chapter and the eight files that the compiler names', { timeout: 240_000 }, () => {
  expect(filesWithErrors(new Map([[chapter, withHomeVisits(readFileSync(chapter, 'utf8'))]]))).toEqual([
    'projections/caseload.ts',
    'projections/participants.ts',
    'projections/timeline.ts',
    'src/domain/codec.ts',
    'src/domain/event-words.ts',
    'src/domain/journey/correctable.ts',
    'src/domain/journey/fold.ts',
    'src/domain/journey/journey.ts',
  ])
})
