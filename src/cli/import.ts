/** npm run import -- FILE: a contact log goes in, or is only checked. */
import { Command, Option } from 'commander'
import { join } from 'node:path'
import { readConfig } from '../runtime/config.ts'
import {
  exitStatusOf,
  importFile,
  ImportStopped,
  type ImportProgress,
  type ImportTotals,
} from '../exchange/import-file.ts'
import { checkFile } from '../exchange/reading/contact-log-file.ts'
import { encodings, type Encoding } from '../exchange/reading/text-file.ts'
import { DataDirectoryInUse, lockDataDirectory, type DataDirectoryLock } from '../runtime/data-directory-lock.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, progressBar, UsageError } from './terminal.ts'

const command = new Command('npm run import --')
  .description('Imports a contact log. Run it again at any time: what is in already is recognised, and adds nothing.')
  .argument('<file>', 'the contact log: CSV, or an .xlsx workbook')
  .option('--check', 'a dry run: the same totals and rejects, and nothing is imported')
  .option('--json', 'print the totals as one JSON object')
  .option('--rejects <file>', 'where the rejected records go (FILE.rejects.csv beside the file, unless said)')
  .option('--reconsider', 'judge again what an earlier run turned away, as the journeys stand now')
  .option('--sheet <name>', 'which sheet of a workbook (the first, unless said)')
  .addOption(new Option('--encoding <name>', 'of a CSV file (recognised, unless said)').choices(encodings))
  .addHelpText(
    'after',
    '\nExit status: 0 judged to the end, with something in or nothing new; 2 every record refused; 1 stopped before the end.',
  )
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

function linesOf(totals: ImportTotals): string[] {
  const reasons = Object.entries(totals.rejected_by_reason).map(([reason, count]) => `    ${reason.padEnd(26)}${count}`)
  return [
    `Records read      ${totals.rows}`,
    `  accepted        ${totals.accepted}`,
    `  duplicates      ${totals.duplicates}`,
    `  rejected        ${totals.rejected}`,
    ...reasons,
    `Participants      ${totals.participants}`,
    `Journeys          ${totals.journeys}`,
    `  completed       ${totals.completed}`,
    `  dropped out     ${totals.dropped_out}`,
  ]
}

await atTheTerminal(async () => {
  const [file] = command.args as [string]
  const { json, check, ...options } = command.opts<{
    json?: boolean
    check?: boolean
    rejects?: string
    reconsider?: boolean
    sheet?: string
    encoding?: Encoding
  }>()
  checkFile(file)
  const config = readConfig()
  const alone = check ? null : oneImportAtATime(config.dataDir)
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    { besideAnother: true },
  )
  const nothingIn = 'This was a check: nothing was imported.'
  let bar: ReturnType<typeof progressBar> | undefined
  let last: ImportProgress | undefined
  try {
    const { totals, rejects, remarks } = await importFile(runtime, file, {
      ...options,
      check,
      onProgress(progress) {
        last = progress
        bar ??= progressBar(check ? 'Checking' : 'Importing', progress.totalBytes)
        bar.update(
          progress.bytes,
          progress.phase === 'reading' ? `${progress.totals.rows} records` : 'bringing the read models up to date',
        )
      },
    })
    bar?.end()
    process.exitCode = exitStatusOf(totals)
    if (json) {
      process.stdout.write(`${JSON.stringify(totals)}\n`)
      return
    }
    const all = [
      ...linesOf(totals),
      `Rejected records, with line and reason: ${rejects}`,
      ...remarks,
      ...(check ? [nothingIn] : []),
      ...(process.exitCode === 2 ? ['Every record was refused.'] : []),
    ]
    process.stdout.write(`${all.join('\n')}\n`)
  } catch (error) {
    bar?.end()
    const sofar = error instanceof ImportStopped ? error.totals : last?.totals
    if (sofar) {
      const before = error instanceof ImportStopped ? `before record ${error.line}` : `after record ${last!.line}`
      process.stderr.write(`The import stopped ${before} of ${file}.\n`)
      if (json) process.stdout.write(`${JSON.stringify(sofar)}\n`)
      else {
        const rejects = error instanceof ImportStopped ? error.rejects : null
        const all = [
          ...linesOf(sofar),
          ...(rejects === null ? [] : [`Rejected records so far: ${rejects}`]),
          check
            ? nothingIn
            : 'What was accepted so far is in. Mend the file and import it again: nothing goes in twice.',
        ]
        process.stdout.write(`${all.join('\n')}\n`)
      }
    }
    throw error
  } finally {
    await runtime.close()
    alone?.release()
  }
})
