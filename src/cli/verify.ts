/** npm run verify: the read models compared with the event store, or the event store with the evidence log. */
import { Command } from 'commander'
import { projections } from '../../projections/projections.ts'
import { verifyProjections } from '../../projections/rebuild/verify.ts'
import { readConfig } from '../runtime/config.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, progressBar } from './terminal.ts'
import { verifyEvidence, type LogVerification } from './verify-log.ts'

const program = new Command('npm run verify --').description('Changes nothing. The app may run.')
program
  .command('projections')
  .description('builds the read models again in a scratch place and compares every row with what is served')
  .option('--json', 'print the verdicts as one JSON array')
  .action((options: { json?: boolean }) => atTheTerminal(() => verifyReadModels(options)))
program
  .command('log')
  .description('compares every event of the store with the evidence log, and the log with its signed heads')
  .option('--json', 'print the verdicts as one JSON object')
  .option('--checkpoint <file...>', 'signed heads of the log that were kept elsewhere')
  .option('--key <key...>', 'verifier keys to trust instead of those beside the private key')
  .option('--erased <file>', 'ids of keys destroyed, and streams removed, under an authority: one a line')
  .action((options: LogVerification) =>
    atTheTerminal(async () => {
      if (!(await verifyEvidence(readConfig(), options))) process.exitCode = 1
    }),
  )

async function verifyReadModels({ json = false }: { json?: boolean }): Promise<void> {
  const config = readConfig()
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    { besideAnother: true, onlyReads: true },
  )
  try {
    const bar = progressBar('Verifying', 1_000)
    const verdicts = await verifyProjections(runtime, projections, config.dataDir, ({ position, of }) =>
      bar.update(of > 0n ? Number((position * 1_000n) / of) : 1_000),
    )
    bar.end()
    const wrong = verdicts.reduce((sum, { differences }) => sum + differences, 0)
    if (json) process.stdout.write(`${JSON.stringify(verdicts)}\n`)
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
}

await program.showHelpAfterError().parseAsync()
