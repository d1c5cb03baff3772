import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'

/** Why: docs/decisions/0019-threads-run-compiled-modules.md */
it('every thread runs a compiled module', () => {
  const threads = globSync('{src,projections,bench,test}/**/*.ts', { cwd: projectRoot })
    .toSorted()
    .flatMap((file) =>
      [...readFileSync(`${projectRoot}/${file}`, 'utf8').matchAll(/new Worker\((.*)/g)].map(([, module]) => ({
        file,
        module,
      })),
    )
  const compiled = expect.stringMatching(/^new URL\(import\.meta\.resolve\('#compiled\//)
  expect(threads).toEqual([
    { file: 'projections/rebuild/partition-thread.ts', module: compiled },
    { file: 'src/embedded-store/embedded-store.ts', module: compiled },
  ])
})
