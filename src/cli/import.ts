/** npm run import -- FILE.csv: a contact log goes in. */
import { Command } from 'commander'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../runtime/config.ts'
import { Outages } from '../event-store/outages.ts'
import { named } from '../exchange/contact-log-file.ts'
import { importFile, type ImportResult, type ImportTotals } from '../exchange/import-file.ts'
import { DataDirectoryInUse, lockDataDirectory, type DataDirectoryLock } from '../runtime/data-directory-lock.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal, progressBar, toldOn, UsageError, type ProgressBar } from './terminal.ts'

const command = new Command('npm run import --')
  .description('Imports a contact log. Run it again at any time: what is in already is recognised, and adds nothing.')
  .argument('<file>', 'the contact log: CSV, with commas, semicolons, tabs or |')
  .option('--check', 'a dry run: the same totals and rejects, and nothing is imported')
  .option('--json', 'print the totals as one JSON object')
  .option('--rejects <file>', 'where the rejected records go (FILE.rejects.csv beside the file, unless said)')
  .option('--reconsider', 'judge again what an earlier run turned away, as the journeys stand now')
  .addHelpText(
    'after',
    '\nExit status: 0 judged to the end, with something in or nothing new; 2 every record refused; 1 stopped before the end.',
  )
  .showHelpAfterError()
  .parse()

/** Exit status where the file was judged to its end and not one of its records could be taken; 0 where some were, or nothing was new; 1 where it stopped. */
const everyRecordRefused = 2

const nothingImported = 'This was a check: nothing was imported.'

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

/** What a contact log becomes: the log takes six times its size, the read models four, and what is being written is there twice. */
const bytesOnDisk = (sizeOfFile: number): number => 11 * sizeOfFile + 8 * 2 ** 20

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

const importing = async () => {
  const [file] = command.args as [string]
  const options = command.opts<{ check?: boolean; json?: boolean; rejects?: string; reconsider?: boolean }>()
  const size = sizeOf(file)
  const config = readConfig()
  const alone = options.check ? null : oneImportAtATime(config.dataDir)
  let bar = null as ProgressBar | null
  const runtime = await openRuntime(
    { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
    {
      besideAnother: true,
      onlyReads: options.check,
      outages: new Outages(
        config.eventStorePatienceMs,
        toldOn(() => bar),
      ),
    },
  )
  bar = progressBar(options.check ? 'Checking' : 'Importing', size)
  let soFar: ImportTotals | undefined
  try {
    const { totals, oddities, rejects, blank, leftOut } = await importFile(runtime, file, {
      rejects: options.rejects,
      reconsider: options.reconsider,
      check: options.check,
      onProgress: ({ bytes, rows, phase, totals }) => {
        soFar = totals
        bar?.update(bytes, phase === 'reading' ? `${rows} records` : 'waiting for the read models')
      },
    })
    bar.end()
    if (totals.rows > 0 && totals.rejected === totals.rows) process.exitCode = everyRecordRefused
    if (options.json) {
      const notes = { oddities, ...(blank > 0 && { blank }), ...(leftOut.length > 0 && { columns_left_out: leftOut }) }
      process.stdout.write(`${JSON.stringify({ ...totals, ...notes })}\n`)
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
        ...oddLines(oddities),
        ...(blank > 0 ? [`  blank           ${blank} (passed over)`] : []),
        `Participants      ${totals.participants}`,
        `Journeys          ${totals.journeys}`,
        `  completed       ${totals.completed}`,
        `  dropped out     ${totals.dropped_out}`,
        ...(leftOut.length > 0 ? [`Columns left out: ${named(leftOut)}`] : []),
        totals.rejected > 0
          ? `Rejected records are in ${rejects}: each with its reason, the column and what is expected there. Mend them in that file and import it.`
          : 'No record was rejected.',
        ...(options.check ? [nothingImported] : []),
        '',
      ].join('\n'),
    )
  } catch (error) {
    bar.end()
    if (soFar)
      process.stderr.write(
        `Stopped after record ${soFar.rows + 1}: ${soFar.accepted} accepted, ${soFar.duplicates} duplicates, ${soFar.rejected} rejected so far. ${options.check ? nothingImported : 'Run the same command again: it goes on where it stopped.'}\n`,
      )
    throw error
  } finally {
    bar.end()
    await runtime.close()
    alone?.release()
  }
}

await atTheTerminal(importing, [], () => bytesOnDisk(sizeOf(command.args[0]!)))

/** The improbable among the accepted records. They are in: nobody is asked about what another system recorded. */
function oddLines(found: ImportResult['oddities']): readonly string[] {
  const lines = Object.entries(found).map(([code, count]) => `    ${code.padEnd(26)}${count}`)
  return lines.length > 0 ? ['  unusual, and accepted', ...lines] : []
}
