/** Handlers that keep what they folded, racing each other on one log, answer as handlers without memory could have. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { v5 as uuidv5 } from 'uuid'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DecideAndAppend, type CommandResult } from '../../src/commands/decide-and-append.ts'
import { sealedJourneys } from '../../src/commands/journey-command-handler.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import { Refusal, type Recorded } from '../../src/domain/history.ts'
import type { JourneyCommand, JourneyEvent } from '../../src/domain/journey/journey.ts'
import { ConcurrencyConflict } from '../../src/event-store/store-errors.ts'
import type { NewEvent, StoredEvent } from '../../src/event-store/stored-event.ts'
import { partedFields } from '../../src/protection/sealing.ts'
import { Vault } from '../../src/protection/vault.ts'
import { commands, seed } from '../domain/histories.ts'
import { caseManager } from '../support/signed-in.ts'

const histories = 2 * Number(process.env.FUZZ_RUNS ?? 150)
const journeyIds = ['one', 'two']

process.stdout.write(`Racing handlers: SPEC_SEED=${seed}\n`)

let keysDir: string
let vault: Vault
let participantId: string

beforeAll(() => {
  keysDir = mkdtempSync(join(tmpdir(), 'throughline-keys-'))
  vault = new Vault(keysDir)
  participantId = vault.participant('X000001')
})

afterAll(() => {
  vault.close()
  rmSync(keysDir, { recursive: true, force: true })
})

/** A log in memory; when each read and append is answered is up to the scheduler. */
class ScheduledLog {
  readonly streams = new Map<string, StoredEvent[]>()
  reads = 0

  constructor(private readonly scheduler: fc.Scheduler) {}

  of(stream: string): StoredEvent[] {
    const events = this.streams.get(stream) ?? []
    this.streams.set(stream, events)
    return events
  }

  async *read(stream: string, from = 0): AsyncGenerator<StoredEvent> {
    this.reads++
    await this.scheduler.schedule(Promise.resolve(), 'read asked')
    const found = this.of(stream).slice(from)
    await this.scheduler.schedule(Promise.resolve(), 'read answered')
    yield* found
  }

  async append(stream: string, expected: number | 'any', added: readonly NewEvent[]) {
    await this.scheduler.schedule(Promise.resolve(), 'append asked')
    const events = this.of(stream)
    const stale = events.length - 1 !== expected
    if (!stale)
      for (const { id, type, data, metadata } of added) {
        const stored = JSON.parse(JSON.stringify({ data, metadata })) as { data: object; metadata: object }
        events.push({ id, type, ...stored, stream, revision: events.length, receivedAt: new Date(), position: null })
      }
    const revision = events.length - 1
    await this.scheduler.schedule(Promise.resolve(), 'append answered')
    if (stale) throw new ConcurrencyConflict(stream)
    return { revision, position: String(revision) }
  }
}

interface Answered {
  readonly stream: string
  readonly command: JourneyCommand
  /** How many events the stream had when the command was issued, and when it was answered. */
  readonly between: readonly [number, number]
  readonly answer: CommandResult | { readonly refused: string }
}

async function issue(
  handler: DecideAndAppend,
  log: ScheduledLog,
  id: string,
  command: JourneyCommand,
): Promise<Answered> {
  const stream = `journey-${id}`
  const issuer = { by: caseManager, source: 'api', recordedAt: '2025-04-01T10:00:00.000Z' } as const
  const before = log.of(stream).length
  const answer = await handler
    .decideAndAppend(sealedJourneys, id, (journey) => void journey.decide(command, issuer))
    .catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
      return { refused: error.code }
    })
  return { stream, command, between: [before, log.of(stream).length], answer }
}

/** What a handler that reads the whole stream first answers where it has so many events. */
function answerAt(events: readonly Recorded<JourneyEvent>[], count: number, command: JourneyCommand) {
  const state = sealedJourneys.fold(sealedJourneys.initial, events.slice(0, count))
  try {
    return sealedJourneys.decide(state, command)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { refused: error.code }
  }
}

const openFieldsOf = ({ type, data }: { readonly type: string; readonly data: object }): unknown => {
  const { sealed: _sealed, ...open } = partedFields({ type, data } as JourneyEvent).open as { sealed?: unknown }
  return JSON.parse(JSON.stringify({ type, open }))
}

function judge(log: ScheduledLog, { stream, command, between: [from, to], answer }: Answered): string {
  const events = log.of(stream).map((stored) => recordedFrom<JourneyEvent>(stored))
  const moments = Array.from({ length: to - from + 1 }, (_, n) => from + n)
  const possible = moments.map((count) => answerAt(events, count, command))
  if (answer === 'nothing_new') {
    expect(possible).toContainEqual([])
    return answer
  }
  if ('refused' in answer) {
    expect(possible).toContainEqual(answer)
    return answer.refused
  }
  const own = events.filter(({ metadata }) => metadata.commandId === command.commandId)
  expect(own.at(-1)!.revision).toBe(answer.revision)
  const decided = answerAt(events, own[0]!.revision, command) as readonly JourneyEvent[]
  expect(own.map(openFieldsOf)).toEqual(decided.map(openFieldsOf))
  return 'written'
}

describe('commands on a few streams, by handlers in two processes that keep what they folded and one that does not,', () => {
  it(
    `are answered as one without memory could have answered, in ${histories} histories`,
    { timeout: 600_000 },
    async () => {
      const seen = new Map<string, number>()
      let [reads, issued] = [0, 0]
      const race = fc.asyncProperty(
        fc.scheduler(),
        commands,
        fc.array(fc.tuple(fc.nat(2), fc.nat(1), fc.boolean()), { minLength: 40, maxLength: 40 }),
        async (scheduler, told, chance) => {
          const log = new ScheduledLog(scheduler)
          const fresh = () => new DecideAndAppend(log, log, vault, { assertRight: () => Promise.resolve() })
          const keeping = [fresh(), fresh()]
          let pending: Promise<Answered>[] = []
          const answers: Answered[] = []
          const settle = async () => {
            await scheduler.waitFor(Promise.all(pending).then((all) => void answers.push(...all)))
            pending = []
          }
          for (const [n, plain] of told.entries()) {
            const [who, where, alone] = chance[n % chance.length]!
            const commandId = uuidv5(plain.commandId, uuidv5.URL)
            const data = plain.type === 'Refer' ? { ...plain.data, participantId } : plain.data
            const command = { ...plain, commandId, data } as JourneyCommand
            pending.push(issue(keeping[who] ?? fresh(), log, journeyIds[where]!, command))
            if (alone || pending.length === 8) await settle()
          }
          await settle()
          for (const answered of answers) {
            const what = judge(log, answered)
            seen.set(what, (seen.get(what) ?? 0) + 1)
          }
          for (const events of log.streams.values())
            expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
          reads += log.reads
          issued += answers.length
        },
      )
      await fc.assert(race, { seed, numRuns: histories })
      for (const what of ['written', 'nothing_new', 'journey_ended', 'not_allocated'])
        expect(seen.get(what), what).toBeGreaterThan(0)
      expect(reads).toBeLessThan(issued * 1.5)
    },
  )
})
