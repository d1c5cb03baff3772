/** Puts one node together: files, log, group commit, services, port. */
import { GrpcServer } from './grpc/grpc-server.ts'
import { nodeHandlers } from './services/node.ts'
import { SystemProjections } from './projections/system-projections.ts'
import { projectionHandlers } from './services/projections.ts'
import { Store } from './services/store.ts'
import { streamReadHandlers } from './services/streams-read.ts'
import { streamWriteHandlers } from './services/streams.ts'
import { Appender } from './storage/append.ts'
import { DirectoryLock, openDatabase } from './storage/database.ts'
import { EventLog } from './storage/event-log.ts'
import { GroupCommit } from './storage/group-commit.ts'

export interface NodeOptions {
  dataDir: string
  host: string
  /** 0: any free port. */
  port: number
}

export interface Node {
  port: number
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
  'event_store.client.projections.projections': {
    disable: [],
    enable: [],
    statistics: [],
    restartsubsystem: [],
  },
  'event_store.client.gossip.gossip': { read: [] },
  'event_store.client.server_features.serverfeatures': { getsupportedmethods: [] },
}

export async function startNode(options: NodeOptions): Promise<Node> {
  const lock = new DirectoryLock(options.dataDir)
  try {
    const connection = openDatabase(options.dataDir)
    const log = new EventLog(connection)
    const commits = new GroupCommit(log, new Appender(log))
    const store = new Store(log, commits)
    const projections = new SystemProjections(log, commits)
    const handlers = new Map([
      ...streamWriteHandlers(store),
      ...streamReadHandlers(store),
      ...projectionHandlers(store, projections),
      ...nodeHandlers({ host: options.host, port: () => server.port }, FEATURES),
    ])
    const server: GrpcServer = await GrpcServer.listen({
      host: options.host,
      port: options.port,
      handlers,
      onDefect: (error, path) =>
        process.emitWarning(`${path}: ${(error as Error).stack ?? String(error)}`, 'EmbeddedStore'),
    })
    lock.signedBy({ port: server.port })
    return {
      port: server.port,
      async close() {
        projections.close()
        commits.drain()
        await server.close()
        commits.drain()
        connection.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
