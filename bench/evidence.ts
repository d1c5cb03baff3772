/**
 * npm run bench -- evidence: what the evidence log costs. A leaf, a million of them, a full verification, how soon an appended event
 * is covered by a signed head, a pack of 200 events, and the memory of each. --records sets the size of the store, --leaves how many
 * leaves are added, --dir keeps and reuses the filled store. Of what only computes, the processor time is given: other work on the
 * machine does not change it much. `baseline` is the same in time of the clock.
 */
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { EvidenceFile, evidenceFileName, openForReading } from '../src/evidence/evidence-file.ts'
import { coveredCategories, EvidenceFollower } from '../src/evidence/evidence-follower.ts'
import { EvidenceLog } from '../src/evidence/evidence-log.ts'
import { verifyEvents } from '../src/evidence/event-verification.ts'
import type { RecordedFields } from '../src/evidence/leaf.ts'
import { verifyLog } from '../src/evidence/log-verification.ts'
import { checkPack } from '../src/evidence/pack/check-pack.ts'
import { withLevelLog } from '../src/evidence/pack/level-log.ts'
import { makePack } from '../src/evidence/pack/make-pack.ts'
import { signingKeysIn, verifierKeysIn } from '../src/evidence/signing-keys.ts'
import { readConfig } from '../src/runtime/config.ts'
import { openRuntime } from '../src/runtime/runtime.ts'
import { storedEvents } from '../src/runtime/stored-events.ts'
import { machine, printRows, type BenchRow } from './rows.ts'

const [role = 'bench', ...rest] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const flag = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

/** As the follower writes them. */
const batchSize = 250
const packEvents = 200

interface Cost {
  readonly processorMs: number
  readonly clockMs: number
}

async function bench(): Promise<void> {
  const records = Number(flag('records') ?? 60_000)
  const leaves = Number(flag('leaves') ?? 1_000_000)
  const kept = flag('dir')
  const dir = kept ?? mkdtempSync(join(tmpdir(), 'throughline-bench-'))
  process.stderr.write(`${machine()}\n${records} synthetic records, ${leaves} leaves\n`)
  try {
    if (!existsSync(join(dir, 'data'))) child('fill', dir, String(records))
    const appended = child<Cost & { megabytes: number }>('append', dir, String(leaves))
    const verified = child<Cost & { events: number; megabytes: number }>('verify', dir)
    const covered = child<{ p99: number }>('cover', dir)
    const packed = child<Cost & { checkMs: number; events: number; megabytes: number }>('pack', dir)
    const megabytes = Math.max(appended.megabytes, verified.megabytes, packed.megabytes)
    const alone = { ratio: null }
    const rows: BenchRow[] = [
      {
        ...of('processor time a leaf', (1_000 * appended.processorMs) / leaves, 'µs', 15),
        baseline: (1_000 * appended.clockMs) / leaves,
        ...alone,
      },
      {
        ...of('1 M leaves, processor time', (appended.processorMs * 1_000) / leaves, 's', 20),
        baseline: (appended.clockMs * 1_000) / leaves,
        ...alone,
      },
      { ...of('covered by a signed head, p99 at 50 appends/s', covered.p99, 'ms', 2_000), baseline: null, ...alone },
      {
        name: 'full verification of the store',
        value: (1_000 * verified.events) / verified.processorMs,
        unit: 'events/s of processor time',
        baseline: (1_000 * verified.events) / verified.clockMs,
        ...alone,
        target: '≥ 50,000',
        ok: (1_000 * verified.events) / verified.processorMs >= 50_000,
      },
      {
        ...of(`pack of ${packed.events} events, processor time`, packed.processorMs, 'ms', 1_000),
        baseline: packed.clockMs,
        ...alone,
      },
      { ...of('the same verified', packed.checkMs, 'ms', 2_000), baseline: null, ...alone },
      { ...of('peak memory of any of these', megabytes, 'MB', 300), baseline: null, ...alone },
    ]
    printRows(rows, process.argv.includes('--json'))
  } finally {
    if (!kept) rmSync(dir, { recursive: true, force: true })
  }
}

const of = (name: string, value: number, unit: string, most: number) => ({
  name,
  value,
  unit,
  target: `≤ ${most.toLocaleString('en-GB')} ${unit}`,
  ok: value <= most,
})

function child<T>(part: string, ...args: string[]): T {
  const words = [fileURLToPath(import.meta.url), part, ...args]
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`${part} failed: ${stderr}`)
  return (stdout ? JSON.parse(stdout) : undefined) as T
}

const configOf = (dir: string) => ({ ...readConfig({ DATA_DIR: join(dir, 'data') }), logLevel: 'error' as const })

const peak = () => Math.round(process.resourceUsage().maxRSS / 1_024)

async function timed<T>(work: () => Promise<T> | T): Promise<Cost & { readonly result: T }> {
  const [used, begun] = [process.cpuUsage(), performance.now()]
  const result = await work()
  const { user, system } = process.cpuUsage(used)
  return { result, processorMs: (user + system) / 1_000, clockMs: performance.now() - begun }
}

async function fill(dir: string, records: string): Promise<void> {
  const { importFile } = await import('../src/exchange/import-file.ts')
  const { simulateContactLog, writeCsv } = await import('../src/simulator/contact-log.ts')
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'log.csv')
  await writeCsv(
    simulateContactLog({ seed: 11, records: Number(records), from: '2012-01-01', until: '2026-06-30', messy: false }),
    createWriteStream(file),
  )
  const runtime = await openRuntime(configOf(dir))
  await importFile(runtime, file, { rejects: join(dir, 'rejects.csv') })
  await runtime.close()
}

