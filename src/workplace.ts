/** Everything the product stands on, opened in order and closed in order: the data directory, the log, the keys, the read models. */
import { pino, type Logger } from 'pino'
import { setTimeout as wait } from 'node:timers/promises'
import { categories } from '../projections/projection.ts'
import type { Whereabouts } from '../projections/lanes.ts'
import { projections } from '../projections/projections.ts'
import { Projector } from '../projections/projector.ts'
import { ReadModels } from '../projections/read-models.ts'
import { retired } from '../projections/retired.ts'
import { checkBelonging } from './belonging.ts'
import { CommandDoor } from './commands/door.ts'
import type { Config } from './config.ts'
import { startEmbeddedStore, type EmbeddedStore } from './embedded-store/embedded-store.ts'
import { EventStore } from './event-store/event-store.ts'
import { DataDirInUse, holdDataDir, type Holding } from './instance.ts'
import { Vault } from './protection/vault.ts'
import { join } from 'node:path'

export interface Workplace {
  readonly config: Config
  readonly log: Logger
  readonly eventStoreUrl: string
  readonly whereabouts: Whereabouts
  readonly store: EventStore
  readonly vault: Vault
  readonly readModels: ReadModels
  readonly door: CommandDoor
  /** The projector of this process; null where another process holds the data directory and projects for us. */
  readonly projector: Projector | null
  readonly holding: Holding | null
  close(): Promise<void>
}

/** @throws DataDirInUse unless `besideAnother`, which then works through the store of the instance that runs already */
export async function openWorkplace(config: Config, { besideAnother = false } = {}): Promise<Workplace> {
  process.umask(0o077) // whatever is written from here on is this user's alone
  // Structured, and without personal data: nothing below logs a name, a note, a request body or a query.
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ dest: 2, sync: true }))
  let holding: Holding | null = null
  let embedded: EmbeddedStore | undefined
  let eventStoreUrl = config.eventStoreUrl ?? ''
  try {
    holding = holdDataDir(config.dataDir)
  } catch (error) {
    if (!besideAnother || !(error instanceof DataDirInUse) || !error.holder) throw error
    eventStoreUrl ||= error.holder.eventStoreUrl
  }
  const opened: (() => unknown)[] = [() => holding?.release()]
  const close = async () => {
    for (const undo of opened.toReversed()) await undo()
  }
  try {
    if (!eventStoreUrl) {
      embedded = await startEmbeddedStore({ dataDir: join(config.dataDir, 'store') })
      opened.push(() => embedded!.close())
      eventStoreUrl = embedded.connectionString
    }
    const store = EventStore.connect(eventStoreUrl)
    opened.push(() => store.close())
    const vault = new Vault(config.keysDir)
    opened.push(() => vault.close())
    const readModels = await ReadModels.open(config.dataDir, config.databaseUrl)
    opened.push(() => readModels.close())
    const dropped = await readModels.prepare(projections, retired)
    if (dropped.length > 0) log.info({ projections: dropped }, 'Read models that nobody asks any more were dropped.')
    if (holding) await belongTogether(config.dataDir, store, vault, readModels)
    const whereabouts = { ...config, eventStoreUrl }
    const projector = holding ? new Projector(store, readModels, vault, log, projections, whereabouts) : null
    opened.push(() => projector?.stop())
    holding?.announce({ pid: process.pid, eventStoreUrl, url: null })
    return {
      config,
      log,
      eventStoreUrl,
      whereabouts,
      store,
      vault,
      readModels,
      door: new CommandDoor(store, vault),
      projector,
      holding,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function belongTogether(dataDir: string, store: EventStore, vault: Vault, readModels: ReadModels): Promise<void> {
  let firstEvent: string | null = null
  for await (const event of store.readEverything([...categories, 'import'])) {
    firstEvent = event.id
    break
  }
  try {
    checkBelonging(dataDir, {
      firstEvent,
      keys: vault.token('code', 'which keys are these').toString('base64url'),
      keysAreNew: vault.isNew,
      logEnd: await store.lastPlace(),
      heard: BigInt((await readModels.asOf()).position),
    })
  } catch (error) {
    vault.unmake()
    throw error
  }
}

/** Waits, without bound but not idly, until the read models of whichever process projects have heard the log to its present end. */
export async function heardEverything(
  { projector, readModels, store }: Workplace,
  onProgress: (position: bigint) => void = () => undefined,
): Promise<void> {
  const end = await store.endOf(categories)
  if (end === 0n) return
  if (projector) return projector.level(end, onProgress)
  for (;;) {
    const { position } = await readModels.asOf()
    onProgress(BigInt(position))
    if (BigInt(position) >= end) return
    await wait(50)
  }
}
