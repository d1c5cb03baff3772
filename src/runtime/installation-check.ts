/** Whether a data directory's keys, read models and log belong together: a mistake here would lose people without a word. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { categories } from '../../projections/projection.ts'
import type { ErasureCommandHandler } from '../commands/erasure-command-handler.ts'
import type { InstallationCommandHandler } from '../commands/installation-command-handler.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { Vault } from '../protection/vault.ts'
import type { Config } from './config.ts'
import { participantsWithoutKey, type Keyless } from './keys-check.ts'

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

/** What is asked whether it belongs together. */
export interface Parts {
  readonly config: Pick<Config, 'dataDir' | 'keysDir'>
  readonly store: EventStore
  readonly vault: Vault
  readonly installation: InstallationCommandHandler
  readonly erasures: ErasureCommandHandler
  /**
   * The position up to which the read models were built; null where they are about to be rebuilt, whichever log they were built
   * from. Absent for who works beside the process that holds the data directory.
   */
  readonly projectedUpTo?: bigint | null
  /** The log is not told which keys it is under: whoever starts only reads. */
  readonly onlyReads?: boolean
}

/**
 * Compares the keys with the log, and the log with the data directory. A log that says nothing of its keys yet is told, once it
 * holds no participant without a key.
 * @throws InstallationMismatch, saying what is missing and what can be done; StoreUnavailable
 */
export async function checkInstallation(parts: Parts): Promise<void> {
  const { config, store, vault, installation, erasures, projectedUpTo, onlyReads = false } = parts
  const isUnderOurKeys = await installation.isUnderOurKeys()
  if (isUnderOurKeys === false) throw new InstallationMismatch(otherKeys(config, vault.isNew))
  const holdsDataDirectory = projectedUpTo !== undefined
  let remember = () => {}
  if (holdsDataDirectory) {
    const found: Remembered = {
      firstEvent: (await store.firstEventAfter([...categories, 'import'], null))?.id ?? null,
      keys: vault.token('code', 'which keys are these').toString('base64url'),
    }
    const file = join(config.dataDir, 'belongs-to.json')
    const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Remembered) : null
    if (isUnderOurKeys === null && known && known.keys !== found.keys)
      throw new InstallationMismatch(otherKeys(config, vault.isNew))
    if (isUnderOurKeys === null && vault.isNew && found.firstEvent !== null)
      throw new InstallationMismatch(otherKeys(config, vault.isNew))
    refuseAnotherLog(config.dataDir, { known, found, projectedUpTo, logEnd: await store.headPosition() })
    remember = () => {
      if (JSON.stringify(known) !== JSON.stringify(found)) writeFileSync(file, JSON.stringify(found), { mode: 0o600 })
    }
  }
  const keyless = await participantsWithoutKey(store, vault, erasures)
  if (keyless) throw new InstallationMismatch(olderKeys(config, keyless))
  if (isUnderOurKeys === null && holdsDataDirectory && !onlyReads && !(await installation.identify()))
    throw new InstallationMismatch(otherKeys(config, vault.isNew))
  remember()
}

/** @throws InstallationMismatch where the read models were built from more than this log, or from another */
function refuseAnotherLog(
  dataDir: string,
  {
    known,
    found,
    projectedUpTo,
    logEnd,
  }: { known: Remembered | null; found: Remembered; projectedUpTo: bigint | null; logEnd: bigint },
): void {
  if (projectedUpTo === null) return
  if (known?.firstEvent && known.firstEvent !== found.firstEvent) {
    throw new InstallationMismatch(
      `The read models in ${dataDir} were built from another log. Set EVENT_STORE_URL back, or DATA_DIR to another directory. Where this is to be the log from now on, run: npm run rebuild`,
    )
  }
  if (projectedUpTo > logEnd) {
    throw new InstallationMismatch(
      `The log ends before what the read models of ${dataDir} have read: it was put back from an older copy, or moved to another store. If a newer log exists, put it back. Where this is to be the log from now on, run: npm run rebuild`,
    )
  }
}

const whereGone = ' Where no such file is left anywhere: npm run keys -- lost --help'

const otherKeys = ({ dataDir, keysDir }: Parts['config'], areNew: boolean): string =>
  `${
    areNew
      ? `There are no keys in ${keysDir}, and new ones are not the keys this log was written under.`
      : `These are not the keys this log was written under: ${keysDir} holds those of another installation.`
  } Nothing was changed. Set KEYS_DIR to the directory whose keys.sqlite this log was begun with, or put that file back; where DATA_DIR (${dataDir}) or EVENT_STORE_URL names the wrong installation, set it right. Do not delete either keys or log, and do not import into this log with other keys: without its own nobody can read who is who.${whereGone}`

const olderKeys = ({ keysDir }: Parts['config'], { ids: { size: participants }, since }: Keyless): string =>
  `The keys in ${keysDir} are too old for this log: they were put back from a copy that was taken before ${momentOf(since)}, and ${
    participants === 1 ? 'the one participant who was' : `the ${participants} participants who were`
  } recorded since then and whose keys are not in it cannot be read. Nothing was changed. Stop whatever uses these keys, put the newest copy of keys.sqlite into ${keysDir}, and start again. Do not import or record anybody with these keys: the same people would be recorded a second time.${whereGone}`

/** 27 November 2026, 14:05 UTC. */
const momentOf = (when: Date): string =>
  `${new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }).format(when)} UTC`
