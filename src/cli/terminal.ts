/** What every command at the terminal shares: it answers on stdout, tells how it goes on stderr, and says plainly what went wrong. */
import { join } from 'node:path'
import cliProgress from 'cli-progress'
import { ClockWrong } from '../commands/clock-check.ts'
import { InstallationMismatch } from '../runtime/installation-check.ts'
import { BadConfiguration, readConfig } from '../runtime/config.ts'
import { connectionProblem, type ConnectionProblem } from '../event-store/connection.ts'
import { BadConnectionString } from '../event-store/connection-string.ts'
import type { OutageListener } from '../event-store/outages.ts'
import { StoreUnavailable } from '../event-store/store-errors.ts'
import { NotAContactLog } from '../exchange/contact-log-file.ts'
import { DatabaseProblem } from '../runtime/database-problem.ts'
import { DataDirectoryInUse } from '../runtime/data-directory-lock.ts'
import { isDamagedEvent, keptIn, storageProblem, StorageProblem } from '../runtime/storage-problem.ts'

/** A mistake the person at the terminal can mend; shown without a stack. */
export class UsageError extends Error {}

const mendable = [
  StorageProblem,
  DatabaseProblem,
  InstallationMismatch,
  UsageError,
  BadConfiguration,
  DataDirectoryInUse,
  NotAContactLog,
  StoreUnavailable,
  BadConnectionString,
  ClockWrong,
]

/**
 * Runs a command to its end: exit code 0 when it is done, 1 when it could not be, with the reason in a sentence.
 * @param more errors of this command that the person at the terminal can mend, besides those of all commands
 * @param neededBytes about how much the command needs on the disk of the data directory, asked when that is full
 */
export async function atTheTerminal(
  work: () => Promise<void>,
  more: readonly (abstract new (...words: never[]) => Error)[] = [],
  neededBytes?: () => number,
): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', unlessNobodyReads)
  try {
    await work()
  } catch (failure) {
    const place = isDamagedEvent(failure)
      ? keptIn.events(join(dataDirectory(), 'store'))
      : keptIn.dataDirectory(dataDirectory())
    const error = storageProblem(failure, { ...place, neededBytes }) ?? (await problemOfConnection(failure)) ?? failure
    const known = [...mendable, ...more].some((kind) => error instanceof kind)
    process.stderr.write(
      known
        ? `${(error as Error).message}\n`
        : `Something went wrong that should not have: ${(error as Error).stack}\n`,
    )
    process.exitCode = 1
  }
}

/** `report | head` closes the pipe when it has enough: what is left goes nowhere, and the command ends in its own order. */
function unlessNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** Why the event store that is set cannot be used; null where none is set, or the error is about something else. */
async function problemOfConnection(error: unknown): Promise<ConnectionProblem | null> {
  const { EVENT_STORE_URL: url } = process.env
  return url && error instanceof StoreUnavailable ? connectionProblem(url, error) : null
}

/** Where the commands work: a disk that is full in the middle of one is that of this directory. */
function dataDirectory(): string {
  try {
    return readConfig().dataDir
  } catch {
    return 'the data directory'
  }
}

export interface ProgressBar {
  update(done: number, note?: string): void
  /** Says at once what the work waits for, or that it goes on. */
  say(note: string): void
  end(): void
}

/** A bar on a terminal; a line every few seconds where stderr is a file or a pipe. */
export function progressBar(title: string, total: number): ProgressBar {
  if (process.stderr.isTTY) {
    const bar = new cliProgress.SingleBar(
      {
        format: `${title} {bar} {percentage}% | {note} | {duration_formatted} gone, {eta_formatted} to go`,
        stream: process.stderr,
        hideCursor: true,
        etaBuffer: 50,
      },
      cliProgress.Presets.shades_classic,
    )
    bar.start(Math.max(1, total), 0, { note: '' })
    return {
      update: (done, note = '') => bar.update(done, { note }),
      say: (note) => bar.update({ note }),
      end: () => bar.stop(),
    }
  }
  const begun = Date.now()
  let said = begun
  return {
    update(done, note = '') {
      if (Date.now() - said < 5_000) return
      said = Date.now()
      const share = Math.min(1, done / Math.max(1, total))
      const left = share > 0 ? Math.round(((said - begun) / share - (said - begun)) / 1_000) : undefined
      process.stderr.write(
        `${title} ${(share * 100).toFixed(0)} % ${note}${left === undefined ? '' : ` about ${left} s to go`}\n`,
      )
    },
    say: (note) => void process.stderr.write(`${title}: ${note}\n`),
    end: () => undefined,
  }
}

/** Says on the progress line that the event store went away in the middle of the work, and that it is back. */
export function toldOn(bar: () => ProgressBar | null): OutageListener {
  return {
    onAway: (ms) => bar()?.say(`the event store went away; trying again for ${Math.ceil(ms / 1_000)} s`),
    onBack: (ms) => bar()?.say(`the event store is back after ${(ms / 1_000).toFixed(1)} s; going on`),
  }
}
