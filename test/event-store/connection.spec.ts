/** Each way in which the address of an event store cannot be used: one sentence, within ten seconds, without the password. */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { EventStoreDBClient } from '@eventstore/db-client'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { startNode, withUserAccounts, type StoreNode } from '../../src/embedded-store/server.ts'
import { BadConnectionString, parseConnectionString } from '../../src/event-store/connection-string.ts'
import { EventStore } from '../../src/event-store/event-store.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { readConfig } from '../../src/runtime/config.ts'
import { openRuntime, waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { temporaryDirectory as directoryOfStore } from './target.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const fixture = (name: string) => join(import.meta.dirname, '../embedded-store/fixtures', name)
const CERTIFICATE = fixture('test-only.cert.pem')
const tls = { cert: readFileSync(CERTIFICATE), key: readFileSync(fixture('test-only.key.pem')) }
const password = 'Schlüssel/7@9%'
const user = `throughline:${encodeURIComponent(password)}@`

let plain: StoreNode
let secured: StoreNode

beforeAll(async () => {
  const [plainDir, securedDir] = [await directoryOfStore(), await directoryOfStore()]
  plain = await startNode({ dataDir: plainDir, host: '127.0.0.1', port: 0 })
  secured = await startNode({ dataDir: securedDir, host: '127.0.0.1', port: 0, tls })
  await withUserAccounts(securedDir, async (users) => {
    await users.set('admin', ['$admins'], 'admin-password')
    await users.set('throughline', [], password)
    await users.set('stranger', [], password)
  })
  // The one right that docs/operating.md says has to be given.
  const admin = EventStoreDBClient.connectionString(
    `esdb://admin:admin-password@127.0.0.1:${secured.port}?tlsCAFile=${CERTIFICATE}`,
  )
  await admin.setStreamMetadata('$all', { acl: { readRoles: ['$admins', 'throughline'] } })
  await admin.dispose()
})
afterAll(async () => {
  await plain.close()
  await secured.close()
})

it('runs with exactly the rights that the page lists, and a password of any characters', async () => {
  const settings = { DATA_DIR: temporaryDirectory(), LOG_LEVEL: 'silent' }
  const url = `esdb://${user}127.0.0.1:${secured.port}?tls=true&tlsCAFile=${CERTIFICATE}`
  const runtime = await openRuntime(readConfig({ ...settings, EVENT_STORE_URL: url }))
  onTestFinished(() => runtime.close())
  const file = join(import.meta.dirname, '../fixtures/contact-logs/nasty.csv')
  const { totals } = await importFile(runtime, file, { rejects: join(settings.DATA_DIR, 'rejects.csv') })
  expect(totals.accepted).toBeGreaterThan(0)
  await waitUntilCaughtUp(runtime)
  const page = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8')
  expect(page).toContain('"$acl":{"$r":["$admins","throughline"]}')
})

it('says what keeps it from each server, and where to look', async () => {
  const [silent, http, ssh, closing, webOverTls, unused] = await Promise.all([
    listening(createServer(() => undefined)),
    listening(createHttpServer((_, answer) => void answer.end('hello'))),
    listening(createServer((socket) => void socket.on('error', () => undefined).write('SSH-2.0-server\r\n'))),
    listening(createServer((socket) => void socket.end())),
    listening(createTlsServer({ ...tls, ALPNProtocols: ['http/1.1'] }, (socket) => void socket.end('HTTP/1.1 200 OK'))),
    portOfNobody(),
  ])
  const ca = `tlsCAFile=${CERTIFICATE}`
  const cases: [address: string, ...words: (string | RegExp)[]][] = [
    [`127.0.0.1:${unused}?tls=false`, 'nobody answers there', 'the host and the port in EVENT_STORE_URL'],
    [`127.0.0.1:${unused}?tls=true`, 'nobody answers there'],
    [`no-such-host.invalid:2113?tls=false`, 'there is no host of the name no-such-host.invalid'],
    [`127.0.0.1:${plain.port}?tls=true`, 'it does not speak TLS', 'tls=false'],
    [`127.0.0.1:${plain.port}`, 'it does not speak TLS', 'tls=false'],
    [`127.0.0.1:${secured.port}?tls=false`, 'it speaks TLS only', 'tls=true'],
    [`127.0.0.1:${secured.port}?tls=true`, 'its certificate is not trusted on this machine', 'tlsCAFile'],
    [`127.0.0.1:${secured.port}?tls=true&tlsVerifyCert=false`, 'its certificate is not trusted', 'tlsCAFile'],
    [`127.0.0.1:${http}?tls=false`, 'an HTTP server answers there', 'the port in EVENT_STORE_URL'],
    [`127.0.0.1:${http}?tls=true`, 'an HTTP server answers there'],
    [`127.0.0.1:${webOverTls}?${ca}`, 'an HTTP server answers there'],
    [`127.0.0.1:${ssh}?tls=false`, 'speaks another protocol'],
    [`127.0.0.1:${ssh}?tls=true`, 'speaks another protocol'],
    [`127.0.0.1:${closing}?tls=false`, 'closes it without a word'],
    [`127.0.0.1:${silent}?tls=false`, 'says nothing', 'the port in EVENT_STORE_URL'],
    [`127.0.0.1:${silent}?tls=true`, 'says nothing'],
    [`throughline:wrong-S3cret@127.0.0.1:${secured.port}?${ca}`, 'the user throughline with this password'],
    [
      `stranger:${encodeURIComponent(password)}@127.0.0.1:${secured.port}?${ca}`,
      'let the user stranger read $all',
      'docs/operating.md',
    ],
    [`127.0.0.1:${secured.port}?${ca}`, 'wants a user name and a password'],
    [`127.0.0.1:${unused},localhost:${unused}?tls=false`, 'nobody answers there'],
  ]
  const answers = await Promise.all(
    cases.map(async ([address, ...words]) => {
      const withUser = address.includes('@') ? address : `${user}${address}`
      const isAboutUser = words[0]!.toString().includes('password')
      return { words, address, ...(await refusal(`esdb://${isAboutUser ? address : withUser}`)) }
    }),
  )
  const discovered = await refusal(`esdb+discover://${user}127.0.0.1:${unused}?tls=false`)
  for (const { words, address, error, ms } of [
    ...answers,
    { words: ['nobody answers there'], address: 'discover', ...discovered },
  ]) {
    expect(error, address).toBeInstanceOf(StoreUnavailable)
    const { message } = error as Error
    for (const word of words) expect(message, address).toContain(word)
    expect(message).toMatch(/^The event store at esdb(\+discover)?:\/\/[\w.:,-]+ cannot be used: [^\n]+\.$/)
    expect(message).not.toMatch(/S3cret|Schl|%40/)
    expect(ms, address).toBeLessThan(12_000)
  }
}, 60_000)

it.each([
  ['esdb://h:2113?tls=maybe', 'tls is "maybe": give true or false'],
  ['esdb://h:2113?keepAliveInterval=soon', 'keepAliveInterval is "soon": give a whole number'],
  ['esdb://h:2113?nodePreference=best', 'nodePreference is "best"'],
  ['esdb://h:2113?tlsCAFile=/nowhere/ca.pem', 'tlsCAFile names /nowhere/ca.pem, which is not there'],
  ['esdb://h:2113?tlsCAFile=/', 'tlsCAFile names /, which cannot be read'],
  ['esdb://h:2113?userCertFile=/nowhere/cert.pem', 'userCertFile and userKeyFile go together'],
  ['esdb://u:S3cret%@h:2113', 'a % that begins no code. In a user name or password write % as %25'],
  ['esdb://u:S3c@ret@h:2113', 'write % as %25, @ as %40'],
  ['esdb://u:S3c:ret@h:2113', ': as %3A'],
  ['esdb://u:S3c/ret@h:2113', '/ as %2F'],
  ['esdb://u:S3c?ret@h:2113', '? as %3F'],
  ['esdb://u:S3c#ret@h:2113', '# as %23'],
  ['esdb://u:S3c,ret@h:2113,', 'no host name and port'],
  // Where what stands before the ? could be a host with its port, the rest of the password would pass for settings.
  ['esdb://u:7?S3cret@h:2113', 'an @ stands where settings are'],
  ['esdb://u:7?tls=S3cret@h:2113', 'an @ stands where settings are'],
  ['esdb://u:7?tlsCAFile=S3cret@h:2113', 'an @ stands where settings are'],
  ['esdb://u:p@7?keepAliveInterval=S3cret@h:2113', 'an @ stands where settings are'],
  ['esdb://u@h:2113', 'a user without a password'],
  ['esdb://h:port', 'no host name and port'],
  ['esdb://h:99999', 'no host name and port'],
  ['esdb://', 'no host name and port'],
  ['http://u:S3cret@h:2113', 'it is not a connection string'],
])('refuses %s in a sentence that shows no password', (url, words) => {
  let said = ''
  try {
    parseConnectionString(url)
  } catch (error) {
    expect(error).toBeInstanceOf(BadConnectionString)
    said = (error as Error).message
  }
  expect(said).toContain(words)
  expect(said).toMatch(/^EVENT_STORE_URL cannot be used: [^\n]+$/)
  expect(said).not.toMatch(/S3c|ret@/)
})

it('tells of settings that have no effect without a word of the address', () => {
  const warned = vi.spyOn(console, 'warn')
  onTestFinished(() => warned.mockRestore())
  const { warnings, options, hosts } = parseConnectionString(
    `kurrentdb://u:S3cret@h:2114?tlsVerifyCert=false&tls_ca_file=${CERTIFICATE}&colour=S3cret&keep-alive-interval=11000&colour=2`,
  )
  expect(hosts).toEqual([{ address: 'h', port: 2114 }])
  expect(options).toEqual({ keepAliveInterval: 11_000 })
  expect(warnings).toHaveLength(2)
  expect(warnings.join('\n')).toContain('tlsVerifyCert=false in EVENT_STORE_URL has no effect')
  expect(warnings.join('\n')).not.toContain('S3cret')
  expect(warned).not.toHaveBeenCalled()
})

async function refusal(url: string): Promise<{ error: unknown; ms: number }> {
  const begun = performance.now()
  const store = EventStore.connect(url)
  try {
    const error = await store.reach().then(
      () => 'there was none',
      (error: unknown) => error,
    )
    return { error, ms: performance.now() - begun }
  } finally {
    // A server that is silent would keep it waiting.
    void store.close()
  }
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function portOfNobody(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
