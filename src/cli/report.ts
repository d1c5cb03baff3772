/** npm run report -- journeys: every journey's figures, from the read model or folded afresh from the log. */
import { Command, Option } from 'commander'
import { readConfig } from '../runtime/config.ts'
import { reportFromLog, reportFromReadModel } from '../queries/report.ts'
import { waitUntilCaughtUp, openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, UsageError } from './terminal.ts'

const command = new Command('npm run report --')
  .description('Prints the figures of every journey. Demonstration journeys are left out unless asked for.')
  .argument('<what>', 'journeys')
  .option('--json', 'one JSON object, keyed by the reference of the journey')
  .addOption(
    new Option('--from <source>', 'the read model, or the log itself')
      .choices(['read-model', 'log'])
      .default('read-model'),
  )
  .option('--with-demonstration', 'count demonstration journeys too')
  .showHelpAfterError()
  .parse()

await atTheTerminal(async () => {
  const [what] = command.args as [string]
  const options = command.opts<{ json?: boolean; from: 'read-model' | 'log'; withDemonstration?: boolean }>()
  if (what !== 'journeys') throw new UsageError(`There is no report "${what}". Ask for: journeys.`)
  const config = readConfig()
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    { besideAnother: true, onlyReads: true },
  )
  try {
    if (options.from === 'read-model') await waitUntilCaughtUp(runtime)
    const report = options.from === 'log' ? reportFromLog : reportFromReadModel
    const journeys = await Array.fromAsync(
      report(runtime, {
        demonstration: options.withDemonstration ?? false,
        onUnreadable: ({ stream, reference, why }) =>
          process.stderr.write(`${reference ? `Journey ${reference}` : stream} is left out: ${why}\n`),
      }),
    )
    journeys.sort((one, other) => (one.reference < other.reference ? -1 : one.reference > other.reference ? 1 : 0))
    if (options.json) {
      process.stdout.write(
        `${JSON.stringify(Object.fromEntries(journeys.map(({ reference, journey }) => [reference, journey])))}\n`,
      )
      return
    }
    const heads = [
      'crn',
      'outcome',
      'reason',
      'attended',
      'acceptable_absences',
      'unacceptable_absences',
      'corrections',
      'recategorisations',
      'facilitators_met',
    ] as const
    process.stdout.write(`${['journey', ...heads].join('\t')}\n`)
    for (const { reference, journey } of journeys) {
      process.stdout.write(`${[reference, ...heads.map((head) => journey[head] ?? '')].join('\t')}\n`)
    }
  } finally {
    await runtime.close()
  }
})
