/** A CRN leads to a man only if the log says that it is his, whatever is cut short, refused or raced in between. */
import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Subject } from 'rxjs'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Reach } from '../../src/access/reach.ts'
import { ClockWrong } from '../../src/commands/clock-check.ts'
import { DecideAndAppend, StaleRevision } from '../../src/commands/decide-and-append.ts'
import { ErasureCommandHandler } from '../../src/commands/erasure-command-handler.ts'
import { issuedNow, JourneyCommandHandler } from '../../src/commands/journey-command-handler.ts'
import { KeptAdultDays } from '../../src/commands/kept-adult-days.ts'
import { KnownCrns } from '../../src/commands/known-crns.ts'
import { ParticipantCommandHandler } from '../../src/commands/participant-command-handler.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import type { DetailsEvent } from '../../src/domain/participant.ts'
import type { EventStore } from '../../src/event-store/event-store.ts'
import { ConcurrencyConflict } from '../../src/event-store/store-errors.ts'
import type { NewEvent, StoredEvent } from '../../src/event-store/stored-event.ts'
import { claimMs } from '../../src/protection/crn-claims.ts'
import { opened } from '../../src/protection/sealing.ts'
import { Vault } from '../../src/protection/vault.ts'
import { seed } from '../domain/histories.ts'
import { temporaryDirectory } from '../support/runtime.ts'
import { caseManager, personOfRole } from '../support/signed-in.ts'

/** The process is gone: nothing that it would have done next is done. */
class Killed extends Error {}

/** A log in memory. What is to happen around an append is up to the spec. */
class MemoryLog {
  readonly streams = new Map<string, StoredEvent[]>()
  around: (stream: string, write: () => void) => Promise<void> = async (_stream, write) => write()

  async *read(stream: string, from = 0): AsyncGenerator<StoredEvent> {
    await Promise.resolve()
    yield* (this.streams.get(stream) ?? []).slice(from)
  }

  lastOf = async (stream: string) => this.streams.get(stream)?.at(-1)

  async append(stream: string, expected: number | 'any', added: readonly NewEvent[]) {
    await this.around(stream, () => {
      const events = this.streams.get(stream) ?? []
      if (events.length - 1 !== expected) throw new ConcurrencyConflict(stream)
      for (const { id, type, data, metadata } of added) {
        const stored = JSON.parse(JSON.stringify({ data, metadata })) as { data: object; metadata: object }
        events.push({ id, type, ...stored, stream, revision: events.length, receivedAt: new Date(), position: null })
      }
      this.streams.set(stream, events)
    })
    const revision = this.streams.get(stream)!.length - 1
    return { revision, position: String(revision) }
  }
}

let log: MemoryLog
let keysDir: string

beforeEach(() => {
  log = new MemoryLog()
  keysDir = temporaryDirectory()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-03-02T09:00:00Z') })
  onTestFinished(() => void vi.useRealTimers())
})

const issued = () => ({
  by: caseManager,
  source: 'api' as const,
  commandId: randomUUID(),
  occurredOn: '2026-03-02' as const,
})

/** What one process does with the log and the keys that it shares with others. */
function aProcess({ assertRight = () => Promise.resolve() } = {}) {
  const vault = new Vault(keysDir)
  onTestFinished(() => vault.close())
  const commands = new DecideAndAppend(log, log, vault, { assertRight })
  const crns = new KnownCrns(vault, log)
  const store = log as unknown as EventStore
  const participants = new ParticipantCommandHandler(commands, vault, store, {
    crns,
    adultDays: new KeptAdultDays(store, new Subject()),
  })
  const reach = new Reach({ known: async () => new Map() })
  const journeys = new JourneyCommandHandler(commands, participants, { store, vault, reach, crns })
  return {
    vault,
    crns,
    /** @returns whom the CRN led to, or whoever was new */
    async refer(crn: string): Promise<string> {
      const { journeyId } = await journeys.refer(
        {
          details: { crn, familyName: 'Example', givenNames: 'Sam', dateOfBirth: '1980-02-01' },
          programme: { key: 'bbr', version: 1 },
          provider: 'North',
          referralSource: 'court_requirement',
          reference: randomUUID(),
        },
        issued(),
      )
      const [referral] = log.streams.get(`journey-${journeyId}`)!
      return (referral!.data as { participantId: string }).participantId
    },
    correct(id: string, changes: { crn?: string; givenNames?: string }, expectedRevision?: number) {
      const { issuer, context } = issuedNow(issued())
      return participants.correctDetails(id, { changes, because: 'Mistyped.' }, undefined, {
        issuer,
        context,
        expectedRevision,
      })
    },
    say: (id: string, text: string) =>
      new ErasureCommandHandler(commands, vault, log).addStatement(id, text, {
        by: personOfRole('data_protection_officer'),
        source: 'ui',
        commandId: randomUUID(),
      }),
    leadsTo: (crn: string) => vault.find('crn', crn),
  }
}

