/** npm run import -- FILE.csv: a contact log goes in. */
import { Command } from 'commander'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../runtime/config.ts'
import { importFile } from '../exchange/import-file.ts'
import { DataDirectoryInUse, lockDataDirectory, type DataDirectoryLock } from '../runtime/data-directory-lock.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, progressBar, UsageError } from './terminal.ts'

const command = new Command('npm run import --')
  .description('Imports a contact log. Run it again at any time: what is in already is recognised, and adds nothing.')
  .argument('<file>', 'the contact log, CSV in UTF-8')
  .option('--json', 'print the totals as one JSON object')
  .option('--rejects <file>', 'where the rejected records go (FILE.rejects.csv beside the file, unless said)')
  .option('--reconsider', 'judge again what an earlier run turned away, as the journeys stand now')
  .showHelpAfterError()
  .parse()

/** Two at once would each judge without knowing what the other turns away. The lock goes with the process. */
function oneImportAtATime(dataDir: string): DataDirectoryLock {
  try {
    return lockDataDirectory(join(dataDir, 'importing'))
  } catch (error) {
    if (!(error instanceof DataDirectoryInUse)) throw error
    throw new UsageError(
      'Another import is running on this data directory. Wait until it has ended, then run this one.',
    )
  }
}

await atTheTerminal(async () => {
  const [file] = command.args as [string]
  const options = command.opts<{ json?: boolean; rejects?: string; reconsider?: boolean }>()
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats?.isFile()) throw new UsageError(`There is no file ${file}. Give the path of a contact log in CSV.`)
  const config = readConfig()
  const alone = oneImportAtATime(config.dataDir)
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    { besideAnother: true },
  )
  const bar = progressBar('Importing', stats.size)
  try {
    const { totals, rejects } = await importFile(runtime, file, {
      rejects: options.rejects,
      reconsider: options.reconsider,
      onProgress: ({ bytes, rows, phase }) =>
        bar.update(bytes, phase === 'reading' ? `${rows} records` : 'bringing the read models level'),
    })
    bar.end()
    if (options.json) {
      process.stdout.write(`${JSON.stringify(totals)}\n`)
      return
    }
    const reasons = Object.entries(totals.rejected_by_reason).map(
      ([reason, count]) => `    ${reason.padEnd(26)}${count}`,
    )
    process.stdout.write(
      [
        `Records read      ${totals.rows}`,
        `  accepted        ${totals.accepted}`,
        `  duplicates      ${totals.duplicates}`,
        `  rejected        ${totals.rejected}`,
        ...reasons,
        `Participants      ${totals.participants}`,
        `Journeys          ${totals.journeys}`,
        `  completed       ${totals.completed}`,
        `  dropped out     ${totals.dropped_out}`,
        `Rejected records, with line and reason: ${rejects}`,
        '',
      ].join('\n'),
    )
  } finally {
    bar.end()
    await runtime.close()
    alone.release()
  }
})
