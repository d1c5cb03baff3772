import type { ResolvedEvent, StreamingRead } from '@eventstore/db-client'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { answeredInTime, eventsOf, firstOf } from '../../src/event-store/reading.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'

describe('a read', () => {
  it('is read to its end, however long that takes, while events go on coming', async () => {
    const slow = read(async function* () {
      for (let n = 0; n < 8; n++) yield wait(60, n)
    })
    expect(await revisions(eventsOf(slow.reading, 300))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(slow.cancelled).toBe(false)
  })

  it('waits for a caller who is slower than the deadline', async () => {
    const { reading } = read(async function* () {
      yield* [0, 1, 2]
    })
    const seen: number[] = []
    for await (const { revision } of eventsOf(reading, 50)) {
      await wait(120)
      seen.push(revision)
    }
    expect(seen).toEqual([0, 1, 2])
  })

  it('is given up, and ended at the server, once it is silent for longer than the deadline', async () => {
    const silent = read(async function* () {
      yield* [0, 1]
      await wait(1_000)
    })
    const seen: number[] = []
    const reading = (async () => {
      for await (const { revision } of eventsOf(silent.reading, 100)) {
        seen.push(revision)
        await wait(150)
      }
    })()
    await expect(reading).rejects.toThrow(StoreUnavailable)
    expect(seen).toEqual([0, 1])
    expect(silent.cancelled).toBe(true)
  })

  it('for one event is given up once the whole look-up takes longer than the deadline', async () => {
    const slow = read(async function* () {
      for (let n = 0; n < 100; n++) yield wait(30, n)
    })
    const wanted = firstOf(slow.reading, ({ revision }) => revision === 99, 200)
    await expect(wanted).rejects.toThrow(StoreUnavailable)
  })

  it('for one event ends with the first that is wanted, or with none', async () => {
    const three = () =>
      read(async function* () {
        yield* [0, 1, 2]
      })
    const first = three()
    expect(await firstOf(first.reading, ({ revision }) => revision > 0)).toMatchObject({ revision: 1 })
    expect(await firstOf(three().reading, ({ revision }) => revision > 2)).toBeNull()
  })
})

it('an answer that does not come in time is the log being away', async () => {
  expect(await answeredInTime(Promise.resolve('here'), 50)).toBe('here')
  await expect(answeredInTime(new Promise(() => undefined), 50)).rejects.toThrow(StoreUnavailable)
  await expect(
    answeredInTime(
      wait(100).then(() => Promise.reject(new Error('too late'))),
      50,
    ),
  ).rejects.toThrow(StoreUnavailable)
})

const revisions = async (events: AsyncIterable<{ revision: number }>) =>
  (await Array.fromAsync(events)).map(({ revision }) => revision)

/** What the client gives for a read of events with these revisions, as they come. */
function read(revisionsOf: () => AsyncGenerator<number>) {
  const as = { cancelled: false, reading: undefined as unknown as StreamingRead<ResolvedEvent> }
  async function* resolved() {
    for await (const revision of revisionsOf())
      yield {
        event: {
          id: String(revision),
          type: 'Tried',
          streamId: 'journey-1',
          revision: BigInt(revision),
          created: new Date(0),
        },
      }
  }
  as.reading = Object.assign(Readable.from(resolved()), {
    cancel: () => {
      as.cancelled = true
      return Promise.resolve()
    },
  }) as never
  return as
}
