/** npm run rebuild: read models built again from the first event of the log, while the app goes on serving those it has. */
import { Command } from 'commander'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { categories } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { CheckpointConflict } from '../../projections/runner/checkpoint-store.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { Outages } from '../event-store/outages.ts'
import { readConfig } from '../runtime/config.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, progressBar, toldOn, UsageError, type ProgressBar } from './terminal.ts'

const names = projections.map(({ name }) => name)

const command = new Command('npm run rebuild --')
  .description(
    'Builds read models again from the log, beside those that are served, and puts them in their place in one moment. The app may run. Cut short, run it again or start the app: it goes on where it stopped.',
  )
  .argument('[name]', `one of ${names.join(', ')}, or all`, 'all')
  .showHelpAfterError()
  .parse()

/** The read models once more beside those that are served, and what is being written. */
function bytesOnDisk(): number {
  const { dataDir } = readConfig()
  return 2 * (statSync(join(dataDir, 'read-models.sqlite'), { throwIfNoEntry: false })?.size ?? 0)
}

const rebuilding = async () => {
  const name = command.args[0] ?? 'all'
  if (name !== 'all' && !names.includes(name))
    throw new UsageError(`There is no projection "${name}". Name one of ${names.join(', ')}, or all.`)
  const config = readConfig()
  let bar = null as ProgressBar | null
  const outages = toldOn(() => bar)
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    { besideAnother: true, toRebuild: true, outages: new Outages(config.eventStorePatienceMs, outages) },
  )
  const stop = new AbortController()
  const interrupted = () => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
  try {
    const wanted = projections.filter((projection) => name === 'all' || name === projection.name)
    const end = await runtime.store.headPositionOf(categories)
    const begun = performance.now()
    const seconds = () => (performance.now() - begun) / 1_000
    bar = progressBar(`Rebuilding ${name}`, Number(end))
    let processed = 0
    const done = await rebuildReadModels(runtime, wanted, {
      signal: stop.signal,
      isFree: true,
      outages,
      onProgress: ({ position, events }) => {
        processed = events
        bar?.update(Number(position), `${Math.round(events / seconds())} events/s`)
      },
    })
    bar.end()
    process.stdout.write(
      done
        ? `Rebuilt ${name} in ${seconds().toFixed(1)} s, ${processed} events.\n`
        : `Interrupted. What is served is unchanged. Run it again, or start the app: it goes on where it stopped.\n`,
    )
    if (!done) process.exitCode = 1
  } catch (error) {
    if (error instanceof CheckpointConflict)
      throw new UsageError('The application, or another rebuild, has taken this rebuild over and goes on with it.')
    throw error
  } finally {
    bar?.end()
    await runtime.close()
  }
}

await atTheTerminal(rebuilding, [], bytesOnDisk)
