/** Everything the product stands on, opened in order and closed in order: the data directory, the log, the keys, the read models. */
import { pino, type Logger } from 'pino'
import type { Observable } from 'rxjs'
import { setTimeout as wait } from 'node:timers/promises'
import { categories } from '../../projections/projection.ts'
import type { ConnectionSettings } from '../../projections/rebuild/partition-thread.ts'
import { rebuilderFor } from '../../projections/rebuild/rebuild.ts'
import { projections } from '../../projections/projections.ts'
import { discardCheckpointsOfOtherLogs } from '../../projections/runner/log-identity.ts'
import { forgetTokensOfErased } from '../../projections/runner/erased-tokens.ts'
import { ProjectionRunner } from '../../projections/runner/projection-runner.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { openReadModelDatabase, setAsideWhereDamaged } from '../../projections/storage/open-database.ts'
import { retired } from '../../projections/retired.ts'
import { Reach } from '../access/reach.ts'
import { commandHandlersOn, type CommandHandlers } from '../commands/command-handlers.ts'
import type { Config } from './config.ts'
import { backUpStore, startEmbeddedStore, type EmbeddedStore } from '../embedded-store/embedded-store.ts'
import { EventAppender, type AppendMeasurement } from '../event-store/event-appender.ts'
import { clientOf } from '../event-store/connection.ts'
import { parseConnectionString } from '../event-store/connection-string.ts'
import { EventStore } from '../event-store/event-store.ts'
import type { Outages } from '../event-store/outages.ts'
import { databaseProblem } from './database-problem.ts'
import { DataDirectoryInUse, lockDataDirectory, type DataDirectoryLock } from './data-directory-lock.ts'
import { checkInstallation } from './installation-check.ts'
import { CheckedPlace } from './keys-check.ts'
import { acceptLossOfKeys, type LossOfKeys } from './keys-lost.ts'
import { Vault } from '../protection/vault.ts'
import { PartnerSafetyStrand } from '../partner-safety/strand.ts'
import { LimitedCases } from '../reach/limited-cases.ts'
import { ScheduledBackup } from './scheduled-backup.ts'
import { keptIn, standingOn } from './storage-problem.ts'
import { join } from 'node:path'

export interface Runtime {
  readonly config: Config
  readonly log: Logger
  readonly eventStoreUrl: string
  readonly connections: ConnectionSettings
  /** Only the command handlers can append to it. */
  readonly store: EventStore
  /** After each append of this process, however it ended. */
  readonly appends: Observable<AppendMeasurement>
  readonly vault: Vault
  readonly readModels: ReadModels
  readonly commands: CommandHandlers
  /** Which cases are limited: read from the log when somebody first asks. */
  readonly limitedCases: LimitedCases
  /** What is done for the safety of partners, read from the log when somebody first asks. */
  readonly partnerSafety: PartnerSafetyStrand
  readonly reach: Reach
  /** The projector of this process; null where another process holds the data directory and projects for us. */
  readonly runner: ProjectionRunner | null
  readonly lock: DataDirectoryLock | null
  /** How outages of the log are waited out; undefined where they are errors. */
  readonly outages: Outages | undefined
  /** Closes all of it, in the reverse order; once, however often it is asked. */
  close(): Promise<void>
}

const tokensStay = 'The tokens of whoever was erased are still in the read models. The next start takes them out.'

/** Under which the open runtime is provided to what is injected. */
export const RUNTIME = Symbol('Runtime')

interface OpenOptions {
  /** Works through the store of the instance that runs already, where there is one. */
  readonly besideAnother?: boolean
  /** The read models are about to be rebuilt: it does not matter which log they were built from. */
  readonly toRebuild?: boolean
  /** Nothing is recorded: a log that says nothing of its keys is left as it is. */
  readonly onlyReads?: boolean
  /** Waits where the log goes away in the middle of the work; it still has to be there when this begins. */
  readonly outages?: Outages
  /** Keys are gone for good, and this is who says so: those who have none are no longer asked for. */
  readonly lossOfKeys?: LossOfKeys
}