/** The events of the store, over and over as those of other streams, until there are enough. */
async function append(dir: string, leaves: string): Promise<Cost & { megabytes: number }> {
  const config = configOf(dir)
  const { keys } = signingKeysIn(config.keysDir)
  const path = join(mkdtempSync(join(tmpdir(), 'throughline-leaves-')), 'evidence.db')
  const log = new EvidenceLog(path, keys)
  const [batches, most] = [[] as RecordedFields[][], 20_000]
  for await (const found of storedEvents(config, coveredCategories)) {
    const events = found.map(({ stream, revision, content }) => ({ stream, revision, ...content! }))
    for (let n = 0; n < events.length; n += batchSize) batches.push(events.slice(n, n + batchSize))
    if (batches.length * batchSize >= most) break
  }
  const { processorMs, clockMs } = await timed(() => {
    for (let turn = 0; log.size < Number(leaves); turn++)
      for (const batch of batches) {
        if (log.size >= Number(leaves)) break
        log.append(turn === 0 ? batch : batch.map((event) => ({ ...event, stream: `${event.stream}/${turn}` })), null)
      }
    log.sign()
  })
  const [size, megabytes] = [log.size, peak()]
  log.close()
  rmSync(join(path, '..'), { recursive: true })
  const share = Number(leaves) / size
  return { processorMs: processorMs * share, clockMs: clockMs * share, megabytes }
}

async function verify(dir: string): Promise<Cost & { events: number; megabytes: number }> {
  const config = configOf(dir)
  const runtime = await openRuntime(config)
  await withLevelLog(runtime, () => Promise.resolve())
  await runtime.close()
  const file = new EvidenceFile(openForReading(join(config.dataDir, evidenceFileName)))
  const { result, processorMs, clockMs } = await timed(async () => {
    const log = verifyLog(file, verifierKeysIn(config.keysDir))
    return verifyEvents(file, log, storedEvents(config, coveredCategories))
  })
  file.close()
  if (result.findings.length > 0) throw new Error(`The store is not as recorded: ${result.findings[0]!.why}.`)
  return { events: result.counts.ok, processorMs, clockMs, megabytes: peak() }
}

/** Fifty events a second for ten seconds; of each, how long after its append a signed head covered it. */
async function cover(dir: string): Promise<{ p99: number }> {
  const config = configOf(dir)
  const runtime = await openRuntime(config)
  const log = new EvidenceLog(join(config.dataDir, evidenceFileName), signingKeysIn(config.keysDir).keys)
  const follower = new EvidenceFollower(runtime.store, log, runtime.log)
  const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
  follower.start()
  await follower.catchUpTo(await runtime.store.headPositionOf(coveredCategories))
  const covered: { readonly position: bigint; readonly at: number }[] = []
  let signed = log.file.latestCheckpoint()?.size
  const watching = setInterval(() => {
    const head = log.file.head()!
    if (log.file.latestCheckpoint()?.size !== head.size || head.size === signed) return
    signed = head.size
    covered.push({ position: head.position!, at: performance.now() })
  }, 5)
  const sent: { readonly position: bigint; readonly at: number }[] = []
  const [begun, stream, count] = [performance.now(), `journey-${randomUUID()}`, 500]
  for (let n = 0; n < count; n++) {
    const { position } = await client.appendToStream(
      stream,
      jsonEvent({ type: 'WarningIssued', data: {}, metadata: {} }),
    )
    sent.push({ position: position!.commit, at: performance.now() })
    await wait(Math.max(0, begun + (n + 1) * 20 - performance.now()))
  }
  await wait(4_000)
  clearInterval(watching)
  await follower.stop()
  log.close()
  await client.dispose()
  await runtime.close()
  const delays = sent.map(({ position, at }) => covered.find((one) => one.position >= position)!.at - at)
  return { p99: delays.toSorted((one, other) => one - other)[Math.floor(delays.length * 0.99)]! }
}

async function pack(dir: string): Promise<Cost & { checkMs: number; events: number; megabytes: number }> {
  const runtime = await openRuntime(configOf(dir))
  const stream = `journey-${randomUUID()}`
  const by = { id: 'bench', role: 'operator', organisation: 'bench' }
  const [referral] = await Array.fromAsync(anyJourney(runtime.store.readAll(['journey'])))
  const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
  const events = Array.from({ length: packEvents }, (_, n) =>
    jsonEvent({
      type: n === 0 ? 'ReferralReceived' : 'WarningIssued',
      data: n === 0 ? (referral!.data as never) : {},
      metadata: referral!.metadata as never,
    }),
  )
  await client.appendToStream(stream, events)
  const made = await withLevelLog(runtime, (file) =>
    timed(() =>
      makePack(runtime, file, {
        scope: { of: 'journey', stream, reference: 'bench' },
        knownOn: null,
        withPersonalFields: false,
        by,
        source: 'terminal',
        commandId: randomUUID(),
      }),
    ),
  )
  const { result, processorMs, clockMs } = made
  const checked = await timed(() => checkPack(result.bytes))
  if (!checked.result.isProven) throw new Error('The pack is not proven.')
  await client.dispose()
  await runtime.close()
  return { processorMs, clockMs, checkMs: checked.processorMs, events: result.pack.events.length, megabytes: peak() }
}

async function* anyJourney<E extends { readonly type: string }>(events: AsyncIterable<E>): AsyncGenerator<E> {
  for await (const event of events)
    if (event.type === 'ReferralReceived') {
      yield event
      return
    }
}

const parts = { fill, append, verify, cover, pack, bench } as Readonly<
  Record<string, (...args: string[]) => Promise<unknown>>
>
const answer = await parts[role]!(...rest)
if (answer !== undefined) process.stdout.write(JSON.stringify(answer))
