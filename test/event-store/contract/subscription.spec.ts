import type { AllStreamSubscription, Position, ResolvedEvent, StreamSubscription } from '@eventstore/db-client'
import {
  END,
  START,
  eventTypeFilter,
  excludeSystemEvents,
  streamNameFilter,
  StreamDeletedError,
} from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { aServer, aStream, anEvent, errorOf, someEvents } from '../target.ts'

const server = aServer()

describe('a subscription to a stream', () => {
  it('gives what was there, says that it has caught up, then what comes', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(3))
    const heard = listen(server.client.subscribeToStream(stream))
    await heard.until(({ events, caughtUp }) => events.length === 3 && caughtUp === 1)
    expect(heard.confirmations).toBe(1)
    await server.client.appendToStream(stream, someEvents(2))
    await heard.until(({ events }) => events.length === 5)
    expect(revisions(heard)).toEqual([0, 1, 2, 3, 4])
    await heard.stop()
  })

  it('begins after the revision it names', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(5))
    const heard = listen(server.client.subscribeToStream(stream, { fromRevision: 2n }))
    await heard.until(({ events }) => events.length === 2)
    expect(revisions(heard)).toEqual([3, 4])
    await heard.stop()
  })

  it('from the end gives only what comes', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(5))
    const heard = listen(server.client.subscribeToStream(stream, { fromRevision: END }))
    await heard.until(({ caughtUp }) => caughtUp === 1)
    await server.client.appendToStream(stream, anEvent())
    await heard.until(({ events }) => events.length === 1)
    expect(revisions(heard)).toEqual([5])
    await heard.stop()
  })

  it('may wait for a stream that is not there yet', async () => {
    const stream = aStream()
    const heard = listen(server.client.subscribeToStream(stream))
    await heard.until(({ confirmations }) => confirmations === 1)
    await server.client.appendToStream(stream, someEvents(2))
    await heard.until(({ events }) => events.length === 2)
    await heard.stop()
  })

  it('to a tombstoned stream is refused', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent())
    await server.client.tombstoneStream(stream)
    const refused = new Promise((_, reject) => server.client.subscribeToStream(stream).on('error', reject))
    expect(await errorOf(refused)).toBeInstanceOf(StreamDeletedError)
  })

  it('misses nothing and repeats nothing while others write', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(50))
    const writing = (async () => {
      for (let i = 0; i < 30; i++) await server.client.appendToStream(stream, someEvents(10))
    })()
    const heard = listen(server.client.subscribeToStream(stream))
    await writing
    await heard.until(({ events }) => events.length >= 350)
    expect(revisions(heard)).toEqual(Array.from({ length: 350 }, (_, i) => i))
    await heard.stop()
  })
})

