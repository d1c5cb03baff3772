import type { AllStreamSubscription, Position, ResolvedEvent, StreamSubscription } from '@eventstore/db-client'
import {
  END,
  START,
  eventTypeFilter,
  excludeSystemEvents,
  streamNameFilter,
  StreamDeletedError,
  TimeoutError,
} from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PATIENCE, aServer, aStream, anEvent, errorOf, isEmbedded, someEvents } from '../target.ts'

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
    expect(revisions(heard.events)).toEqual([0, 1, 2, 3, 4])
    await heard.stop()
  })

  it('begins after the revision it names', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(5))
    const heard = listen(server.client.subscribeToStream(stream, { fromRevision: 2n }))
    await heard.until(({ events }) => events.length === 2)
    expect(revisions(heard.events)).toEqual([3, 4])
    await heard.stop()
  })

  it('from the end gives only what comes', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(5))
    const heard = listen(server.client.subscribeToStream(stream, { fromRevision: END }))
    await heard.until(({ caughtUp }) => caughtUp === 1)
    await server.client.appendToStream(stream, anEvent())
    await heard.until(({ events }) => events.length === 1)
    expect(revisions(heard.events)).toEqual([5])
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
    const heard = listen(server.client.subscribeToStream(stream), (last) =>
      server.client.subscribeToStream(stream, { fromRevision: last?.event!.revision ?? START }),
    )
    await writing
    await heard.until(({ events }) => events.length >= 350)
    expect(revisions(heard.events)).toEqual(Array.from({ length: 350 }, (_, i) => i))
    await heard.stop()
  })
})

describe('a subscription to $all', () => {
  it('begins after the position it names and goes on live', async () => {
    const stream = aStream()
    const { position } = await server.client.appendToStream(stream, anEvent('Before'))
    await server.client.appendToStream(stream, anEvent('After'))
    const subscribe = (last?: ResolvedEvent) =>
      server.client.subscribeToAll({ fromPosition: last?.event!.position ?? position! })
    const heard = listen(subscribe(), subscribe)
    await heard.until(() => heard.of(stream).length === 1)
    await server.client.appendToStream(stream, anEvent('Live'))
    await heard.until(() => heard.of(stream).length === 2)
    expect(heard.of(stream).map(({ event }) => event!.type)).toEqual(['After', 'Live'])
    const positions = heard.events.map(({ event }) => event!.position!.commit)
    expect([position!.commit, ...positions]).toEqual([position!.commit, ...positions].sort((a, b) => (a < b ? -1 : 1)))
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
    // Elsewhere there may be millions of events before ours.
    const fromPosition = isEmbedded ? START : await aPosition()
    await write([0, 1, 2])
    const heard = listen(server.client.subscribeToAll({ fromPosition, filter: filterFor(key) }))
    await heard.until(({ events }) => events.length === 3)
    await write([3, 4])
    await heard.until(({ events }) => events.length === 5)
    expect(heard.events.map(({ event }) => event!.type)).toEqual(Array(5).fill(`${key}Wanted`))
    expect(heard.events.map(({ event }) => (event!.data as { number: number }).number)).toEqual([0, 1, 2, 3, 4])
    await heard.stop()
  })

  it('without system events has none', async () => {
    const stream = aStream()
    const fromPosition = isEmbedded ? START : await aPosition()
    await server.client.setStreamMetadata(stream, { maxCount: 100 })
    await server.client.appendToStream(stream, anEvent('Last'))
    const subscribe = (last?: ResolvedEvent) =>
      server.client.subscribeToAll({
        fromPosition: last?.event!.position ?? fromPosition,
        filter: excludeSystemEvents(),
      })
    const heard = listen(subscribe(), subscribe)
    await heard.until(({ events }) => events.some(({ event }) => event!.streamId === stream))
    expect(heard.events.filter(({ event }) => event!.type.startsWith('$'))).toEqual([])
    await heard.stop()
  })

  it('tells how far it has come, also while nothing passes the filter', async () => {
    const marker = await aPosition()
    const checkpoints: Position[] = []
    const prefixes = [`nobody${randomUUID()}`]
    const subscribe = () =>
      server.client.subscribeToAll({
        fromPosition: checkpoints.at(-1) ?? marker,
        filter: streamNameFilter({
          prefixes,
          maxSearchWindow: 5,
          checkpointInterval: 2,
          checkpointReached: async (_subscription: AllStreamSubscription, position: Position) => {
            checkpoints.push(position)
            return Promise.resolve()
          },
        }),
      })
    const heard = listen(subscribe(), subscribe)
    await heard.until(({ caughtUp }) => caughtUp >= 1)
    const first = await server.client.appendToStream(aStream(), someEvents(10))
    await heard.until(() => checkpoints.length >= 1)
    const last = await server.client.appendToStream(aStream(), someEvents(30))
    // Every ten events there is one, so the last ten of these at most are not told of. Others' events count as well.
    await heard.until(() => checkpoints.filter(({ commit }) => commit > first.position!.commit).length >= 2)
    const commits = checkpoints.map(({ commit }) => commit)
    expect(commits).toEqual([...new Set(commits)].sort((a, b) => (a < b ? -1 : 1)))
    expect(commits[0]).toBeGreaterThanOrEqual(marker.commit)
    expect(heard.events).toEqual([])
    if (isEmbedded) {
      await heard.until(() => checkpoints.length === 4)
      expect([checkpoints[0], checkpoints[3]]).toEqual([first.position, last.position])
    }
    await heard.stop()
  })

  it('to which nobody listens for a while loses nothing, and holds up nobody', async () => {
    const stream = aStream()
    const { position } = await server.client.appendToStream(stream, anEvent())
    const subscribe = (last?: ResolvedEvent) =>
      server.client.subscribeToAll({ fromPosition: last?.event!.position ?? position! })
    let dropped: Error | undefined
    const slow = subscribe().on('error', (error) => (dropped = error))
    await new Promise((resolve) => slow.once('confirmation', resolve))
    const padding = 'x'.repeat(1000)
    for (let i = 0; i < 20; i++)
      await server.client.appendToStream(
        stream,
        someEvents(200).map((event) => ({ ...event, data: { padding } })),
      )
    const quick = listen(subscribe(), subscribe)
    await quick.until(() => quick.of(stream).length === 4000)
    await quick.stop()
    // EventStoreDB 23.10 drops who does not keep up; he begins again after what he heard, as everybody must.
    if (dropped && (isEmbedded || !isTooSlow(dropped))) throw dropped
    const heard = listen(dropped ? subscribe() : slow, subscribe)
    await heard.until(() => heard.of(stream).length >= 4000)
    expect(revisions(heard.of(stream))).toEqual(Array.from({ length: 4000 }, (_, i) => i + 1))
    await heard.stop()
  })

  it('refuses a pattern that is none', async () => {
    const refused = new Promise((_, reject) =>
      server.client.subscribeToAll({ filter: streamNameFilter({ regex: '(' }) }).on('error', reject),
    )
    expect(await errorOf(refused)).toBeInstanceOf(Error)
  })

  it('ended by the reader ends, and disturbs nobody', async () => {
    const stream = aStream()
    const position = await aPosition()
    const again = (last?: ResolvedEvent) =>
      server.client.subscribeToAll({ fromPosition: last?.event!.position ?? position })
    const one = listen(server.client.subscribeToAll({ fromPosition: END }), again)
    const other = listen(server.client.subscribeToAll({ fromPosition: END }), again)
    await one.until(({ confirmations }) => confirmations >= 1)
    await other.until(({ confirmations }) => confirmations >= 1)
    await one.stop()
    await server.client.appendToStream(stream, anEvent())
    await other.until(() => other.of(stream).length === 1)
    expect(one.of(stream)).toEqual([])
    await other.stop()
  })
})