/** What the log says of somebody now. */
const believed = (vault: Vault, id: string) => {
  const last = log.streams.get(`participant-${id}`)?.at(-1)
  return last && opened(vault, recordedFrom<DetailsEvent>(last)).data
}

/** The next append is not made, or is made and never answered: the process is killed there. */
function killedAt(moment: 'before' | 'after') {
  log.around = async (_stream, write) => {
    log.around = async (_stream, write) => write()
    if (moment === 'after') write()
    throw new Killed()
  }
}

const aMinuteLater = () => void vi.setSystemTime(Date.now() + claimMs)

describe('a corrected CRN', () => {
  it('leads to him also where he has said something since he was last told of', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    await here.say(his, 'My number was mistyped.')
    await here.correct(his, { crn: 'X000002' })
    expect([here.leadsTo('X000001'), here.leadsTo('X000002')]).toEqual([undefined, his])
  })

  it('leads to him; the one that was wrong leads nowhere, and somebody else may be referred under it', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    await here.correct(his, { crn: 'X000002' })
    expect([here.leadsTo('X000002'), here.leadsTo('X000001')]).toEqual([his, undefined])
    expect(await here.refer('X000002')).toBe(his)
    const other = await here.refer('X000001')
    expect(other).not.toBe(his)
    await expect(here.correct(his, { crn: 'X000001' })).rejects.toMatchObject({ code: 'crn_in_use' })
    expect(here.leadsTo('X000001')).toBe(other)
  })

  it('leads nowhere where the process was killed before the log was told, and is free for somebody else', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    killedAt('before')
    await expect(here.correct(his, { crn: 'X000002' })).rejects.toThrow(Killed)
    const next = aProcess()
    await next.crns.bringAllInLine()
    expect([next.leadsTo('X000002'), next.leadsTo('X000001')]).toEqual([undefined, his])
    // The log may still be writing what the process sent before it died.
    await expect(next.refer('X000002')).rejects.toMatchObject({ code: 'crn_in_use' })
    aMinuteLater()
    const other = await next.refer('X000002')
    expect(other).not.toBe(his)
    expect([next.leadsTo('X000002'), next.leadsTo('X000001')]).toEqual([other, his])
  })

  it('leads to him at the next start where the process was killed after the log was told', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    killedAt('after')
    await expect(here.correct(his, { crn: 'X000002' })).rejects.toThrow(Killed)
    const next = aProcess()
    await next.crns.bringAllInLine()
    expect([next.leadsTo('X000002'), next.leadsTo('X000001')]).toEqual([his, undefined])
  })

  it('is found to be his, without a start, by a referral under it and by a correction of somebody else', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    const other = await here.refer('X000003')
    for (const crn of ['X000002', 'X000004']) {
      killedAt('after')
      await expect(here.correct(his, { crn })).rejects.toThrow(Killed)
      if (crn === 'X000002') expect(await here.refer(crn)).toBe(his)
      else await expect(here.correct(other, { crn })).rejects.toMatchObject({ code: 'crn_in_use' })
    }
    expect(here.leadsTo('X000004')).toBe(his)
  })

  it('is free at once where another process told the log of him first', async () => {
    const [here, there] = [aProcess(), aProcess()]
    const his = await here.refer('X000001')
    log.around = async (_stream, write) => {
      log.around = async (_stream, write) => write()
      await there.correct(his, { givenNames: 'Samuel' })
      write()
    }
    await expect(here.correct(his, { crn: 'X000002' }, 0)).rejects.toThrow(StaleRevision)
    expect(here.leadsTo('X000002')).toBeUndefined()
    expect(await there.refer('X000002')).not.toBe(his)
  })

  it('keeps what another process told of him meanwhile', async () => {
    const [here, there] = [aProcess(), aProcess()]
    const his = await here.refer('X000001')
    log.around = async (_stream, write) => {
      log.around = async (_stream, write) => write()
      await there.correct(his, { givenNames: 'Samuel' })
      write()
    }
    await here.correct(his, { crn: 'X000002' })
    expect(believed(here.vault, his)).toMatchObject({ crn: 'X000002', givenNames: 'Samuel' })
  })
})

