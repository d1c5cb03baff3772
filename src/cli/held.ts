/** npm run held: the histories that are held because an event could not be understood, and their replay after a fix. */
import { Command } from 'commander'
import { projections } from '../../projections/projections.ts'
import { reprocess } from '../../projections/runner/reprocess.ts'
import { readConfig } from '../runtime/config.ts'
import { openRuntime, type Runtime } from '../runtime/runtime.ts'
import { atTheTerminal, UsageError } from './terminal.ts'

const program = new Command('npm run held --').description(
  'Lists the journeys that are held at an event that cannot be understood. The app may run.',
)
program
  .command('list', { isDefault: true })
  .option('--json', 'print them as one JSON array')
  .action((options: { json?: boolean }) =>
    within(async ({ readModels }) => {
      const held = await readModels.held()
      if (options.json) process.stdout.write(`${JSON.stringify(held)}\n`)
      else if (held.length === 0) process.stdout.write('No journey is held.\n')
      else
        for (const { stream, revision, projection, why } of held)
          process.stdout.write(`${stream} at revision ${revision}, in ${projection}: ${why}\n`)
    }),
  )
program
  .command('replay')
  .description('tells held histories again from their first event, once what was wrong is put right')
  .argument('<stream>', 'the stream as the list names it, or all')
  .action((stream: string) =>
    within(async (runtime) => {
      const held = new Set((await runtime.readModels.held()).map((one) => one.stream))
      const streams = stream === 'all' ? [...held] : [stream]
      if (stream !== 'all' && !held.has(stream)) throw new UsageError(`${stream} is not held.`)
      let healed = 0
      for (const one of streams) {
        const still = await reprocess(runtime, projections, one)
        if (still.length === 0) healed++
        for (const { projection, revision, why } of still)
          process.stdout.write(`${one} is still held at revision ${revision}, in ${projection}: ${why}\n`)
      }
      process.stdout.write(`${healed} of ${streams.length} go on again.\n`)
      if (healed < streams.length) process.exitCode = 1
    }),
  )

const within = (work: (runtime: Runtime) => Promise<void>) =>
  atTheTerminal(async () => {
    const config = readConfig()
    const runtime = await openRuntime(
      { ...config, logLevel: config.logLevel === 'info' ? 'error' : config.logLevel },
      { besideAnother: true },
    )
    try {
      await work(runtime)
    } finally {
      await runtime.close()
    }
  })

await program.showHelpAfterError().parseAsync()
