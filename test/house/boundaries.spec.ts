/** Which room may know which: the rules hold for the product as it is, and each of them catches what it is there to catch. */
import { cruise, type ICruiseOptions, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { forbidden, options } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
  forbidden: IForbiddenRuleType[]
  options: ICruiseOptions
}

/** Every violation as `[rule, from, to]`. */
async function cruised(baseDir: string) {
  const { output } = await cruise(['src', 'projections'], {
    ...options,
    baseDir,
    validate: true,
    ruleSet: { forbidden },
  })
  const { modules, summary } = output as ICruiseResult
  return { modules, violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })) }
}

describe('the rooms of the product', () => {
  it('know only what they may', async () => {
    const { modules, violations } = await cruised(root)
    expect(violations).toEqual([])
    const ours = modules.filter(({ source }) => /^(src|projections)\//.test(source))
    expect(ours.length, 'files seen').toBeGreaterThan(30)
    expect(ours.flatMap(({ dependencies }) => dependencies).length, 'imports seen').toBeGreaterThan(100)
  })
})

/** A type planted in the one file of the embedded store that others may import. */
const leaf = 'src/embedded-store/embedded-store.ts'
const cellar = 'only the runtime opens the embedded store'

/** A file that breaks rules, what is planted in it, and exactly the rules that catch it. */
const planted: [file: string, source: string, caughtBy: string[]][] = [
  [leaf, 'export type Leaf = 1', []],
  // Every room in turn goes down to the cellar, by a type alone.
  ['src/domain/planted.ts', fromLeaf('../'), ['src/domain knows only its own', 'the domain is pure', cellar]],
  ['src/event-store/planted.ts', fromLeaf('../'), ['src/event-store knows only its own', cellar]],
  ['src/protection/planted.ts', fromLeaf('../'), ['src/protection knows only its own', cellar]],
  ['src/access/planted.ts', fromLeaf('../'), ['src/access knows only its own', cellar]],
  ['src/reach/planted.ts', fromLeaf('../'), ['src/reach knows only its own', cellar]],
  ['src/commands/planted.ts', fromLeaf('../'), ['src/commands knows only its own', cellar]],
  [
    'projections/planted.ts',
    fromLeaf('../src/'),
    ['projections knows only its own', 'a question knows its contract', cellar],
  ],
  ['src/queries/planted.ts', fromLeaf('../'), ['src/queries knows only its own', cellar]],
  ['src/exchange/planted.ts', fromLeaf('../'), ['src/exchange knows only its own', cellar]],
  ['src/operations/planted.ts', fromLeaf('../'), ['src/operations knows only its own', cellar]],
  ['src/process/planted.ts', fromLeaf('../'), ['src/process knows only its own', cellar]],
  ['src/audit/planted.ts', fromLeaf('../'), ['src/audit knows only its own', cellar]],
  ['src/evidence/planted.ts', fromLeaf('../'), ['src/evidence knows only its own', cellar]],
  ['src/simulator/planted.ts', fromLeaf('../'), ['src/simulator knows only its own', cellar]],
  ['src/web/planted/planted.ts', fromLeaf('../../'), ['src/web knows only its own', cellar]],
  ['src/web/errors/failure.ts', fromLeaf('../../'), ['src/web/errors/failure.ts knows only its own', cellar]],
  [
    'src/web/api/health.controller.ts',
    fromLeaf('../../'),
    ['src/web/api/health.controller.ts knows only its own', cellar],
  ],
  [
    'src/web/api/idempotent-commands.ts',
    fromLeaf('../../'),
    ['src/web/api/idempotent-commands.ts knows only its own', cellar],
  ],
  ['src/web/import/planted.ts', fromLeaf('../../'), ['src/web/import knows only its own', cellar]],
  [
    'src/web/registers/registers.controller.ts',
    fromLeaf('../../'),
    ['src/web/registers/registers.controller.ts knows only its own', cellar],
  ],
  ['src/web/web.module.ts', fromLeaf('../'), ['src/web/web.module.ts knows only its own', cellar]],
  ['src/cli/planted.ts', fromLeaf('../'), ['src/cli knows only its own', cellar]],
  ['src/cli/terminal.ts', fromLeaf('../'), ['src/cli/terminal.ts knows only its own', cellar]],
  ['src/app.module.ts', fromLeaf('./'), ['src/app.module.ts knows only its own', cellar]],
  ['src/main.ts', fromLeaf('./'), ['src/main.ts knows only its own', cellar]],
  // Only one file of the runtime opens the store, and imports nothing of it but its start function.
  ['src/runtime/planted.ts', fromLeaf('../'), [cellar]],
  [
    'src/runtime/runtime.ts',
    `import '../embedded-store/server.ts'`,
    ['src/runtime knows only its own', 'the embedded store is entered by its start function'],
  ],
  ['src/embedded-store/planted.ts', `import '../domain/history.ts'`, ['src/embedded-store knows only its own']],
  [
    'src/embedded-store/copy-between.ts',
    "import '../domain/history.ts'",
    ['src/embedded-store/copy-between.ts knows only its own'],
  ],
  // Inside the embedded store: every folder in turn imports from the folder above it, then what it needs becomes compatibility.
  [
    'src/embedded-store/wire/planted.ts',
    `import '../storage/position.ts'`,
    ['src/embedded-store/wire knows only its own'],
  ],
  [
    'src/embedded-store/grpc/planted.ts',
    `import '../storage/position.ts'`,
    ['src/embedded-store/grpc knows only its own'],
  ],
  [
    'src/embedded-store/storage/planted.ts',
    `import '../services/faults.ts'`,
    ['src/embedded-store/storage knows only its own'],
  ],
  ['src/embedded-store/services/planted.ts', `import '../copy.ts'`, ['src/embedded-store/services knows only its own']],
  [
    'src/embedded-store/services/compatible.ts',
    `import '../compatibility/users/user-accounts.ts'`,
    ['src/embedded-store/services knows only its own', 'only the server adds compatibility'],
  ],
  [
    'src/embedded-store/cli.ts',
    `import './compatibility/users/user-accounts.ts'`,
    ['only the server adds compatibility'],
  ],
  [
    'src/embedded-store/compatibility/planted.ts',
    `import '../copy.ts'`,
    ['src/embedded-store/compatibility knows only its own'],
  ],
  ['src/newroom/planted.ts', `import '../domain/history.ts'`, ['every file has a room']],
  // The arrows people are tempted to draw.
  ['src/domain/clock.ts', `import 'node:perf_hooks'`, ['the domain is pure']],
  [
    'src/domain/journey/store.ts',
    `import '../../event-store/event-store.ts'`,
    ['src/domain knows only its own', 'the domain is pure'],
  ],
  [
    'src/domain/journey/conclusions.ts',
    `export * from '../../../projections/caseload.ts'`,
    ['src/domain knows only its own', 'the domain is pure'],
  ],
  [
    'projections/telling.ts',
    `import '../src/commands/decide-and-append.ts'`,
    ['projections knows only its own', 'a question knows its contract'],
  ],
  [
    'projections/showing.ts',
    `import '../src/web/planted/page.ts'`,
    ['projections knows only its own', 'a question knows its contract'],
  ],
  // Inside the projections: a question knows neither how it is projected nor how it is loaded, and no folder one above it.
  ['projections/loading.ts', `import './rebuild/shadow-tables.ts'`, ['a question knows its contract']],
  ['projections/asking.ts', `import './storage/sqlite.ts'`, ['a question knows its contract']],
  ['projections/following.ts', `import '../src/event-store/event-store.ts'`, ['a question knows its contract']],
  ['projections/storage/planted.ts', `import '../timeline.ts'`, ['projections/storage knows only its own']],
  ['projections/runner/planted.ts', `import '../rebuild/rebuild.ts'`, ['projections/runner knows only its own']],
  ['projections/rebuild/planted.ts', `import '../caseload.ts'`, ['projections/rebuild knows only its own']],
  ['src/queries/telling.ts', `import '../commands/decide-and-append.ts'`, ['src/queries knows only its own']],
  ['src/web/planted/page.ts', `export const page = 1`, []],
  ['src/web/planted/append.ts', `await import('../../event-store/event-store.ts')`, ['src/web knows only its own']],
  [
    'src/exchange/append.ts',
    `import type { EventAppender } from '../event-store/event-appender.ts'\nexport type Planted = EventAppender`,
    ['only the commands append'],
  ],
  [
    'projections/append.ts',
    `import '../src/event-store/event-appender.ts'`,
    ['a question knows its contract', 'only the commands append'],
  ],
  ['src/runtime/append.ts', `import '../event-store/event-appender.ts'`, ['only the commands append']],
  ['src/commands/append.ts', `import '../event-store/event-appender.ts'`, []],
  ['src/web/planted/query.ts', `import '../../../projections/caseload.ts'`, ['src/web knows only its own']],
  ['src/web/api/planted.ts', `import '../../protection/vault.ts'`, ['src/web knows only its own']],
  [
    'src/web/planted/start.ts',
    `import '../../main.ts'`,
    ['src/web knows only its own', 'nothing imports the entrance'],
  ],
  [
    'src/queries/shown.ts',
    `import '../cli/terminal.ts'`,
    ['src/queries knows only its own', 'the terminal is at the top'],
  ],
  // An auditor's page that records something of its own, or comes to it by way of another page.
  [
    'src/web/audit/recording.ts',
    `import '../../commands/journey-command-handler.ts'`,
    ['auditors change nothing', 'auditors record only looking and exporting'],
  ],
  ['src/web/registers/planted.ts', `import '../groups/group-form.controller.ts'`, ['auditors change nothing']],
  [
    'src/audit/deciding.ts',
    `import type { DecideAndAppend } from '../commands/decide-and-append.ts'\nexport type Planted = DecideAndAppend`,
    ['src/audit knows only its own', 'auditors record only looking and exporting'],
  ],
  ['src/web/audit/exporting.ts', `import '../../commands/evidence-pack-command-handler.ts'`, []],
  // What shows the men's records, and the strand that must never come near it.
  ...['projections', 'src/queries', 'src/exchange', 'src/evidence', 'src/audit', 'src/process', 'src/simulator'].map(
    (room): [string, string, string[]] => [
      `${room}/partner.ts`,
      `import '${room === 'projections' ? '../src' : '..'}/domain/partner-safety/partner-safety.ts'`,
      ['the partner-safety strand stays apart'],
    ],
  ),
  ...['timeline', 'replay', 'caseload', 'groups', 'registers', 'moments', 'rights', 'audit', 'api'].map(
    (room): [string, string, string[]] => [
      `src/web/${room}/partner.ts`,
      `import type { StrandRecord } from '../../partner-safety/strand.ts'\nexport type Planted = StrandRecord`,
      ['the partner-safety strand stays apart'],
    ],
  ),
  ['src/commands/partner.ts', `import '../protection/strand-sealing.ts'`, ['the partner-safety strand stays apart']],
  [
    'src/web/partner-contact/told.ts',
    `import '../../partner-safety/strand.ts'`,
    ['asking for a contact offer tells nothing back'],
  ],
  [
    'src/web/partner-safety/recording.ts',
    `import '../../commands/journey-command-handler.ts'`,
    ['the partner-safety strand changes no man’s record'],
  ],
  // By way of another page.
  [
    'src/web/partner-safety/planted.ts',
    `import '../groups/group-form.controller.ts'`,
    ['the partner-safety strand changes no man’s record'],
  ],
  ['src/partner-safety/planted.ts', fromLeaf('../'), ['src/partner-safety knows only its own', cellar]],
  ['src/exchange/nowhere.ts', `import './that-is-not-there.ts'`, ['nothing unresolved']],
  ['src/cli/framed.ts', `import '../exchange/framed.ts'`, ['the terminal starts without Nest']],
  ['src/exchange/framed.ts', `import '@nestjs/common'`, []],
  ['src/exchange/tool.ts', `import 'fast-check'`, ['no development tool in the product']],
  // Circles, of values and of types. A circle is reported once, from the file where it is first met.
  ['src/commands/circle-a.ts', `import './circle-b.ts'`, ['no circle', 'no circle of types']],
  ['src/commands/circle-b.ts', `import './circle-a.ts'`, []],
  ['src/queries/circle-a.ts', circleOfTypes('b'), ['no circle of types']],
  ['src/queries/circle-b.ts', circleOfTypes('a'), []],
  ['projections/circle-a.ts', circleOfTypes('b'), ['no circle of types']],
  ['projections/circle-b.ts', circleOfTypes('a'), []],
]

describe('a planted violation', () => {
  const copy = mkdtempSync(join(tmpdir(), 'rooms-'))
  const caught = new Map<string, Set<string>>()
  beforeAll(async () => {
    for (const part of ['src', 'projections', 'package.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    for (const [file, source] of planted) {
      const path = join(copy, file)
      mkdirSync(dirname(path), { recursive: true })
      if (existsSync(path)) appendFileSync(path, `\n${source}\n`)
      else writeFileSync(path, `${source}\n`)
    }
    for (const { rule, from } of (await cruised(copy)).violations)
      caught.set(from, (caught.get(from) ?? new Set()).add(rule))
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  for (const [file, source, caughtBy] of planted) {
    const lines = source.replace('\n', '; ')
    it(`in ${file} (${lines}) is caught by ${caughtBy.join(', ') || 'nothing: it is allowed'}`, () =>
      expect([...(caught.get(file) ?? [])].toSorted()).toEqual(caughtBy.toSorted()))
  }
  it('spoils no file that was not planted', () => {
    const files = new Set(planted.map(([file]) => file))
    expect([...caught.keys()].filter((file) => !files.has(file))).toEqual([])
  })
  it('is there for every rule', () => {
    const proven = new Set([...caught.values()].flatMap((rules) => [...rules]))
    expect(forbidden.map(({ name }) => name!).filter((name) => !proven.has(name))).toEqual([])
  })
})

function fromLeaf(up: string): string {
  return `import type { Leaf } from '${up}embedded-store/embedded-store.ts'\nexport type Planted = Leaf`
}

function circleOfTypes(other: string): string {
  return `import type { Circle as Other } from './circle-${other}.ts'\nexport type Circle = Other[]`
}
