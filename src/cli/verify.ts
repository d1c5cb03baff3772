/** npm run verify -- projections: the read models compared, row for row, with what the log says they should be. */
import { Command } from 'commander'
import { projections } from '../../projections/projections.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { readConfig } from '../runtime/config.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, progressBar, UsageError } from './terminal.ts'

const command = new Command('npm run verify --')
  .description(
    'Builds the read models again in a scratch place and compares every row with what is served. Changes nothing. The app may run.',
  )
  .argument('<what>', 'projections')
  .option('--json', 'print the verdicts as one JSON array')
  .showHelpAfterError()
  .parse()

await atTheTerminal(async () => {
  const [what] = command.args as [string]
  if (what !== 'projections') throw new UsageError(`There is nothing called "${what}" to verify. Ask for: projections.`)
  const config = readConfig()
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    { besideAnother: true },
  )
  try {
    const bar = progressBar('Verifying', 1_000)
    const verdicts = await verifyProjections(runtime, projections, config.dataDir, ({ position, of }) =>
      bar.update(of > 0n ? Number((position * 1_000n) / of) : 1_000),
    )
    bar.end()
    const wrong = verdicts.reduce((sum, { differences }) => sum + differences, 0)
    if (command.opts<{ json?: boolean }>().json) process.stdout.write(`${JSON.stringify(verdicts)}\n`)
    else {
      for (const { projection, table, rows, checksum, differences, wrong } of verdicts) {
        const verdict = differences === 0 ? 'as the log says' : `${differences} DIFFERENT`
        process.stdout.write(
          `${projection.padEnd(14)}${table.padEnd(20)}${String(rows).padStart(9)} rows  ${checksum}  ${verdict}\n`,
        )
        for (const line of wrong) process.stdout.write(`    ${line}\n`)
      }
      if (wrong > 0) process.stdout.write('To put them right: npm run rebuild -- all\n')
    }
    if (wrong > 0) process.exitCode = 1
  } finally {
    await runtime.close()
  }
})
