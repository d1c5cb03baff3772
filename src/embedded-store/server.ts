/**
 * Composition of one node: files, log, group commit, services and port. The only file of the core that imports compatibility/.
 */
import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { ANONYMOUS } from './services/access-control.ts'
import { UserAccounts } from './compatibility/users/user-accounts.ts'
import type { Faults } from './services/faults.ts'
import { FaultInjector } from './services/faults.ts'
import type { GrpcCall } from './grpc/grpc-server.ts'
import { GrpcServer } from './grpc/grpc-server.ts'
import { StatusCode, RpcError, operationTimedOutError } from './grpc/status.ts'
import { nodeHandlers } from './services/node.ts'
import { ConsumerGroups } from './compatibility/persistent-subscriptions/consumer-groups.ts'
import { SystemProjections } from './compatibility/system-projections/system-projections.ts'
import { persistentSubscriptionHandlers } from './compatibility/persistent-subscriptions/service.ts'
import { systemProjectionHandlers } from './compatibility/system-projections/service.ts'
import { ServiceContext } from './services/service-context.ts'
import { streamReadHandlers } from './services/streams-read.ts'
import { streamWriteHandlers } from './services/streams-write.ts'
import { Appender, ExpectedRevision } from './storage/append.ts'
import type { SqliteConnection } from './storage/database.ts'
import { StoreDirectoryLock, openDatabase } from './storage/database.ts'
import { EventLog } from './storage/event-log.ts'
import { GroupCommit } from './storage/group-commit.ts'
import { WriteAheadLog } from './storage/write-ahead-log.ts'

export interface StoreNodeOptions {
  dataDir: string
  host: string
  /** 0: any free port. */
  port: number
  /** Absent: callers are not authenticated, and have an administrator's rights. */
  tls?: { key: Buffer; cert: Buffer }
  /** With TLS: whether callers without credentials may use the streams of users. By default they may use none. */
  allowAnonymousStreamAccess?: boolean
  /** The host that gossip tells clients to connect to; by default the one listened on. */
  advertisedHost?: string
  /** Present, even if empty: faults can be injected while the node runs. */
  faults?: Faults
}

export interface StoreNode {
  port: number
  /** @throws unless the node was started with faults */
  setFaults(faults: Faults): void
  /** Ends every subscription with the error for consumers that are too slow. */
  dropSubscriptions(): void
  close(): Promise<void>
}

const FEATURES = {
  'event_store.client.streams.streams': {
    read: ['position', 'events'],
    append: [],
    delete: [],
    tombstone: [],
    batchappend: ['deadline_duration'],
  },
  'event_store.client.persistent_subscriptions.persistentsubscriptions': {
    create: ['stream', 'all'],
    update: ['stream', 'all'],
    delete: ['stream', 'all'],
    read: ['stream', 'all'],
    getinfo: ['stream', 'all'],
    replayparked: ['stream', 'all'],
    list: ['stream', 'all'],
    restartsubsystem: ['stream', 'all'],
  },
  'event_store.client.projections.projections': {
    disable: [],
    enable: [],
    statistics: [],
    restartsubsystem: [],
  },
  'event_store.client.gossip.gossip': { read: [] },
  'event_store.client.server_features.serverfeatures': { getsupportedmethods: [] },
}

export async function startNode(options: StoreNodeOptions): Promise<StoreNode> {
  const lock = new StoreDirectoryLock(options.dataDir)
  let connection: SqliteConnection | undefined
  let writeAheadLog: WriteAheadLog | undefined
  try {
    const opened = openDatabase(options.dataDir)
    connection = opened
    const wal = new WriteAheadLog(opened)
    writeAheadLog = wal
    wal.makeDurable()
    const log = new EventLog(opened)
    const faults = options.faults && new FaultInjector(opened, options.faults)
    const commits = new GroupCommit(
      log,
      new Appender(log),
      wal,
      faults && { beforeCommit: () => faults.beforeCommit() },
    )
    if (log.head === 0n) writeFirstEvent(commits)
    const store = new ServiceContext(log, commits, options.allowAnonymousStreamAccess ?? false, faults)
    const users = options.tls && new UserAccounts(opened)
    const projections = new SystemProjections(log, commits)
    const groups = new ConsumerGroups(log, commits)
    const handlers = new Map([
      ...streamWriteHandlers(store),
      ...streamReadHandlers(store),
      ...persistentSubscriptionHandlers(store, groups),
      ...systemProjectionHandlers(store, projections),
      ...nodeHandlers({ host: options.advertisedHost ?? options.host, port: () => server.port }, FEATURES),
    ])
    const server: GrpcServer = await GrpcServer.listen({
      host: options.host,
      port: options.port,
      handlers,
      ...(options.tls && { tls: options.tls }),
      ...(users && { authenticate: (call: GrpcCall) => authenticate(users, call) }),
      onUnexpectedError: (error, path) =>
        process.emitWarning(`${path}: ${(error as Error).stack ?? String(error)}`, 'EmbeddedStore'),
    })
    lock.writeOwnerFile({ port: server.port })
    return {
      port: server.port,
      setFaults(wanted) {
        if (!faults) throw new Error('This store was not started with faults')
        faults.set(wanted)
      },
      dropSubscriptions() {
        for (const call of server.openCalls())
          if (call.path.endsWith('Streams/Read'))
            call.fail(operationTimedOutError('Consumer too slow to handle event while live.'))
      },
      async close() {
        server.stopReading()
        projections.close()
        groups.close()
        commits.flushAll()
        await setImmediate() // responses to committed writes are sent before their calls are ended
        await server.close()
        commits.flushAll()
        wal.close()
        lock.release()
      },
    }
  } catch (error) {
    if (writeAheadLog) writeAheadLog.close()
    else connection?.close()
    lock.release()
    throw error
  }
}

/**
 * Opens the user accounts of a data directory to list or change them; a store may be serving from the same directory.
 * A running store may go on accepting a password that it checked within the last minute.
 */
export async function withUserAccounts(
  dataDir: string,
  body: (users: UserAccounts) => void | Promise<void>,
): Promise<void> {
  const connection = openDatabase(dataDir)
  try {
    await body(new UserAccounts(connection))
  } finally {
    connection.close()
  }
}

/** As in EventStoreDB, a new log is not empty: clients must not come to rely on `$all` having only their own events. */
function writeFirstEvent(commits: GroupCommit): void {
  const data = Buffer.from(JSON.stringify({ $maxAge: 86_400 }))
  const event = { id: randomUUID(), type: '$metadata', isJson: true, data, metadata: new Uint8Array() }
  commits.submit({
    apply: (appender) => appender.append('$$$stats-127.0.0.1:2113', ExpectedRevision.NO_STREAM, [event]),
    bytes: 0,
    deadline: Infinity,
    settle: () => {}, // a full disk is reported by the first write of a client
  })
  commits.flushAll()
}

/** Methods that clients call before they authenticate. */
const UNAUTHENTICATED_METHODS = [
  '/event_store.client.gossip.Gossip/Read',
  '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
]

function authenticate(users: UserAccounts, call: GrpcCall): void | Promise<void> {
  const header = call.headers.authorization
  call.identity = ANONYMOUS
  if (header === undefined || UNAUTHENTICATED_METHODS.includes(call.path)) return
  return users.authenticate(header).then((identity) => {
    if (!identity) throw new RpcError(StatusCode.UNAUTHENTICATED, 'The user name or password is wrong')
    call.identity = identity
  })
}
