/** npm run witness: a witness in a process of its own, for logs of any kind that speak C2SP `tlog-witness`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { MalformedNote, parseVerifierKey } from '../signed-note.ts'
import { witnessKeyIn } from './witness-key.ts'
import { serveWitness } from './witness-server.ts'
import { contradictionsIn, WitnessInUse, WitnessStore } from './witness-store.ts'
import { Witness, witnessedLogs } from './witness.ts'

// `contradictions | head` closes the pipe when it has enough: what is left goes nowhere.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const printLine = (line: string): void => void process.stdout.write(`${line}\n`)

interface Place {
  readonly dataDir: string
  readonly key?: string
  readonly name: string
}

const keyOf = ({ dataDir, key, name }: Place) => witnessKeyIn(key ?? join(dataDir, 'witness.key'), name)

const program = new Command('npm run witness --').description(
  'Cosigns the checkpoints of evidence logs whose history has only grown. Keep it on another machine, under other hands, than the logs.',
)

const withPlace = (command: Command): Command =>
  command
    .option('-d, --data-dir <directory>', 'directory of its store', process.env.WITNESS_DATA_DIR ?? 'witness')
    .option(
      '-k, --key <file>',
      'its signing key, made where there is none; witness.key in the data directory if not given',
    )
    .option(
      '-n, --name <name>',
      'what a key that is made is called: an address without a scheme',
      'throughline-witness',
    )

withPlace(program.command('run', { isDefault: true }))
  .description('serve until SIGINT or SIGTERM')
  .requiredOption('-l, --log <key...>', 'verifier keys of the logs to cosign, as each log prints its own')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('-p, --port <number>', 'port to listen on; 0 takes any free one', '2114')
  .action(async (options: Place & { log: string[]; host: string; port: string }) => {
    const port = Number(options.port)
    if (!/^\d+$/.test(options.port) || port > 65_535) return fail('--port must be a number from 0 to 65535')
    const logs = witnessedLogs(options.log.map(parseVerifierKey))
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
    const key = keyOf(options)
    const store = new WitnessStore(options.dataDir)
    const witness = new Witness(key, logs, store)
    const server = await serveWitness((body) => witness.answer(body), { host: options.host, port })
    const host = options.host.includes(':') ? `[${options.host}]` : options.host
    printLine(`WITNESS_URL=http://${host}:${server.port}`)
    printLine(`WITNESS_KEY=${key.verifier.text}`)
    const stop = () => void server.close().then(() => store.close())
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
  })

withPlace(program.command('key'))
  .description('print its verifier key, for those who are to trust it')
  .action((place: Place) => printLine(keyOf(place).verifier.text))

withPlace(program.command('contradictions'))
  .description(
    'print the checkpoints that were refused, each with the one it contradicts; exit code 1 when there are any',
  )
  .option('--json', 'one JSON object a line')
  .action(({ dataDir, json }: Place & { json?: true }) => {
    const found = contradictionsIn(dataDir)
    for (const one of found) {
      if (json) printLine(JSON.stringify(one))
      else
        printLine(
          `${one.origin}, refused as ${one.refusedFor} at ${new Date(one.refusedAt * 1_000).toISOString()}\n\nCosigned before:\n\n${one.cosigned}\nRefused:\n\n${one.refused}`,
        )
    }
    if (found.length > 0) process.exitCode = 1
    else if (!json) printLine('No log has contradicted itself.')
  })

function fail(message: string): void {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}

try {
  await program.showHelpAfterError().parseAsync()
} catch (error) {
  const { code, message, stack } = error as NodeJS.ErrnoException
  const isMendable = error instanceof MalformedNote || error instanceof WitnessInUse || code !== undefined
  fail(isMendable ? message : (stack ?? message))
}
