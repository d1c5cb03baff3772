import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import profiles from '../../profiles.json' with { type: 'json' }
import { projectRoot } from '../../src/runtime/config.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const log = new URL('../fixtures/contact-logs/nasty.csv', import.meta.url).pathname
const built = (file: string) => join(projectRoot, 'dist/bundle/src', `${file}.js`)

/** What a command does whose reader has gone before it says anything. */
async function withNobodyReading(file: string, words: string[], env: Record<string, string>) {
  const command = spawn(process.execPath, [built(file), ...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  command.stdout.destroy()
  let stderr = ''
  command.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
  const [code] = (await once(command, 'close')) as [number | null]
  return { code, stderr }
}

describe('a start on a port that is taken', () => {
  it('says which port, how to find its holder and what to set, and leaves the data directory free', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const env = { ...process.env, DATA_DIR: temporaryDirectory(), PORT: String(port) }
    const { status, stdout, stderr } = spawnSync(process.execPath, [built('main')], { env, encoding: 'utf8' })
    expect(stderr).toBe(
      `Port ${port} is taken by another program, perhaps by another Throughline: ss -ltnp 'sport = :${port}' says which. Stop it, or set PORT to another number (PORT=0 takes any free port).\n`,
    )
    expect([status, stdout]).toEqual([1, ''])
    expect(spawnSync(process.execPath, [built('cli/report'), 'journeys'], { env }).status).toBe(0)
  })
})

describe('a command whose output nobody reads to its end', () => {
  it('ends quietly', async () => {
    const DATA_DIR = temporaryDirectory()
    const imported = await withNobodyReading('cli/import', [log, '--rejects', join(DATA_DIR, 'rejects.csv')], {
      DATA_DIR,
    })
    expect(imported).toEqual({ code: 0, stderr: '' })
    expect(await withNobodyReading('cli/report', ['journeys'], { DATA_DIR })).toEqual({ code: 0, stderr: '' })
    const store = ['stats', '--data-dir', join(DATA_DIR, 'store')]
    expect(await withNobodyReading('embedded-store/cli', store, {})).toEqual({ code: 0, stderr: '' })
  })
})

/** All that the commands which read an address say, standard output and error together. */
async function endOfEach(settings: Record<string, string>, commands = readAnAddress) {
  const env = { ...process.env, PORT: '0', ...settings }
  return Promise.all(
    commands.map(async ([file, ...words]) => {
      const command = spawn(process.execPath, [built(file), ...words], {
        env: { ...env, DATA_DIR: temporaryDirectory() },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let said = ''
      for (const stream of [command.stdout, command.stderr])
        stream.on('data', (chunk: Buffer) => (said += String(chunk)))
      const [code] = (await once(command, 'close')) as [number | null]
      return { code, said, command: [file, ...words].join(' ') }
    }),
  )
}

const lostKeys = ['lost', '--by', 'CM001', '--reason', 'disk_failed']
const readAnAddress: [file: string, ...words: string[]][] = [
  ['main'],
  ['cli/import', log],
  ['cli/report', 'journeys'],
  ['cli/rebuild'],
  ['cli/parked', 'reprocess', 'all'],
  ['cli/verify', 'projections'],
  ['cli/keys', ...lostKeys],
  ['cli/evidence', 'pack', '--all', '--reason', 'audit', '--out', '/nowhere/pack.zip'],
]

describe('a start and the commands with an address that cannot be used', () => {
  it('are all that read one', () => {
    const { readNone, readSome } = Object.groupBy(Object.entries(profiles), ([, { entry }]) =>
      readAnAddress.some(([file]) => entry === `dist/bundle/src/${file}.js`) ? 'readSome' : 'readNone',
    )
    expect(readSome!.map(([name]) => name).sort()).toEqual(
      ['evidence', 'import', 'keys', 'parked', 'rebuild', 'report', 'start', 'verify'].sort(),
    )
    // `store` has addresses as arguments, below; the witness is asked, and asks nobody; the rest is for developers.
    expect(readNone!.map(([name]) => name).sort()).toEqual([
      'bench',
      'docs:corrections',
      'docs:events',
      'store',
      'witness',
    ])
  })

  it.each([
    [
      'nobody',
      { EVENT_STORE_URL: 'esdb://somebody:S3cret@127.0.0.1:9?tls=false&tlsVerifyCert=false&colour=red' },
      /The event store at esdb:\/\/127\.0\.0\.1:9 cannot be used: nobody answers there.*\n$/,
    ],
    [
      'a file that is missing',
      { EVENT_STORE_URL: 'esdb://somebody:S3cret@127.0.0.1:9?tlsCAFile=/nowhere/ca.pem' },
      /^EVENT_STORE_URL cannot be used: tlsCAFile names \/nowhere\/ca\.pem, which is not there.*\n$/,
    ],
    [
      'an @ in the password',
      { EVENT_STORE_URL: 'esdb://somebody:S3cret@S3cret@127.0.0.1:9?tls=true' },
      /^EVENT_STORE_URL cannot be used: the password holds a character .*\n$/,
    ],
    [
      'addresses of all kinds',
      {
        EVENT_STORE_URL: 'http://somebody:S3cret@127.0.0.1:9',
        DATABASE_URL: 'postgres://somebody:S3cret/S3cret@127.0.0.1:9/db',
        WITNESS_URL: 'http://somebody:S3cret@127.0.0.1:9',
        OIDC_ISSUER: 'http://somebody:S3cret@login.example.org',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'somebody:S3cret@127.0.0.1:9',
      },
      /^The configuration cannot be used:\n( {2}- \w+ [^\n]+\n){9}$/,
    ],
    [
      'a database that is away',
      { DATABASE_URL: 'postgres://somebody:S3cret@127.0.0.1:9/throughline' },
      /^The database at postgres:\/\/127\.0\.0\.1:9\/throughline cannot be used: it does not answer\..*\n$/,
    ],
  ])('say so in one sentence without the password: %s', async (_, settings, sentence) => {
    const ended = await endOfEach(settings)
    for (const { code, said, command } of ended) {
      expect(code, command).toBe(1)
      expect(said, command).not.toMatch(/S3cret|\n {4}at /)
      expect(said, command).toMatch(sentence)
    }
  })
})

describe('store copy with an address that cannot be used', () => {
  it.each([
    ['esdb://somebody:S3cret%@127.0.0.1:9', /^The address to copy from cannot be used: .* write % as %25.*\n$/],
    ['esdb://somebody:S3cret@S3cret@127.0.0.1:9', /^The address to copy from cannot be used: the password holds .*\n$/],
    [
      'esdb://somebody:S3cret@127.0.0.1:9?tls=maybe&colour=S3cret',
      /^The address to copy from cannot be used: tls is "maybe".*\n$/,
    ],
    ['somebody:S3cret@127.0.0.1:9', /^The address to copy from cannot be used: it is not a connection string.*\n$/],
    [
      'esdb://somebody:S3cret@127.0.0.1:9?tls=false&tlsVerifyCert=false&colour=S3cret',
      /^The event store at esdb:\/\/127\.0\.0\.1:9 cannot be used: nobody answers there.* in the address to copy from\.\n$/,
    ],
  ])('says so in one sentence without the password: %s', async (address, sentence) => {
    const [forwards, backwards] = await endOfEach({}, [
      ['embedded-store/cli', 'copy', address, 'esdb://somebody:S3cret@127.0.0.1:9?tls=false'],
      ['embedded-store/cli', 'copy', 'esdb://somebody:S3cret@127.0.0.1:9?tls=false', address],
    ])
    expect(forwards!.said).toMatch(sentence)
    for (const { code, said } of [forwards!, backwards!]) {
      expect(code).toBe(1)
      expect(said).not.toMatch(/S3cret|\n {4}at /)
      expect(said).toMatch(/^[^\n]+\n$/)
    }
  })
})
