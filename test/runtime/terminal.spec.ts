import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
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

describe('a start and the commands with an event store that cannot be used', () => {
  it.each([
    [
      '127.0.0.1:9?tls=false&tlsVerifyCert=false&colour=red',
      /The event store at esdb:\/\/127\.0\.0\.1:9 cannot be used: nobody answers there.*\n$/,
    ],
    ['127.0.0.1:9?tls=maybe', /^EVENT_STORE_URL cannot be used: tls is "maybe": give true or false\.\n$/],
    [
      '127.0.0.1:9?tlsCAFile=/nowhere/ca.pem',
      /^EVENT_STORE_URL cannot be used: tlsCAFile names \/nowhere\/ca\.pem, which is not there.*\n$/,
    ],
    ['@127.0.0.1:9?tls=true', /^EVENT_STORE_URL cannot be used: the password holds a character .*\n$/],
  ])('say so in one sentence without the password: %s', async (address, sentence) => {
    const commands: [file: string, ...words: string[]][] = [
      ['main'],
      ['cli/import', log],
      ['cli/report', 'journeys'],
      ['cli/rebuild'],
      ['cli/verify', 'projections'],
    ]
    const EVENT_STORE_URL = `esdb://somebody:S3cret@${address}`
    const ended = await Promise.all(
      commands.map(async ([file, ...words]) => {
        const env = { ...process.env, DATA_DIR: temporaryDirectory(), EVENT_STORE_URL, PORT: '0' }
        const command = spawn(process.execPath, [built(file), ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] })
        let said = ''
        for (const stream of [command.stdout, command.stderr])
          stream.on('data', (chunk: Buffer) => (said += String(chunk)))
        const [code] = (await once(command, 'close')) as [number | null]
        return { code, said, command: [file, ...words].join(' ') }
      }),
    )
    for (const { code, said, command } of ended) {
      expect(code, command).toBe(1)
      expect(said, command).toMatch(sentence)
      expect(said, command).not.toMatch(/S3cret|\n {4}at /)
    }
  })
})
