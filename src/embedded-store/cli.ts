/** The store's command line: runs it as a server of its own, and maintains its files. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { startNode, withUserAccounts } from './server.ts'
import { EVENTS_FILE } from './storage/database.ts'
import { lostAsJsonLines, lostInWords } from './storage/lost-events.ts'
import { backupStore, restoreStore, salvageStore, storeStatistics, verifyFile } from './storage/maintenance.ts'

// `verify | head` closes the pipe when it has enough: what is left goes nowhere.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const printLine = (line: string): void => void process.stdout.write(`${line}\n`)
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

const program = new Command('store').description(
  'A single-node event store with EventStoreDB’s gRPC protocol, in one SQLite file',
)

const dataDir = ['-d, --data-dir <directory>', 'directory of the store’s files'] as const

program
  .command('run')
  .description('serve until SIGINT or SIGTERM')
  .requiredOption(...dataDir)
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on', (text) => Number(text), 2113)
  .option('--advertise <host>', 'host that clients connect to, if it is not --host')
  .option('--tls-cert <file>', 'certificate chain, PEM; with --tls-key, callers must log in as a user')
  .option('--tls-key <file>', 'private key, PEM')
  .option('--allow-anonymous-stream-access', 'with TLS: let callers without credentials use the streams of users')
  .action(
    async (options: {
      dataDir: string
      allowAnonymousStreamAccess?: true
      host: string
      port: number
      advertise?: string
      tlsCert?: string
      tlsKey?: string
    }) => {
      if (!Number.isInteger(options.port) || options.port < 0 || options.port > 65535)
        return fail('--port must be a number from 0 to 65535')
      if ((options.tlsCert === undefined) !== (options.tlsKey === undefined))
        return fail('--tls-cert and --tls-key must be given together')
      if (!options.tlsCert && !LOOPBACK.includes(options.host))
        return fail(
          'Without TLS every caller is an administrator, so the store listens on loopback addresses only. Give --tls-cert and --tls-key.',
        )
      if (['0.0.0.0', '::'].includes(options.host) && !options.advertise)
        return fail(
          `Clients cannot connect to ${options.host}: give --advertise the host name or address they are to use`,
        )
      const tls = options.tlsCert
        ? { cert: readFileSync(options.tlsCert), key: readFileSync(options.tlsKey!) }
        : undefined
      const node = await startNode({
        dataDir: options.dataDir,
        host: options.host,
        port: options.port,
        ...(tls && { tls }),
        allowAnonymousStreamAccess: options.allowAnonymousStreamAccess ?? false,
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
  .description('read every page and check every event; exit code 1 when something is damaged')
  .option(...dataDir)
  .option('-f, --file <file>', 'a backup, instead of a data directory')
  .option('--json', 'print the lost events only, as JSON Lines')
  .action((options: { dataDir?: string; file?: string; json?: true }) => {
    const file = options.file ?? (options.dataDir && join(options.dataDir, EVENTS_FILE))
    if (!file) return fail('Give --data-dir or --file')
    const report = verifyFile(file, ({ done, total }) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${Math.floor((done * 100) / total)} %`)
    })
    if (options.json) process.stdout.write(lostAsJsonLines(report.lost))
    else {
      for (const line of [...report.problems, ...lostInWords(report.lost)]) printLine(line)
      printLine(
        `${report.events} events in ${report.streams} streams are undamaged, ${report.problems.length} problems`,
      )
    }
    if (report.problems.length === 0) return
    if (options.file) return fail('This backup is damaged: use an older one.')
    fail(
      `${report.lost.length} events are lost. Change nothing in ${options.dataDir}. With a backup: npm run store -- restore FILE --data-dir NEW_DIRECTORY. ` +
        `For all that is sound here: npm run store -- salvage NEW_DIRECTORY --data-dir ${options.dataDir}`,
    )
  })

program
  .command('salvage')
  .description(
    'copy all that is sound of a damaged store, which must not be running, into a new one, and list what is lost',
  )
  .requiredOption(...dataDir)
  .argument('<directory>', 'directory of the new store; must not have one')
  .option('--backup <file>', 'a backup of this store: what is damaged now and was not then is taken from it')
  .option('--lost <file>', 'file for the list of lost events, JSON Lines; by default lost.jsonl in the new directory')
  .action((directory: string, options: { dataDir: string; lost?: string; backup?: string }) => {
    const { events, streams, lost, renamed, fromBackup, users, groups } = salvageStore(
      options.dataDir,
      directory,
      options.backup,
    )
    const list = options.lost ?? join(directory, 'lost.jsonl')
    writeFileSync(list, lostAsJsonLines(lost), { mode: 0o600 })
    for (const line of lostInWords(lost)) printLine(line)
    if (options.backup) printLine(`${fromBackup} events were taken from ${options.backup}`)
    for (const { stream, candidates } of renamed)
      printLine(
        `Stream '${stream}' has the events of a stream whose name is lost${candidates.length > 0 ? `: one of ${candidates.join(', ')}` : ''}`,
      )
    printLine(
      `${directory}: ${events} events in ${streams} streams, ${users} users, ${groups} consumer groups; ${lost.length} events lost, listed in ${list}`,
    )
  })

program
  .command('backup')
  .description('copy a snapshot of the store, which may be running, and verify the copy')
  .requiredOption(...dataDir)
  .argument('<file>', 'file to create; must not exist')
  .action((file: string, options: { dataDir: string }) => {
    const { events, streams } = backupStore(options.dataDir, file)
    printLine(`${file}: ${events} events in ${streams} streams`)
  })

program
  .command('restore')
  .description('verify a backup and copy it into an empty data directory')
  .requiredOption(...dataDir)
  .argument('<file>', 'the backup')
  .action((file: string, options: { dataDir: string }) => {
    const { events, streams } = restoreStore(file, options.dataDir)
    printLine(`${options.dataDir}: ${events} events in ${streams} streams`)
  })

program
  .command('stats')
  .description('show the number of events, streams and event types, the last position and the size in bytes')
  .requiredOption(...dataDir)
  .option('--json', 'print one JSON object')
  .action((options: { dataDir: string; json?: true }) => {
    const found = storeStatistics(options.dataDir)
    if (options.json) return printLine(JSON.stringify(found))
    for (const [name, value] of Object.entries(found)) printLine(`${name.padEnd(10)}${value}`)
  })

program
  .command('copy')
  .description('copy every event from one server to another through the protocol, then compare the two')
  .argument('<from>', 'esdb:// connection string of the server to read')
  .argument('<to>', 'esdb:// connection string of the server to write')
  .option('--prove-only', 'compare only, copy nothing')
  .action(async (fromUrl: string, toUrl: string, options: { proveOnly?: true }) => {
    // Loaded by this command only: the client takes longer to load than the store takes to start.
    const { copyBetween } = await import('./copy-between.ts')
    const { copied, equal } = await copyBetween(fromUrl, toUrl, {
      proveOnly: options.proveOnly ?? false,
      onProgress: (events) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${events} events`)
      },
    })
    if (copied)
      printLine(
        `${copied.events} events, metadata of ${copied.metadata} streams and ${copied.tombstones} tombstones copied`,
      )
    printLine(`${equal} events are equal on both servers and in the same order`)
  })

const users = program.command('users').description('accounts of the users who may log in when the store runs with TLS')

users
  .command('list')
  .description('list the users and their groups')
  .requiredOption(...dataDir)
  .action((options: { dataDir: string }) =>
    withUserAccounts(options.dataDir, (accounts) => {
      for (const { name, groups } of accounts.list()) printLine(`${name}\t${groups.join(' ')}`)
    }),
  )

users
  .command('set')
  .description('add a user, or replace groups and password of one; the password is read from standard input')
  .requiredOption(...dataDir)
  .argument('<name>')
  .argument('[groups...]', 'groups of the user, such as $admins or $ops')
  .action((name: string, groups: string[], options: { dataDir: string }) =>
    withUserAccounts(options.dataDir, async (accounts) => {
      await accounts.set(name, groups, await readLine(`Password for ${name}: `))
      printLine(`${name} may log in`)
    }),
  )

users
  .command('remove')
  .description('remove a user')
  .requiredOption(...dataDir)
  .argument('<name>')
  .action((name: string, options: { dataDir: string }) =>
    withUserAccounts(options.dataDir, (accounts) =>
      accounts.remove(name) ? printLine(`${name} may no longer log in`) : fail(`There is no user ${name}`),
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
  const { name, message } = error as Error
  const whatToDo =
    name === 'DamagedStore'
      ? '. Do not delete it. See what is damaged: npm run store -- verify --data-dir DIRECTORY. Then restore a backup or salvage what is sound: npm run store -- restore --help, npm run store -- salvage --help.'
      : ''
  fail(`${message}${whatToDo}`)
}
