/** npm run evidence: makes an evidence pack, and checks one that somebody hands in. */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { isDay } from '../domain/calendar.ts'
import { isPackReason, packReasons } from '../domain/evidence-pack.ts'
import { checkPack } from '../evidence/pack/check-pack.ts'
import { mostPackedEvents, PackRefused, type PackScope } from '../evidence/pack/pack-format.ts'
import { withLevelLog } from '../evidence/pack/level-log.ts'
import { groupStreams } from '../evidence/pack/group-streams.ts'
import { makePack } from '../evidence/pack/make-pack.ts'
import { MalformedNote, parseVerifierKey } from '../evidence/signed-note.ts'
import { EveryCaseReached } from '../queries/reached-cases.ts'
import { registerEvidence } from '../queries/register-evidence.ts'
import {
  isRegisterName,
  registerNames,
  Registers,
  type RegisterFilter,
  type RegisterName,
} from '../queries/registers.ts'
import { readConfig } from '../runtime/config.ts'
import { openRuntime, waitUntilCaughtUp, type Runtime } from '../runtime/runtime.ts'
import { atTheTerminal, UsageError } from './terminal.ts'

interface PackOptions {
  readonly journey?: string
  readonly group?: string
  readonly register?: string
  readonly by?: string
  readonly reason?: string
  readonly from?: string
  readonly to?: string
  readonly all?: true
  readonly known?: string
  readonly sealed?: true
  readonly out: string
}

const program = new Command('npm run evidence --').description(
  'Evidence packs: a history with all that proves it, to be verified without this product and without a network.',
)

program
  .command('pack')
  .description('make a pack of one journey, one group, a register, some days, or the whole log; the app may run')
  .option('--journey <reference>', 'the journey with this reference')
  .option('--group <code>', 'a group with its sessions and the journeys of its members; its code or id')
  .option('--register <name>', `a register across journeys: ${registerNames.join(', ')}`)
  .option('--by <id>', 'of a register only what this person recorded, by the id in the log')
  .option(
    '--from <day>',
    'everything recorded from this day on, as YYYY-MM-DD; with --to, which a register does not need',
  )
  .option('--to <day>', 'the last day of that')
  .option('--all', 'the whole log')
  .option('--known <day>', 'show the history first as it was known at the end of this day')
  .option('--reason <reason>', `what it is for: ${Object.keys(packReasons).join(', ')}`)
  .option('--sealed', 'leave the personal details sealed')
  .requiredOption('--out <file>', 'the zip file to write; must not exist')
  .action((options: PackOptions) =>
    atTheTerminal(async () => {
      const { out, known, reason } = options
      if (existsSync(out)) throw new UsageError(`${out} is there already. Name a file that is not.`)
      if (known !== undefined && !isDay(known)) throw new UsageError(`--known is "${known}": give a day as YYYY-MM-DD.`)
      if (reason !== undefined && !isPackReason(reason))
        throw new UsageError(`--reason is "${reason}": give one of ${Object.keys(packReasons).join(', ')}.`)
      const asked = askedScope(options)
      const config = readConfig()
      const runtime = await openRuntime(
        { ...config, logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel },
        { besideAnother: true },
      )
      try {
        const scope = await scopeOf(runtime, asked)
        const { bytes, pack } = await withLevelLog(runtime, (file) =>
          makePack(runtime, file, {
            scope,
            knownOn: known ?? null,
            reason,
            by: { id: `uid-${process.getuid?.() ?? 'unknown'}`, role: 'operator', organisation: 'terminal' },
            source: 'terminal',
            commandId: randomUUID(),
            withPersonalFields: !options.sealed,
          }),
        )
        writeFileSync(out, bytes, { flag: 'wx', mode: 0o600 })
        const uncovered = pack.events.filter(({ proof }) => proof === null).length
        process.stdout.write(
          `${out}: ${pack.events.length} events${uncovered > 0 ? `, ${uncovered} of them not yet covered by a signed head` : ''}\nThe key of the log, to be handed over some other way:\n${pack.logKeys.join('\n')}\n`,
        )
      } finally {
        await runtime.close()
      }
    }, mendable),
  )

