import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AccessDeniedError,
  EventStoreDBClient,
  START,
  persistentSubscriptionToStreamSettingsFromDefaults,
} from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserAccounts } from '../../src/embedded-store/compatibility/users/user-accounts.ts'
import type { StoreNode, StoreNodeOptions } from '../../src/embedded-store/server.ts'
import { startNode } from '../../src/embedded-store/server.ts'
import { openDatabase } from '../../src/embedded-store/storage/database.ts'
import { aStream, anEvent, collect, errorOf, temporaryDirectory } from '../event-store/target.ts'

/** A key and a self-signed certificate for 127.0.0.1, for these tests only. */
const CERTIFICATE = join(import.meta.dirname, './fixtures/test-only.cert.pem')
const KEY = join(import.meta.dirname, './fixtures/test-only.key.pem')

let node: StoreNode
const nodes: StoreNode[] = []
let dataDir: string
const clients: EventStoreDBClient[] = []
let admin: EventStoreDBClient
let ops: EventStoreDBClient
let ouro: EventStoreDBClient
let nobody: EventStoreDBClient

beforeAll(async () => {
  dataDir = await temporaryDirectory()
  const connection = openDatabase(dataDir)
  const users = new UserAccounts(connection)
  await users.set('admin', ['$admins'], 'admin-password')
  await users.set('ops', ['$ops'], 'ops-password')
  await users.set('ouro', ['readers'], 'ouro:password')
  connection.close()
  node = await started('.')
  const connect = (who: string) => {
    const client = EventStoreDBClient.connectionString(
      `esdb://${who}127.0.0.1:${node.port}?tls=true&tlsCAFile=${CERTIFICATE}`,
    )
    clients.push(client)
    return client
  }
  admin = connect('admin:admin-password@')
  ops = connect('ops:ops-password@')
  ouro = connect('ouro:ouro%3Apassword@')
  nobody = connect('')
})
afterAll(async () => {
  for (const client of clients)
    await Promise.race([client.dispose(), new Promise((resolve) => setTimeout(resolve, 300))])
  for (const one of nodes) await one.close()
  await rm(dataDir, { recursive: true })
})

async function started(directory: string, options: Partial<StoreNodeOptions> = {}): Promise<StoreNode> {
  const tls = { key: readFileSync(KEY), cert: readFileSync(CERTIFICATE) }
  const made = await startNode({ dataDir: join(dataDir, directory), host: '127.0.0.1', port: 0, tls, ...options })
  nodes.push(made)
  return made
}

const denied = async (attempt: Promise<unknown>) => expect(await errorOf(attempt)).toBeInstanceOf(AccessDeniedError)

describe('over TLS', () => {
  it('a caller with the right password is authenticated', async () => {
    const stream = aStream()
    for (const client of [admin, ops, ouro]) await client.appendToStream(stream, anEvent())
    expect(await collect(admin.readStream(stream))).toHaveLength(3)
  })

  it('a wrong password and an unknown user name are refused', async () => {
    const stream = aStream()
    await denied(admin.appendToStream(stream, anEvent(), { credentials: { username: 'admin', password: 'wrong' } }))
    await denied(
      admin.appendToStream(stream, anEvent(), { credentials: { username: 'stranger', password: 'admin-password' } }),
    )
    await denied(collect(admin.readStream(stream, { credentials: { username: 'admin', password: '' } })))
  })

  it('a caller without credentials may read, follow, append to, delete or tombstone no stream', async () => {
    const stream = aStream()
    await ouro.appendToStream(stream, anEvent())
    await denied(nobody.appendToStream(stream, anEvent()))
    await denied(collect(nobody.readStream(stream)))
    await denied(collect(nobody.subscribeToStream(stream)))
    await denied(nobody.deleteStream(stream))
    await denied(nobody.tombstoneStream(stream))
    await denied(nobody.getStreamMetadata(stream))
    await denied(nobody.setStreamMetadata(stream, {}))
    expect(await collect(ouro.readStream(stream))).toHaveLength(1)
  })

  it('a client certificate is no credential', async () => {
    const certified = `esdb://127.0.0.1:${node.port}?tls=true&tlsCAFile=${CERTIFICATE}&userCertFile=${CERTIFICATE}&userKeyFile=${KEY}`
    const client = EventStoreDBClient.connectionString(certified)
    clients.push(client)
    await denied(client.appendToStream(aStream(), anEvent()))
  })

  it('an option lets a caller without credentials use the streams of users, and no others', async () => {
    const { port } = await started('open', { allowAnonymousStreamAccess: true })
    const nobody = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${port}?tls=true&tlsCAFile=${CERTIFICATE}`)
    clients.push(nobody)
    const stream = aStream()
    await nobody.appendToStream(stream, anEvent())
    expect(await collect(nobody.readStream(stream))).toHaveLength(1)
    await denied(nobody.appendToStream('$system', anEvent()))
    await denied(collect(nobody.readStream('$system')))
    await denied(collect(nobody.readAll()))
    await denied(nobody.enableProjection('$by_category'))
  })

  it('only administrators may use streams that begin with a dollar sign', async () => {
    await denied(collect(ouro.readAll()))
    await denied(ouro.appendToStream('$system', anEvent()))
    await admin.appendToStream('$system', anEvent())
    expect((await collect(admin.readAll())).length).toBeGreaterThan(0)
  })

  it('operators manage persistent subscriptions and projections, other users do not', async () => {
    const stream = aStream()
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START })
    await denied(ouro.createPersistentSubscriptionToStream(stream, 'group', settings))
    await ops.createPersistentSubscriptionToStream(stream, 'group', settings)
    await ops.disableProjection('$by_category')
  })

  it('no user may write to $all or delete it', async () => {
    await denied(admin.appendToStream('$all', anEvent()))
    await denied(
      admin.appendToStream('$all', anEvent(), { credentials: { username: 'admin', password: 'admin-password' } }),
    )
    await denied(admin.deleteStream('$all'))
    await denied(admin.tombstoneStream('$all'))
  })
})

describe("a stream's own access list", () => {
  it('names who may read, write and delete, and who may change it', async () => {
    const stream = aStream()
    await admin.setStreamMetadata(stream, {
      acl: {
        readRoles: ['ouro'],
        writeRoles: ['readers', 'ops'],
        deleteRoles: ['$admins'],
        metaReadRoles: ['ops'],
        metaWriteRoles: ['$admins'],
      },
    })
    await ouro.appendToStream(stream, anEvent())
    await ops.appendToStream(stream, anEvent())
    await denied(nobody.appendToStream(stream, anEvent()))
    expect(await collect(ouro.readStream(stream))).toHaveLength(2)
    await denied(collect(ops.readStream(stream)))
    await denied(collect(ops.subscribeToStream(stream)))
    await denied(ouro.deleteStream(stream))
    await denied(ouro.tombstoneStream(stream))
    await denied(ouro.getStreamMetadata(stream))
    expect((await ops.getStreamMetadata(stream)).metadata?.acl).toBeDefined()
    await denied(ouro.setStreamMetadata(stream, {}))
    await admin.deleteStream(stream)
  })

  it('can open $all to a reader', async () => {
    await denied(collect(ouro.subscribeToAll()))
    await admin.setStreamMetadata('$all', { acl: { readRoles: ['readers'] } })
    expect((await collect(ouro.readAll())).length).toBeGreaterThan(0)
    await denied(collect(nobody.readAll()))
  })
})
