import { status } from '@grpc/grpc-js'
import type { EventStoreDBClient } from '@eventstore/db-client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { EventAppender } from '../../src/event-store/event-appender.ts'
import { clientOf } from '../../src/event-store/connection.ts'
import { EventStore } from '../../src/event-store/event-store.ts'
import { Outages } from '../../src/event-store/outages.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { temporaryWorkplace } from '../support/runtime.ts'

const listener = () => ({ onAway: vi.fn(), onBack: vi.fn() })
const away = () => new StoreUnavailable({ cause: { code: status.UNAVAILABLE } })

it('is told once when it begins and once when it is over, however many wait', async () => {
  const told = listener()
  const outages = new Outages(60_000, told)
  const failing = (times: number) => () => (times-- > 0 ? Promise.reject(away()) : Promise.resolve('answer'))
  expect(await Promise.all([2, 2, 2].map((times) => outages.through(failing(times))))).toEqual(Array(3).fill('answer'))
  expect(told.onAway.mock.calls).toEqual([[60_000]])
  expect(told.onBack).toHaveBeenCalledTimes(1)
})

it('ends with the error itself when it lasts, at once where the user is refused, and for anything else', async () => {
  const told = listener()
  const outages = new Outages(150, told)
  const last = away()
  await expect(outages.through(() => Promise.reject(last))).rejects.toBe(last)
  expect(told.onAway).toHaveBeenCalledTimes(1)
  const others = [
    new StoreUnavailable({ cause: { code: status.PERMISSION_DENIED } }),
    new StoreUnavailable({ cause: { type: 'access-denied' } }),
    new TypeError('a fault'),
  ]
  const patient = new Outages(60_000, told)
  for (const error of others) await expect(patient.through(() => Promise.reject(error))).rejects.toBe(error)
  await expect(new Outages(0, told).through(() => Promise.reject(last))).rejects.toBe(last)
  expect(told.onAway).toHaveBeenCalledTimes(1)
})

it('appends once what was written before its answer was lost, and reads on where it was cut off', async () => {
  const { eventStoreUrl } = await temporaryWorkplace()
  const client = clientOf(eventStoreUrl)
  onTestFinished(() => client.dispose())
  const outages = new Outages(60_000, listener())
  const append = client.appendToStream.bind(client) as (...asked: unknown[]) => Promise<unknown>
  let answersLost = 2
  const unlucky = {
    async appendToStream(...asked: unknown[]) {
      const answer = await append(...asked)
      if (answersLost-- > 0) throw Object.assign(new Error('lost'), { code: status.UNAVAILABLE })
      return answer
    },
  } as unknown as EventStoreDBClient
  const events = Array.from({ length: 5 }, (_, n) => ({
    id: crypto.randomUUID(),
    type: 'Something',
    data: { n },
    metadata: {},
  }))
  const written = await new EventAppender(unlucky, outages).append('journey-1', -1, events as never)
  expect(written.revision).toBe(4)

  let cutOffs = 3
  const reading = {
    readStream: (stream: string, options: { fromRevision: bigint }) => {
      const read = client.readStream(stream, options)
      if (cutOffs-- <= 0) return read
      const { iterator } = read
      read.iterator = (asked) => {
        const whole = iterator.call(read, asked)
        let left = 1
        return {
          ...whole,
          next: () =>
            left-- > 0 ? whole.next() : Promise.reject(Object.assign(new Error(), { code: status.UNAVAILABLE })),
          return: () => whole.return!(),
          [Symbol.asyncIterator]() {
            return this
          },
        } as never
      }
      return read
    },
  } as unknown as EventStoreDBClient
  const store = new EventStore(reading, eventStoreUrl, outages)
  const read = await Array.fromAsync(store.read('journey-1'))
  expect(read.map(({ data }) => data)).toEqual(events.map(({ data }) => data))
  expect(cutOffs).toBe(-1)
})