describe('a subscription to $all', () => {
  it('begins after the position it names and goes on live', async () => {
    const stream = aStream()
    const { position } = await server.client.appendToStream(stream, anEvent('Before'))
    await server.client.appendToStream(stream, anEvent('After'))
    const heard = listen(server.client.subscribeToAll({ fromPosition: position! }))
    await heard.until(({ events }) => events.length === 1)
    await server.client.appendToStream(stream, anEvent('Live'))
    await heard.until(({ events }) => events.length === 2)
    expect(heard.events.map(({ event }) => event!.type)).toEqual(['After', 'Live'])
    await heard.stop()
  })

  it.each([
    ['stream prefix', (key: string) => streamNameFilter({ prefixes: [`${key}in-`] })],
    ['a longer stream prefix', (key: string) => streamNameFilter({ prefixes: [`${key}in-y`] })],
    ['a shorter stream prefix', (key: string) => streamNameFilter({ prefixes: [`${key}i`] })],
    ['several prefixes', (key: string) => streamNameFilter({ prefixes: [`${key}in-y`, 'nowhere-', `${key}nothing`] })],
    ['stream pattern', (key: string) => streamNameFilter({ regex: `^${key}i[a-z]-` })],
    ['a pattern that looks ahead', (key: string) => streamNameFilter({ regex: `^(?!${key}out)${key}` })],
    ['type prefix', (key: string) => eventTypeFilter({ prefixes: [`${key}Wanted`] })],
    ['type pattern', (key: string) => eventTypeFilter({ regex: `^${key}Wan.*d$` })],
  ])('filtered by %s gives exactly those, old and new', async (_, filterFor) => {
    const key = `k${randomUUID().replaceAll('-', '').slice(0, 10)}`
    const write = async (numbers: number[]) => {
      for (const number of numbers) {
        await server.client.appendToStream(`${key}in-y${number}`, anEvent(`${key}Wanted`, { number }))
        await server.client.appendToStream(`${key}out-y${number}`, anEvent(`${key}Other`, { number }))
      }
    }
    await write([0, 1, 2])
    const heard = listen(server.client.subscribeToAll({ fromPosition: START, filter: filterFor(key) }))
    await heard.until(({ events }) => events.length === 3)
    await write([3, 4])
    await heard.until(({ events }) => events.length === 5)
    expect(heard.events.map(({ event }) => event!.type)).toEqual(Array(5).fill(`${key}Wanted`))
    expect(heard.events.map(({ event }) => (event!.data as { number: number }).number)).toEqual([0, 1, 2, 3, 4])
    await heard.stop()
  })

  it('without system events has none', async () => {
    const stream = aStream()
    await server.client.setStreamMetadata(stream, { maxCount: 100 })
    await server.client.appendToStream(stream, anEvent('Last'))
    const heard = listen(server.client.subscribeToAll({ filter: excludeSystemEvents() }))
    await heard.until(({ events }) => events.some(({ event }) => event!.streamId === stream))
    expect(heard.events.filter(({ event }) => event!.type.startsWith('$'))).toEqual([])
    await heard.stop()
  })

  it('tells how far it has come, also while nothing passes the filter', async () => {
    const marker = await server.client.appendToStream(aStream(), anEvent())
    const checkpoints: Position[] = []
    const heard = listen(
      server.client.subscribeToAll({
        fromPosition: marker.position!,
        filter: streamNameFilter({
          prefixes: [`nobody${randomUUID()}`],
          maxSearchWindow: 5,
          checkpointInterval: 2,
          checkpointReached: async (_subscription: AllStreamSubscription, position: Position) => {
            checkpoints.push(position)
            return Promise.resolve()
          },
        }),
      }),
    )
    const first = await server.client.appendToStream(aStream(), someEvents(10))
    await heard.until(() => checkpoints.length === 1)
    const last = await server.client.appendToStream(aStream(), someEvents(30))
    await heard.until(() => checkpoints.length === 4)
    expect(checkpoints[0]!.commit).toBe(first.position!.commit)
    expect(checkpoints.at(-1)!.commit).toBe(last.position!.commit)
    expect(heard.events).toEqual([])
    await heard.stop()
  })

  it('to which nobody listens for a while loses nothing, and holds up nobody', async () => {
    const stream = aStream()
    const { position } = await server.client.appendToStream(stream, anEvent())
    const slow = server.client.subscribeToAll({ fromPosition: position! })
    await new Promise((resolve) => slow.once('confirmation', resolve))
    const padding = 'x'.repeat(1000)
    for (let i = 0; i < 20; i++)
      await server.client.appendToStream(
        stream,
        someEvents(200).map((event) => ({ ...event, data: { padding } })),
      )
    const quick = listen(server.client.subscribeToAll({ fromPosition: position! }))
    await quick.until(({ events }) => events.length === 4000)
    await quick.stop()
    const heard = listen(slow)
    await heard.until(({ events }) => events.length === 4000)
    expect(revisions(heard)).toEqual(Array.from({ length: 4000 }, (_, i) => i + 1))
    await heard.stop()
  })

  it('refuses a pattern that is none', async () => {
    const refused = new Promise((_, reject) =>
      server.client.subscribeToAll({ filter: streamNameFilter({ regex: '(' }) }).on('error', reject),
    )
    expect(await errorOf(refused)).toBeInstanceOf(Error)
  })

  it('ended by the reader ends, and disturbs nobody', async () => {
    const one = listen(server.client.subscribeToAll({ fromPosition: END }))
    const other = listen(server.client.subscribeToAll({ fromPosition: END }))
    await one.until(({ confirmations }) => confirmations === 1)
    await other.until(({ confirmations }) => confirmations === 1)
    await one.stop()
    await server.client.appendToStream(aStream(), anEvent())
    await other.until(({ events }) => events.length === 1)
    expect(one.events).toEqual([])
    await other.stop()
  })
})

interface Heard {
  events: ResolvedEvent[]
  confirmations: number
  caughtUp: number
  until(condition: (heard: Heard) => boolean): Promise<void>
  stop(): Promise<void>
}

/** Notes everything a subscription says. */
function listen(subscription: StreamSubscription | AllStreamSubscription): Heard {
  let failure: Error | undefined
  const heard: Heard = {
    events: [],
    confirmations: 0,
    caughtUp: 0,
    async until(condition) {
      const giveUp = Date.now() + 10_000
      while (!condition(heard)) {
        if (failure) throw failure
        if (Date.now() > giveUp) throw new Error(`Waited in vain; heard ${heard.events.length} events`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    stop: () => subscription.unsubscribe(),
  }
  ;(subscription as AllStreamSubscription)
    .on('data', (event) => heard.events.push(event as ResolvedEvent))
    .on('confirmation', () => heard.confirmations++)
    .on('caughtUp', () => heard.caughtUp++)
    .on('error', (error) => (failure = error))
  return heard
}

const revisions = (heard: Heard) => heard.events.map(({ event }) => Number(event!.revision))