/** Where the log is now, or a little before. */
async function aPosition(): Promise<Position> {
  const { position } = await server.client.appendToStream(aStream(), anEvent())
  return position!
}

type AnySubscription = StreamSubscription | AllStreamSubscription

interface Heard {
  events: ResolvedEvent[]
  of(stream: string): ResolvedEvent[]
  confirmations: number
  caughtUp: number
  until(condition: (heard: Heard) => boolean): Promise<void>
  stop(): Promise<void>
}

/**
 * Notes everything a subscription says.
 * @param again subscribes after the last event heard. EventStoreDB 23.10 drops a subscriber that does not keep up with a burst;
 *   he who comes back must have missed nothing.
 */
function listen(first: AnySubscription, again?: (last: ResolvedEvent | undefined) => AnySubscription): Heard {
  let subscription = first
  let failure: Error | undefined
  const heard: Heard = {
    events: [],
    of: (stream) => heard.events.filter(({ event }) => event!.streamId === stream),
    confirmations: 0,
    caughtUp: 0,
    async until(condition) {
      const giveUp = Date.now() + PATIENCE
      while (!condition(heard)) {
        if (failure) throw failure
        if (Date.now() > giveUp) throw new Error(`Waited in vain; heard ${heard.events.length} events`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    stop: () => subscription.unsubscribe(),
  }
  const follow = (followed: AnySubscription) => {
    subscription = followed
    const mine = followed as AllStreamSubscription
    mine
      .on('data', (event) => subscription === followed && heard.events.push(event as ResolvedEvent))
      .on('confirmation', () => heard.confirmations++)
      .on('caughtUp', () => heard.caughtUp++)
      .on('error', (error) => {
        if (again && !isEmbedded && isTooSlow(error)) follow(again(heard.events.at(-1)))
        else failure = error
      })
  }
  follow(first)
  return heard
}

const isTooSlow = (error: Error) => error instanceof TimeoutError

const revisions = (events: ResolvedEvent[]) => events.map(({ event }) => Number(event!.revision))
