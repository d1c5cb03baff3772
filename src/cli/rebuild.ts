/** npm run rebuild: the read models built again from the first event of the log. */
import { Command } from 'commander'
import { categories, projections } from '../../projections/projector.ts'
import { readConfig } from '../config.ts'
import { heardEverything, openWorkplace } from '../workplace.ts'
import { atTheTerminal, progressBar, UsageError } from './terminal.ts'

const names = projections.map(({ name }) => name)

const command = new Command('npm run rebuild --')
  .description(
    'Drops read models and builds them again from the log. Nothing is lost: they hold nothing the log does not. Cut short, run it again or start the app: it goes on where it stopped.',
  )
  .argument('[name]', `one of ${names.join(', ')}, or all`, 'all')
  .showHelpAfterError()
  .parse()

await atTheTerminal(async () => {
  const name = command.args[0] ?? 'all'
  if (name !== 'all' && !names.includes(name))
    throw new UsageError(`There is no projection "${name}". Name one of ${names.join(', ')}, or all.`)
  const config = readConfig()
  const workplace = await openWorkplace({ ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel })
  try {
    for (const projection of projections)
      if (name === 'all' || name === projection.name) workplace.readModels.startOver(projection)
    const end = await workplace.store.endOf(categories)
    const begun = performance.now()
    const bar = progressBar(`Rebuilding ${name}`, Number(end))
    await heardEverything(workplace, (position) => bar.update(Number(position)))
    bar.end()
    process.stdout.write(`Rebuilt ${name} in ${((performance.now() - begun) / 1_000).toFixed(1)} s.\n`)
  } finally {
    await workplace.close()
  }
})