/** @throws DataDirInUse unless `besideAnother` */
export async function openRuntime(
  config: Config,
  { besideAnother = false, toRebuild = false, onlyReads = false, lossOfKeys, ...options }: OpenOptions = {},
): Promise<Runtime> {
  process.umask(0o077) // whatever is written from here on is this user's alone
  // Structured, and without personal data: nothing below logs a name, a note, a request body or a query.
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ dest: 2, sync: true }))
  let lock: DataDirectoryLock | null = null
  let embedded: EmbeddedStore | undefined
  let eventStoreUrl = config.eventStoreUrl ?? ''
  try {
    lock = await standingOn(keptIn.dataDirectory(config.dataDir), () => lockDataDirectory(config.dataDir))
  } catch (error) {
    if (!besideAnother || !(error instanceof DataDirectoryInUse) || !error.holder) throw error
    eventStoreUrl ||= error.holder.eventStoreUrl
  }
  const opened: (() => unknown)[] = [() => lock?.release()]
  let closing: Promise<void> | undefined
  const close = () =>
    (closing ??= (async () => {
      for (const undo of opened.toReversed()) await undo()
    })())
  try {
    if (!eventStoreUrl) {
      const dataDir = join(config.dataDir, 'store')
      embedded = await standingOn(keptIn.events(dataDir), () => startEmbeddedStore({ dataDir }))
      opened.push(() => embedded!.close())
      eventStoreUrl = embedded.connectionString
    }
    // A store of this process is gone with it, and what it answers meanwhile is about its disk.
    const outages = embedded ? undefined : options.outages
    const client = clientOf(eventStoreUrl)
    const store = new EventStore(client, eventStoreUrl, outages)
    const appender = new EventAppender(client, outages)
    opened.push(() => store.close())
    for (const warning of parseConnectionString(eventStoreUrl).warnings) log.warn(warning)
    if (config.eventStoreUrl !== undefined) await store.reach()
    const vault = await standingOn(keptIn.keys(config.keysDir), () => new Vault(config.keysDir))
    opened.push(() => vault.close())
    const readModels = await standingOn(keptIn.readModels(config.dataDir), () =>
      openReadModels(config, log, { mayReplace: lock !== null }),
    )
    opened.push(() => readModels.close())
    const limitedCases = new LimitedCases(store)
    opened.push(() => limitedCases.stop())
    const partnerSafety = new PartnerSafetyStrand(store, vault)
    opened.push(() => partnerSafety.stop())
    const reach = new Reach(limitedCases, partnerSafety)
    const commands = commandHandlersOn(store, appender, vault, { ...config, categories, log, reach })
    opened.push(() => commands.consultations.close())
    opened.push(() => commands.adultDays.stop())
    const { installation, erasures } = commands
    try {
      if (lossOfKeys) await acceptLossOfKeys({ config, store, vault, installation, erasures }, lossOfKeys)
      const projectedUpTo = toRebuild ? null : BigInt((await readModels.asOf()).position)
      await checkInstallation({
        config,
        store,
        vault,
        installation,
        erasures,
        onlyReads,
        ...(lock && { projectedUpTo }),
      })
    } catch (error) {
      vault.unmake()
      throw error
    }
    await commands.clock.begin()
    if (!onlyReads) await commands.crns.bringAllInLine()
    const checkedPlace = new CheckedPlace(vault, appender.appends)
    opened.push(() => checkedPlace.close())
    const connections = { ...config, eventStoreUrl, ...(outages && { patienceMs: outages.patienceMs }) }
    const sources = { store, readModels, vault, log }
    // The runner does the same whenever it begins; here too, so that nobody takes what is in the database for this log's.
    if (lock) await discardCheckpointsOfOtherLogs(sources, projections)
    const rebuilder = rebuilderFor({ ...sources, connections })
    const runner = lock ? new ProjectionRunner(sources, projections, rebuilder) : null
    opened.push(() => runner?.stop())
    runner?.progress.subscribe(({ events, caughtUp }) => {
      // It begins anew after each rebuild, whose threads may have read a key before it was destroyed.
      const hasErased = caughtUp && (events.length === 0 || events.some(({ type }) => type === 'KeyDestroyed'))
      if (hasErased) forgetTokensOfErased(readModels.database).catch((err: unknown) => log.warn({ err }, tokensStay))
    })
    if (embedded && config.backup) {
      const backups = new ScheduledBackup(
        (file, signal) => backUpStore(join(config.dataDir, 'store'), file, signal),
        config.backup,
        log,
      )
      opened.push(() => backups.stop())
    }
    lock?.announce({ pid: process.pid, eventStoreUrl, url: null })
    return {
      config,
      log,
      outages,
      eventStoreUrl,
      connections,
      store,
      appends: appender.appends,
      vault,
      readModels,
      commands,
      limitedCases,
      partnerSafety,
      reach,
      runner,
      lock,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** @param mayReplace set the file aside where it is damaged, and begin with an empty one */
async function openReadModels(
  config: Config,
  log: Logger,
  { mayReplace }: { readonly mayReplace: boolean },
): Promise<ReadModels> {
  try {
    const readModels = await ReadModels.in(openReadModelDatabase(config.dataDir, config.databaseUrl))
    try {
      const dropped = await readModels.prepare(projections, retired)
      if (dropped.length > 0) log.info({ projections: dropped }, 'The read models of removed projections were dropped.')
      return readModels
    } catch (error) {
      await readModels.close()
      throw error
    }
  } catch (error) {
    const file = mayReplace ? setAsideWhereDamaged(config.dataDir, error) : null
    if (file === null) throw (config.databaseUrl && databaseProblem(error, config.databaseUrl)) || error
    log.warn({ file }, 'The read models were damaged. They are built again from the log.')
    return openReadModels(config, log, { mayReplace: false })
  }
}

/** Waits, without bound but not idly, until the read models of whichever process projects have read the log to its present end. */
export async function waitUntilCaughtUp(
  { runner, readModels, store, outages }: Runtime,
  onProgress: (position: bigint) => void = () => undefined,
): Promise<void> {
  const end = await store.headPositionOf(categories)
  if (end === 0n) return
  // Where outages are waited out, one that the runner tells of has been.
  if (runner) return runner.catchUpTo(end, onProgress, outages ? 0 : undefined)
  for (;;) {
    const { position } = await readModels.asOf()
    onProgress(BigInt(position))
    if (BigInt(position) >= end) return
    await wait(50)
  }
}