program
  .command('check')
  .description(
    'verify a pack, its own bytes against its own proofs; exit status 1 unless all of it is as it was recorded',
  )
  .argument('<file>', 'the pack')
  .option('--key <key>', 'the verifier key of the log as you know it from elsewhere')
  .option('--json', 'print the verdict as one JSON object')
  .action((file: string, { key, json }: { key?: string; json?: true }) =>
    atTheTerminal(async () => {
      if (key !== undefined) parseVerifierKey(key)
      const { pack, verdict, files, isProven } = checkPack(readFileSync(file), key)
      if (!isProven) process.exitCode = 1
      const wrong = verdict.events.filter(({ verdict }) => verdict !== 'ok')
      if (json) {
        const { checkpoint, signatures, log, counts } = verdict
        const events = wrong.map(({ verdict, where }) => ({ where, verdict }))
        process.stdout.write(`${JSON.stringify({ isProven, log, checkpoint, signatures, counts, events, files })}\n`)
        return
      }
      const say = (line: string) => void process.stdout.write(`${line}\n`)
      say(`${pack.events.length} events, pack ${pack.id} of ${pack.madeAt}`)
      for (const { name, isValid, time } of verdict.signatures)
        say(
          `${isValid ? 'signed' : 'SIGNATURE WRONG'}: ${name}${time === null ? '' : `, witness, ${new Date(time * 1_000).toISOString()}`}`,
        )
      if (verdict.log !== 'ok') say('The log is signature-bad: no key that is trusted has signed this checkpoint.')
      for (const { verdict, where } of wrong) say(`${where} is ${verdict}`)
      for (const problem of files) say(problem)
      say(isProven ? `Proven: ${verdict.counts.ok} events are as they were recorded.` : 'NOT PROVEN.')
      if (isProven && key === undefined)
        say(`The key came with the pack. If you know the key of the log from elsewhere, give it: --key KEY`)
    }, mendable),
  )

const mendable = [PackRefused, MalformedNote]

type AskedScope =
  | { readonly of: 'journey'; readonly reference: string }
  | { readonly of: 'group'; readonly name: string }
  | { readonly of: 'register'; readonly name: RegisterName; readonly filter: RegisterFilter }
  | Exclude<PackScope, { of: 'journey' | 'group' | 'register' }>

function askedScope({ journey, group, register, by, from, to, all }: PackOptions): AskedScope {
  const ways = [
    journey !== undefined,
    group !== undefined,
    register !== undefined,
    register === undefined && (from !== undefined || to !== undefined),
    all === true,
  ].filter(Boolean).length
  if (ways !== 1)
    throw new UsageError(
      'Say what to pack: --journey REF, --group CODE, --register NAME, --from DAY --to DAY, or --all.',
    )
  if (register === undefined && by !== undefined) throw new UsageError('--by goes with --register.')
  if (journey !== undefined) return { of: 'journey', reference: journey }
  if (group !== undefined) return { of: 'group', name: group }
  if (all) return { of: 'log' }
  if (register !== undefined) {
    if (!isRegisterName(register))
      throw new UsageError(`There is no register "${register}". Ask for one of ${registerNames.join(', ')}.`)
    for (const day of [from, to])
      if (day !== undefined && !isDay(day)) throw new UsageError(`"${day}" is no day: give it as YYYY-MM-DD.`)
    if (from !== undefined && to !== undefined && from > to) throw new UsageError('--from is after --to.')
    return { of: 'register', name: register, filter: { ...(from && { from }), ...(to && { to }), ...(by && { by }) } }
  }
  if (!isDay(from) || !isDay(to) || from > to)
    throw new UsageError('--from and --to are the first and the last day, both as YYYY-MM-DD.')
  return { of: 'days', from, to }
}

async function scopeOf(runtime: Runtime, asked: AskedScope): Promise<PackScope> {
  if (asked.of === 'journey') return journeyScope(runtime, asked.reference)
  if (asked.of === 'register') {
    await waitUntilCaughtUp(runtime)
    const { store, readModels, vault, reach } = runtime
    const registers = new Registers(readModels, vault, new EveryCaseReached(store, readModels, reach))
    return registerEvidence(registers, asked.name, asked.filter, mostPackedEvents)
  }
  if (asked.of !== 'group') return asked
  const streams = await groupStreams(runtime.store, asked.name)
  if (streams.length === 0) throw new UsageError('There is no group with this code or id.')
  return { ...asked, streams }
}

function journeyScope({ vault }: Runtime, reference: string): PackScope {
  const id = vault.find('reference', reference)
  if (id === undefined) throw new UsageError('There is no journey with this reference.')
  return { of: 'journey', stream: `journey-${id}`, reference }
}

await program.showHelpAfterError().parseAsync()