describe('the CRN of a referral', () => {
  it('is free for somebody else where the referral was never recorded', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    killedAt('before')
    await expect(here.refer('X000002')).rejects.toThrow(Killed)
    await expect(here.correct(his, { crn: 'X000002' })).rejects.toMatchObject({ code: 'crn_in_use' })
    aMinuteLater()
    await here.correct(his, { crn: 'X000002' })
    expect(here.leadsTo('X000002')).toBe(his)
  })

  it('is free for somebody else at once where the clock was wrong, so that nothing was recorded', async () => {
    const here = aProcess()
    const [his, another] = [await here.refer('X000001'), await here.refer('X000002')]
    const wrong = aProcess({ assertRight: () => Promise.reject(new ClockWrong('The clock is wrong.')) })
    await expect(wrong.correct(his, { crn: 'X000003' })).rejects.toThrow(ClockWrong)
    await here.correct(another, { crn: 'X000003' })
    expect(here.leadsTo('X000003')).toBe(another)
  })

  it('is free for somebody else at once where the referral was refused', async () => {
    const here = aProcess()
    const his = await here.refer('X000001')
    log.around = () => Promise.reject(new ConcurrencyConflict('journey'))
    vi.useRealTimers()
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-03-02T09:00:00Z') })
    const refused = here.refer('X000002').catch((error: unknown) => error)
    await wait(100)
    vi.advanceTimersByTime(10_000)
    expect(await refused).toBeInstanceOf(ConcurrencyConflict)
    log.around = async (_stream, write) => write()
    await here.correct(his, { crn: 'X000002' })
    expect(here.leadsTo('X000002')).toBe(his)
  })
})

describe('processes that race for CRNs, and are killed', () => {
  it('never give one to two men, and leave none that leads to somebody whose it is not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('answered', 'answered', 'killed before', 'killed after'), { maxLength: 12 }),
        fc.array(fc.record({ what: fc.constantFrom('A', 'B', 'refer'), crn: fc.constantFrom('X', 'Y', 'Z') }), {
          minLength: 2,
          maxLength: 5,
        }),
        async (scheduler, fates, contenders) => {
          log = new MemoryLog()
          keysDir = temporaryDirectory()
          const processes = [aProcess(), aProcess()]
          const [A, B] = [await processes[0]!.refer('A'), await processes[1]!.refer('B')]
          log.around = async (_stream, write) => {
            await scheduler.schedule(Promise.resolve(), 'append asked')
            const fate = fates.shift() ?? 'answered'
            if (fate === 'killed before') throw new Killed()
            write()
            await scheduler.schedule(Promise.resolve(), 'append answered')
            if (fate === 'killed after') throw new Killed()
          }
          const done = Promise.allSettled(
            contenders.map(async ({ what, crn }, n) => {
              await scheduler.schedule(Promise.resolve(), 'begun')
              const process = processes[n % 2]!
              if (what === 'refer') return process.refer(crn)
              return process.correct(what === 'A' ? A : B, { crn })
            }),
          )
          await scheduler.waitFor(done)
          log.around = async (_stream, write) => write()
          aMinuteLater()
          const { vault, crns: known, correct, leadsTo } = aProcess()
          await known.bringAllInLine()
          const crns = ['A', 'B', 'X', 'Y', 'Z']
          const owners = new Map<string, string[]>()
          for (const stream of log.streams.keys()) {
            if (!stream.startsWith('participant-')) continue
            const id = stream.slice('participant-'.length)
            const { crn } = believed(vault, id)!
            owners.set(crn!, [...(owners.get(crn!) ?? []), id])
          }
          for (const crn of crns) {
            const [owner, ...more] = owners.get(crn) ?? []
            expect(more).toEqual([])
            if (owner !== undefined) expect(leadsTo(crn)).toBe(owner)
          }
          // Where a referral was never recorded, who was registered for it is nobody: the CRN can be given.
          for (const crn of crns.filter((one) => !owners.has(one))) {
            await correct(A, { crn })
            expect(leadsTo(crn)).toBe(A)
          }
        },
      ),
      { seed, numRuns: Number(process.env.FUZZ_RUNS ?? 60) },
    )
  })
})
