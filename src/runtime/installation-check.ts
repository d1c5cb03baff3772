/** Whether a data directory's keys, read models and log belong together: a mistake here would lose people without a word. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The log, the keys and the read models are not of one installation. Nothing was changed. */
export class InstallationMismatch extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DoNotBelongTogether'
  }
}

/** What a data directory remembers of the log and the keys it was used with. Nothing in it is personal. */
interface Remembered {
  /** The id of the first event of ours in the log; null while there is none. */
  readonly firstEvent: string | null
  /** A keyed digest of a fixed text: tells whether the keys are the same, not what they are. */
  readonly keys: string
}

export interface Found extends Remembered {
  /** The keys were made a moment ago, because there were none. */
  readonly keysAreNew: boolean
  readonly logEnd: bigint
  /** The position up to which the read models were built; null where they are about to be rebuilt, whichever log they were built from. */
  readonly projectedUpTo: bigint | null
}

/** @throws DoNotBelongTogether, saying what is missing and what can be done */
export function checkInstallation(dataDir: string, found: Found): void {
  const file = join(dataDir, 'belongs-to.json')
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Remembered) : null
  if ((known && known.keys !== found.keys) || (found.keysAreNew && found.firstEvent !== null)) {
    throw new InstallationMismatch(
      'These are not the keys this log was written under, or they are missing. Put the keys back where KEYS_DIR says; without them nobody can read who is who.',
    )
  }
  const { projectedUpTo } = found
  if (projectedUpTo !== null && known?.firstEvent && known.firstEvent !== found.firstEvent) {
    throw new InstallationMismatch(
      `The read models in ${dataDir} were built from another log. Set EVENT_STORE_URL back, or DATA_DIR to another directory. Where this is to be the log from now on, run: npm run rebuild`,
    )
  }
  if (projectedUpTo !== null && projectedUpTo > found.logEnd) {
    throw new InstallationMismatch(
      `The log ends before what the read models of ${dataDir} have read: it was put back from an older copy, or moved to another store. If a newer log exists, put it back. Where this is to be the log from now on, run: npm run rebuild`,
    )
  }
  const remembered: Remembered = { firstEvent: found.firstEvent, keys: found.keys }
  if (JSON.stringify(known) !== JSON.stringify(remembered)) {
    writeFileSync(file, JSON.stringify(remembered), { mode: 0o600 })
  }
}
