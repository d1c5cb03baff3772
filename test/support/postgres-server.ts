/**
 * A real PostgreSQL server for specs and benches, started by the run itself: Debian's, installed where that is allowed here.
 * It refuses to run as root, and so runs as its own user, in a temporary directory of its own, on a socket nobody else sees.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

const root = process.getuid?.() === 0
const line = 'apt-get update && apt-get install -y --no-install-recommends postgresql'

function binaries(): string | undefined {
  const home = '/usr/lib/postgresql'
  const versions = existsSync(home) ? readdirSync(home).sort((one, other) => Number(other) - Number(one)) : []
  return versions.map((version) => join(home, version, 'bin')).find((dir) => existsSync(join(dir, 'initdb')))
}

function installed(): string {
  const found = binaries()
  if (found) return found
  if (root && existsSync('/etc/debian_version')) {
    try {
      execFileSync('sh', ['-c', line], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
    } catch {
      // Said below, with what to do about it.
    }
  }
  const after = binaries()
  if (after) return after
  throw new Error(`The specs of the read models need a PostgreSQL server. As root, run:\n  ${line}`)
}

/** The command as the user who may run the server. */
const asServer = (command: string, words: string[]): [string, string[]] =>
  root ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', command, ...words]] : [command, words]

export interface PostgresServer {
  readonly dir: string
  readonly process: ChildProcess
  /** It goes away in an orderly way, as for an upgrade, and its connections with it. */
  halt(): Promise<void>
  /** It is back, with all it held. */
  resume(): Promise<void>
  /** A fresh, empty database. */
  database(): Promise<string>
  stop(): Promise<void>
}

export async function startPostgres({ fsync = false } = {}): Promise<PostgresServer> {
  const bin = installed()
  const dir = mkdtempSync(join(tmpdir(), 'throughline-pg-'))
  if (root) execFileSync('chown', ['postgres', dir])
  const data = join(dir, 'data')
  // It sorts as English does, not by bytes: what the pages sort by must not depend on it.
  const english = ['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-GB']
  const init = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', ...english]
  execFileSync(...asServer(join(bin, 'initdb'), init), { stdio: 'ignore', cwd: dir })
  const settings = { listen_addresses: '', unix_socket_directories: dir, max_connections: '60' }
  const quick = fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  const words = Object.entries({ ...settings, ...quick }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const start = () => spawn(...asServer(join(bin, 'postgres'), ['-D', data, ...words]), { stdio: 'ignore', cwd: dir })
  let server = start()
  const url = (name: string) => `postgres://postgres@${encodeURIComponent(dir)}/${name}`
  const asked = async (sql: string) => {
    const client = new pg.Client(url('postgres'))
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  const answers = async () => {
    for (let tries = 0; ; tries++) {
      try {
        return await asked('SELECT 1')
      } catch (error) {
        if (tries > 100) throw error
        await wait(50)
      }
    }
  }
  const ended = async (signal: NodeJS.Signals) => {
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill(signal)
    await gone
  }
  await answers()
  return {
    dir,
    get process() {
      return server
    },
    halt: () => ended('SIGINT'),
    async resume() {
      server = start()
      await answers()
    },
    async database() {
      const name = `spec_${randomUUID().replaceAll('-', '')}`
      await asked(`CREATE DATABASE ${name}`)
      return url(name)
    },
    async stop() {
      if (server.exitCode === null) await ended('SIGQUIT') // what it holds is thrown away
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
