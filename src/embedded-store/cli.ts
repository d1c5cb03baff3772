/** The store's command line: runs it as a server of its own, and maintains its files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { startNode, withUserAccounts } from './server.ts'
import { EVENTS_FILE } from './storage/database.ts'
import { backupStore, restoreStore, storeStatistics, verifyFile } from './storage/maintenance.ts'

const printLine = (line: string): void => void process.stdout.write(`${line}\n`)
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

const program = new Command('store').description('An event store of one node that speaks EventStoreDB’s protocol')

const dataDir = ['-d, --data-dir <directory>', 'where the store keeps its files'] as const

program
  .command('run')
  .description('serve until told to stop (SIGINT, SIGTERM)')
  .requiredOption(...dataDir)
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on', (text) => Number(text), 2113)
  .option('--advertise <host>', 'the host clients are told to connect to, where it is another than --host')
  .option('--tls-cert <file>', 'certificate chain, PEM; with --tls-key, users must say who they are')
  .option('--tls-key <file>', 'private key, PEM')
  .action(
    async (options: {
      dataDir: string
      host: string
      port: number
      advertise?: string
      tlsCert?: string
      tlsKey?: string
    }) => {
      if (!Number.isInteger(options.port) || options.port < 0 || options.port > 65535)
        return fail('--port is a number up to 65535')
      if ((options.tlsCert === undefined) !== (options.tlsKey === undefined))
        return fail('--tls-cert and --tls-key go together')
      if (!options.tlsCert && !LOOPBACK.includes(options.host))
        return fail(
          'Without TLS everyone is an administrator: the store listens on loopback only. Give --tls-cert and --tls-key.',
        )
      if (['0.0.0.0', '::'].includes(options.host) && !options.advertise)
        return fail(`Nobody can connect to ${options.host}: say with --advertise which host clients are to be sent to`)
      const tls = options.tlsCert
        ? { cert: readFileSync(options.tlsCert), key: readFileSync(options.tlsKey!) }
        : undefined
      const node = await startNode({
        dataDir: options.dataDir,
        host: options.host,
        port: options.port,
        ...(tls && { tls }),
        ...(options.advertise && { advertisedHost: options.advertise }),
      })
      printLine(`esdb://${options.advertise ?? options.host}:${node.port}?tls=${tls !== undefined}`)
      const stop = () => void node.close().then(() => process.exit(0))
      process.once('SIGINT', stop)
      process.once('SIGTERM', stop)
    },
  )

program
  .command('verify')
  .description('read every event and every page; ends with 1 when something is damaged')
  .option(...dataDir)
  .option('-f, --file <file>', 'a backup instead of a data directory')
  .action((options: { dataDir?: string; file?: string }) => {
    const file = options.file ?? (options.dataDir && join(options.dataDir, EVENTS_FILE))
    if (!file) return fail('Give --data-dir or --file')
    const verdict = verifyFile(file, ({ done, total }) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${Math.floor((done * 100) / total)} %`)
    })
    for (const problem of verdict.problems) printLine(problem)
    printLine(`${verdict.events} events in ${verdict.streams} streams are sound, ${verdict.problems.length} problems`)
    if (verdict.problems.length > 0) process.exitCode = 1
  })

program
  .command('backup')
  .description('copy one moment of the store, also while it runs, and verify the copy')
  .requiredOption(...dataDir)
  .argument('<file>', 'the copy; must not exist')
  .action((file: string, options: { dataDir: string }) => {
    const { events, streams } = backupStore(options.dataDir, file)
    printLine(`${file}: ${events} events in ${streams} streams`)
  })

program
  .command('restore')
  .description('put a backup into an empty data directory, after verifying it')
  .requiredOption(...dataDir)
  .argument('<file>', 'the backup')
  .action((file: string, options: { dataDir: string }) => {
    const { events, streams } = restoreStore(file, options.dataDir)
    printLine(`${options.dataDir}: ${events} events in ${streams} streams`)
  })

program
  .command('stats')
  .description('how much there is')
  .requiredOption(...dataDir)
  .option('--json', 'as one JSON object')
  .action((options: { dataDir: string; json?: true }) => {
    const found = storeStatistics(options.dataDir)
    if (options.json) return printLine(JSON.stringify(found))
    for (const [name, value] of Object.entries(found)) printLine(`${name.padEnd(10)}${value}`)
  })

program
  .command('copy')
  .description('copy every event from one server to another through the protocol, then prove that nothing changed')
  .argument('<from>', 'esdb:// connection string of the server to read')
  .argument('<to>', 'esdb:// connection string of the server to write')
  .option('--prove-only', 'copy nothing, compare only')
  .action(async (fromUrl: string, toUrl: string, options: { proveOnly?: true }) => {
    // Loaded by this command only: the client takes longer to load than the store takes to start.
    const { EventStoreDBClient } = await import('@eventstore/db-client')
    const { copyEvents, compareEvents } = await import('./copy.ts')
    const from = EventStoreDBClient.connectionString(fromUrl)
    const to = EventStoreDBClient.connectionString(toUrl)
    if (!options.proveOnly) {
      const copied = await copyEvents(from, to, (events) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${events} events`)
      })
      printLine(
        `${copied.events} events, rules of ${copied.metadata} streams and ${copied.tombstones} tombstones copied`,
      )
    }
    printLine(`${await compareEvents(from, to)} events are the same on both sides, in the same order`)
    await Promise.all([from.dispose(), to.dispose()])
  })

const users = program.command('users').description('who may come in when the store runs with TLS')

users
  .command('list')
  .requiredOption(...dataDir)
  .action((options: { dataDir: string }) =>
    withUserAccounts(options.dataDir, (known) => {
      for (const { name, groups } of known.list()) printLine(`${name}\t${groups.join(' ')}`)
    }),
  )

users
  .command('set')
  .description('add a user or change one; the password is read from standard input')
  .requiredOption(...dataDir)
  .argument('<name>')
  .argument('[groups...]', 'such as $admins or $ops')
  .action((name: string, groups: string[], options: { dataDir: string }) =>
    withUserAccounts(options.dataDir, async (known) => {
      await known.set(name, groups, await readLine(`Password for ${name}: `))
      printLine(`${name} may come in`)
    }),
  )

users
  .command('remove')
  .requiredOption(...dataDir)
  .argument('<name>')
  .action((name: string, options: { dataDir: string }) =>
    withUserAccounts(options.dataDir, (known) =>
      known.remove(name) ? printLine(`${name} may not come in any more`) : fail(`There is no ${name}`),
    ),
  )

async function readLine(question: string): Promise<string> {
  const input = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await input.question(process.stdin.isTTY ? question : '')
  } finally {
    input.close()
  }
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}

try {
  await program.parseAsync()
} catch (error) {
  fail((error as Error).message)
}
