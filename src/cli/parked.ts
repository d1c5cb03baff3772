/** npm run parked: the streams that are parked at an event that cannot be projected, and their reprocessing after a repair. */
import { Command } from 'commander'
import { projections } from '../../projections/projections.ts'
import { reprocess } from '../../projections/runner/reprocess.ts'
import { readConfig } from '../runtime/config.ts'
import { openRuntime, type Runtime } from '../runtime/runtime.ts'
import { atTheTerminal, UsageError } from './terminal.ts'

const program = new Command('npm run parked --').description(
  'Lists the streams that are parked at an event that cannot be projected. The application may run.',
)
program
  .command('list', { isDefault: true })
  .option('--json', 'print them as one JSON array')
  .action((options: { json?: boolean }) =>
    withRuntime(async ({ readModels }) => {
      const parked = await readModels.parkedStreams.list()
      if (options.json) process.stdout.write(`${JSON.stringify(parked)}\n`)
      else if (parked.length === 0) process.stdout.write('No stream is parked.\n')
      else
        for (const { stream, revision, projection, why } of parked)
          process.stdout.write(`${stream} at revision ${revision}, in ${projection}: ${why}\n`)
    }),
  )
program
  .command('reprocess')
  .description('projects parked streams again from their first event, once the cause is repaired')
  .argument('<stream>', 'the stream as the list names it, or all')
  .action((stream: string) =>
    withRuntime(async (runtime) => {
      const parked = new Set((await runtime.readModels.parkedStreams.list()).map((one) => one.stream))
      const streams = stream === 'all' ? [...parked] : [stream]
      if (stream !== 'all' && !parked.has(stream)) throw new UsageError(`${stream} is not parked.`)
      let repaired = 0
      for (const one of streams) {
        const stillParked = await reprocess(runtime, projections, one)
        if (stillParked.length === 0) repaired++
        for (const { projection, revision, why } of stillParked)
          process.stdout.write(`${one} is still parked at revision ${revision}, in ${projection}: ${why}\n`)
      }
      process.stdout.write(`${repaired} of ${streams.length} reprocessed.\n`)
      if (repaired < streams.length) process.exitCode = 1
    }),
  )

const withRuntime = (work: (runtime: Runtime) => Promise<void>) =>
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
