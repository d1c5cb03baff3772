import type {
  PersistentSubscriptionToAll,
  PersistentSubscriptionToStream,
  PersistentSubscriptionToStreamResolvedEvent,
} from '@eventstore/db-client'
import {
  BACKWARDS,
  DISPATCH_TO_SINGLE,
  END,
  EventStoreDBClient,
  PARK,
  PINNED,
  PersistentSubscriptionDoesNotExistError,
  PersistentSubscriptionDroppedError,
  PersistentSubscriptionExistsError,
  PersistentSubscriptionMaximumSubscribersReachedError,
  RETRY,
  ROUND_ROBIN,
  SKIP,
  START,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  streamNameFilter,
} from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import {
  PATIENCE,
  aServer,
  aStream,
  anEvent,
  collect,
  errorOf,
  isEmbedded,
  someEvents,
  withSetting,
} from '../target.ts'

const server = aServer()
type Settings = Parameters<typeof persistentSubscriptionToStreamSettingsFromDefaults>[0]

/** A stream with events and a group that reads it. */
async function aGroup(
  settings: Settings = { startFrom: START },
  events = 0,
): Promise<{ stream: string; group: string }> {
  const stream = aStream()
  const group = `group-${randomUUID()}`
  if (events > 0) await server.client.appendToStream(stream, someEvents(events))
  await make(stream, group, settings)
  return { stream, group }
}

/** A group of this stream; it is removed again after the sentence. */
async function make(stream: string, group: string, settings?: Settings): Promise<void> {
  await server.client.createPersistentSubscriptionToStream(
    stream,
    group,
    persistentSubscriptionToStreamSettingsFromDefaults(settings ?? {}),
  )
  leftovers.push(() => server.client.deletePersistentSubscriptionToStream(stream, group))
  // EventStoreDB looks for a checkpoint first; until then what is written passes by a group that begins at the end.
  await eventually(async () => (await info(stream, group)).status !== 'NotReady')
}

describe('a persistent subscription', () => {
  it('hands out what was there and what comes, each once', async () => {
    const { stream, group } = await aGroup({ startFrom: START }, 30)
    const consumer = join(stream, group, 'ack')
    await consumer.until(30)
    await server.client.appendToStream(stream, someEvents(5))
    await consumer.until(35)
    expect(consumer.revisions()).toEqual(Array.from({ length: 35 }, (_, i) => i))
  })

  it.each([
    [START, [0, 1, 2, 3, 4]],
    [2n, [2, 3, 4]],
    [END, [4]],
  ] as const)('from %s begins there', async (startFrom, expected) => {
    const { stream, group } = await aGroup({ startFrom }, 4)
    await server.client.appendToStream(stream, anEvent())
    const consumer = join(stream, group, 'ack')
    await consumer.until(expected.length)
    expect(consumer.revisions()).toEqual(expected)
  })

  it('gives no more at a time than the consumer takes', async () => {
    const { stream, group } = await aGroup({ startFrom: START }, 30)
    const consumer = join(stream, group, 'hold', 7)
    await consumer.until(7)
    await pause(150)
    expect(consumer.events).toHaveLength(7)
    await consumer.ack(...consumer.events.slice(0, 2))
    await consumer.until(9)
  })

  it('gives to others what a consumer leaves behind', async () => {
    const { stream, group } = await aGroup({ startFrom: START }, 5)
    const first = join(stream, group, 'hold')
    await first.until(5)
    await first.leave()
    const second = join(stream, group, 'ack')
    await second.until(5)
    expect(second.revisions()).toEqual([0, 1, 2, 3, 4])
    expect(second.events[0]!.retryCount).toBe(1)
  })

  it('tries again what was refused, and counts', async () => {
    const { stream, group } = await aGroup({ startFrom: START }, 1)
    const consumer = join(stream, group, 'hold')
    await consumer.until(1)
    await consumer.nack(RETRY, consumer.events[0]!)
    await consumer.until(2)
    expect(consumer.events.map(({ retryCount }) => retryCount)).toEqual([0, 1])
  })

  it('tries again what took too long', async () => {
    const { stream, group } = await aGroup({ startFrom: START, messageTimeout: 200 }, 1)
    const consumer = join(stream, group, 'hold')
    await consumer.until(2)
    expect(consumer.events.map(({ retryCount }) => retryCount)).toEqual([0, 1])
  })

  it('skips what is to be skipped', async () => {
    const { stream, group } = await aGroup({ startFrom: START }, 2)
    const consumer = join(stream, group, 'hold')
    await consumer.until(2)
    await consumer.nack(SKIP, ...consumer.events)
    await eventually(async () => (await info(stream, group)).stats.totalInFlightMessages === 0)
    expect((await info(stream, group)).stats.parkedMessageCount).toBe(0n)
  })

  it('parks what is refused for good, and hands it out again when told to', async () => {
    const { stream, group } = await aGroup({ startFrom: START }, 3)
    const consumer = join(stream, group, 'hold')
    await consumer.until(3)
    await consumer.nack(PARK, ...consumer.events)
    await eventually(async () => (await info(stream, group)).stats.parkedMessageCount === 3n)
    const parked = await collect(
      server.client.readStream(`$persistentsubscription-${stream}::${group}-parked`, { resolveLinkTos: true }),
    )
    expect(parked.map(({ event }) => [event!.streamId, event!.revision])).toEqual(
      [0n, 1n, 2n].map((revision) => [stream, revision]),
    )
    await server.client.replayParkedMessagesToStream(stream, group, { stopAt: 2n })
    await consumer.until(5)
    expect(consumer.revisions().slice(3)).toEqual([0, 1])
    await consumer.ack(...consumer.events.slice(3))
    await eventually(async () => (await info(stream, group)).stats.parkedMessageCount === 1n)
    await server.client.replayParkedMessagesToStream(stream, group)
    await consumer.until(6)
    expect(consumer.revisions()[5]).toBe(2)
  })

  it('parks what was tried too often', async () => {
    const { stream, group } = await aGroup({ startFrom: START, maxRetryCount: 2 }, 1)
    const consumer = join(stream, group, 'retry')
    await eventually(async () => (await info(stream, group)).stats.parkedMessageCount === 1n)
    expect(consumer.events.map(({ retryCount }) => retryCount)).toEqual([0, 1, 2])
  })

  /** Six of ten events dealt with, and that noted. */
  async function aGroupHalfWay() {
    const settings: Settings = { startFrom: START, checkPointLowerBound: 1, checkPointUpperBound: 1 }
    const { stream, group } = await aGroup(settings, 10)
    const first = join(stream, group, 'hold')
    await first.until(10)
    await first.ack(...first.events.slice(0, 6))
    await eventually(async () => (await info(stream, group)).stats.lastCheckpointedEventRevision === 5n)
    // EventStoreDB tells of a checkpoint before it is written, as an event of this stream.
    const checkpoints = `$persistentsubscription-${stream}::${group}-checkpoint`
    for (const giveUp = Date.now() + 2000; !isEmbedded && Date.now() < giveUp; await pause(50))
      if (
        await collect(server.client.readStream(checkpoints)).then(
          (kept) => kept.length > 0,
          () => false,
        )
      )
        break
    return { stream, group, settings, first }
  }

  it('goes on after its checkpoint when it is changed', async () => {
    const { stream, group, settings, first } = await aGroupHalfWay()
    await server.client.updatePersistentSubscriptionToStream(
      stream,
      group,
      persistentSubscriptionToStreamSettingsFromDefaults(settings),
    )
    expect(await first.failure).toBeInstanceOf(PersistentSubscriptionDroppedError)
    const second = join(stream, group, 'ack')
    await second.until(4)
    expect(second.revisions()).toEqual([6, 7, 8, 9])
  })

  // Everybody's consumers are dropped by this: not at a server that others use.
  it.runIf(isEmbedded)('goes on after its checkpoint when its subsystem is restarted', async () => {
    const { stream, group, first } = await aGroupHalfWay()
    await server.client.restartPersistentSubscriptionSubsystem()
    expect(await first.failure).toBeInstanceOf(PersistentSubscriptionDroppedError)
    const second = join(stream, group, 'ack')
    await second.until(4)
    expect(second.revisions()).toEqual([6, 7, 8, 9])
  })

  it('follows links when told to, and is answered with the link', async () => {
    const stream = aStream()
    const links = aStream()
    const group = randomUUID()
    await server.client.appendToStream(stream, someEvents(1, 'Target'))
    await server.client.appendToStream(links, {
      id: randomUUID(),
      type: '$>',
      contentType: 'application/octet-stream',
      data: Buffer.from(`0@${stream}`),
    } as never)
    await make(links, group, { startFrom: START, resolveLinkTos: true })
    const consumer = join(links, group, 'ack')
    await consumer.until(1)
    expect(consumer.events[0]!.event).toMatchObject({ type: 'Target', streamId: stream })
    expect(consumer.events[0]!.link).toMatchObject({ streamId: links })
    await eventually(async () => (await info(links, group)).stats.totalInFlightMessages === 0)
  })
})

describe('consumers of one group', () => {
  it('take turns', async () => {
    const { stream, group } = await aGroup({ startFrom: START, consumerStrategyName: ROUND_ROBIN })
    const [one, two] = [join(stream, group, 'ack'), join(stream, group, 'ack')]
    await Promise.all([one.joined, two.joined])
    await server.client.appendToStream(stream, someEvents(20))
    await eventually(() => one.events.length + two.events.length === 20)
    expect(one.events).toHaveLength(10)
  })

  it('or leave all to one while it has room', async () => {
    const { stream, group } = await aGroup({ startFrom: START, consumerStrategyName: DISPATCH_TO_SINGLE })
    const one = join(stream, group, 'hold', 5)
    await one.joined
    const two = join(stream, group, 'hold', 5)
    await two.joined
    await server.client.appendToStream(stream, someEvents(7))
    await two.until(2)
    expect([one.events.length, two.events.length]).toEqual([5, 2])
  })

  it('or each keep to their streams', async () => {
    const key = `pin${randomUUID().slice(0, 8)}`
    const group = randomUUID()
    // Elsewhere there may be millions of events before ours.
    const { position } = await server.client.appendToStream(aStream(), anEvent())
    await server.client.createPersistentSubscriptionToAll(
      group,
      persistentSubscriptionToAllSettingsFromDefaults({
        startFrom: isEmbedded ? START : position!,
        consumerStrategyName: PINNED,
      }),
      { filter: streamNameFilter({ prefixes: [`${key}-`] }) },
    )
    leftovers.push(() => server.client.deletePersistentSubscriptionToAll(group))
    const consumers = [joinAll(group), joinAll(group), joinAll(group)]
    await Promise.all(consumers.map(({ joined }) => joined))
    for (let round = 0; round < 4; round++)
      for (let i = 0; i < 12; i++) await server.client.appendToStream(`${key}-${i}`, anEvent())
    await eventually(() => consumers.reduce((sum, { events }) => sum + events.length, 0) === 48)
    const streamsOf = consumers.map(({ events }) => new Set(events.map(({ event }) => event!.streamId)))
    expect(streamsOf.reduce((sum, { size }) => sum + size, 0)).toBe(12)
    expect(streamsOf.filter(({ size }) => size > 0).length).toBeGreaterThan(1)
  })

  it('are no more than allowed', async () => {
    const { stream, group } = await aGroup({ startFrom: START, maxSubscriberCount: 1 })
    await join(stream, group, 'ack').joined
    expect(await join(stream, group, 'ack').failure).toBeInstanceOf(
      PersistentSubscriptionMaximumSubscribersReachedError,
    )
  })
})

describe('groups', () => {
  it('are made once', async () => {
    const { stream, group } = await aGroup()
    const error = await errorOf(
      server.client.createPersistentSubscriptionToStream(
        stream,
        group,
        persistentSubscriptionToStreamSettingsFromDefaults(),
      ),
    )
    expect(error).toBeInstanceOf(PersistentSubscriptionExistsError)
    expect(error).toMatchObject({ streamName: stream, groupName: group })
  })

  it('tell their settings, as they were made and as they were changed', async () => {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({
      startFrom: 3n,
      maxRetryCount: 12,
      consumerStrategyName: PINNED,
      extraStatistics: true,
    })
    const { stream, group } = await aGroup(settings)
    expect((await info(stream, group)).settings).toEqual(settings)
    const changed = persistentSubscriptionToStreamSettingsFromDefaults({
      startFrom: END,
      checkPointUpperBound: 1,
      maxSubscriberCount: 5,
    })
    const consumer = join(stream, group, 'ack')
    await consumer.joined
    await server.client.updatePersistentSubscriptionToStream(stream, group, changed)
    expect((await info(stream, group)).settings).toEqual(changed)
    expect(await consumer.failure).toBeInstanceOf(PersistentSubscriptionDroppedError)
  })

  it('tell who is connected and how it goes', async () => {
    const { stream, group } = await aGroup({ startFrom: START, extraStatistics: true }, 3)
    const consumer = join(stream, group, 'ack')
    await consumer.until(3)
    await eventually(async () => (await info(stream, group)).connections[0]?.inFlightMessages === 0)
    const { connections, stats } = await info(stream, group)
    expect(connections).toHaveLength(1)
    expect(connections[0]).toMatchObject({
      connectionName: server.client.connectionName,
      totalItems: 3n,
      availableSlots: 10,
    })
    expect(connections[0]!.extraStatistics!.get('quintile 3')).toBeDefined()
    expect(stats).toMatchObject({ totalItems: 3n, lastKnownEventRevision: 2n })
  })

  it.each([
    ['a batch as large as the buffer of the past', { readBatchSize: 20, historyBufferSize: 20 }],
    ['a batch larger than it', { readBatchSize: 21, historyBufferSize: 20 }],
  ])('with %s are refused', async (_, settings) => {
    const refused = await errorOf(
      server.client.createPersistentSubscriptionToStream(
        aStream(),
        'group',
        persistentSubscriptionToStreamSettingsFromDefaults(settings),
      ),
    )
    expect(refused).toMatchObject({ type: 'persistent-subscription-failed' })
    const { stream, group } = await aGroup()
    const change = persistentSubscriptionToStreamSettingsFromDefaults(settings)
    expect(await errorOf(server.client.updatePersistentSubscriptionToStream(stream, group, change))).toMatchObject({
      type: 'persistent-subscription-failed',
    })
    expect((await info(stream, group)).settings.readBatchSize).toBe(20)
  })

  it.each([
    ['beyond the end of $all', { commit: 2n ** 60n, prepare: 2n ** 60n }],
    ['whose commit comes before its prepare', { commit: 100n, prepare: 200n }],
  ])('with a start %s are refused', async (_, startFrom) => {
    const settings = persistentSubscriptionToAllSettingsFromDefaults({ startFrom })
    expect(
      await errorOf(server.client.createPersistentSubscriptionToAll(`group-${randomUUID()}`, settings)),
    ).toMatchObject({ type: 'persistent-subscription-failed' })
  })

  it('are in an event before the answer', async () => {
    const { stream, group } = await aGroup({ startFrom: 5n })
    const newest = async () => {
      const [read] = await collect(
        server.client.readStream('$persistentSubscriptionConfig', {
          direction: BACKWARDS,
          fromRevision: END,
          maxCount: 1,
        }),
      )
      return read!.event as unknown as {
        type: string
        data: { entries: { stream: string; group: string; startFrom: string }[] }
      }
    }
    expect((await newest()).type).toBe('$PersistentConfig')
    const entry = expect.objectContaining({ stream, group, startFrom: '5' }) as object
    expect((await newest()).data.entries).toContainEqual(entry)
    await server.client.deletePersistentSubscriptionToStream(stream, group)
    leftovers.pop()
    expect((await newest()).data.entries).not.toContainEqual(entry)
  })

  it('of $all are not handed what they have parked, nor are others that read or follow $all', async () => {
    const stream = aStream()
    const group = `group-${randomUUID()}`
    const { position: before } = await server.client.appendToStream(stream, anEvent())
    await server.client.createPersistentSubscriptionToAll(
      group,
      persistentSubscriptionToAllSettingsFromDefaults({ startFrom: before! }),
    )
    leftovers.push(() => server.client.deletePersistentSubscriptionToAll(group))
    const consumer = server.client.subscribeToPersistentSubscriptionToAll(group)
    const handed: string[] = []
    consumer.on('error', () => {}) // it is dropped with its group, should it not have left by then
    consumer.on('data', (given) => {
      handed.push(given.event?.streamId ?? '')
      void (given.event?.streamId === stream ? consumer.nack(PARK, 'no', given) : consumer.ack(given))
    })
    const followed: string[] = []
    const filter = streamNameFilter({ prefixes: ['$persistentsubscription-', stream] })
    const followers = [
      server.client.subscribeToAll({ fromPosition: before! }),
      server.client.subscribeToAll({ fromPosition: before!, filter }),
    ]
    for (const follower of followers) follower.on('data', ({ event }) => void followed.push(event!.streamId))
    const parked = `$persistentsubscription-$all::${group}-parked`
    await eventually(async () => (await collect(server.client.readStream(parked)).catch(() => [])).length === 1)
    await server.client.appendToStream(stream, anEvent())
    await eventually(() => handed.filter((name) => name === stream).length === 2)
    await eventually(async () => (await collect(server.client.readStream(parked))).length === 2)
    await server.client.appendToStream(stream, anEvent())
    await eventually(() => followed.filter((name) => name === stream).length === 4)
    const all = { fromPosition: before!, maxCount: 5_000 }
    for (const read of [
      server.client.readAll(all),
      server.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 50 }),
    ])
      expect((await collect(read)).filter(({ event }) => event?.streamId === parked)).toEqual([])
    expect([...handed, ...followed]).not.toContain(parked)
    await consumer.unsubscribe()
    for (const follower of followers) await follower.unsubscribe()
  })

  it('are listed, of one stream or all', async () => {
    const { stream, group } = await aGroup()
    await make(stream, `${group}2`)
    expect((await listed(stream)).sort()).toEqual([group, `${group}2`].sort())
    const all = await server.client.listAllPersistentSubscriptions()
    expect(all.map(({ groupName }) => groupName)).toEqual(expect.arrayContaining([group, `${group}2`]))
  })

  it('that are deleted let their consumers go, and are gone', async () => {
    const { stream, group } = await aGroup()
    const consumer = join(stream, group, 'ack')
    await consumer.joined
    await server.client.deletePersistentSubscriptionToStream(stream, group)
    expect(await consumer.failure).toBeInstanceOf(PersistentSubscriptionDroppedError)
    for (const attempt of [
      () => server.client.getPersistentSubscriptionToStreamInfo(stream, group),
      () => server.client.deletePersistentSubscriptionToStream(stream, group),
      () => server.client.replayParkedMessagesToStream(stream, group),
      () =>
        server.client.updatePersistentSubscriptionToStream(
          stream,
          group,
          persistentSubscriptionToStreamSettingsFromDefaults(),
        ),
    ])
      expect(await errorOf(attempt())).toBeInstanceOf(PersistentSubscriptionDoesNotExistError)
    expect(await listed(stream)).toEqual([])
    const all = await server.client.listAllPersistentSubscriptions()
    expect(all.map(({ groupName }) => groupName)).not.toContain(group)
    expect(await join(stream, group, 'ack').failure).toBeInstanceOf(PersistentSubscriptionDoesNotExistError)
  })
})

// ---- fixtures ----------------------------------------------------------------------------------------------------------------

const consumers: { leave(): Promise<void> }[] = []
const leftovers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.leave()
  for (const remove of leftovers.splice(0))
    await remove().catch((error: unknown) => {
      if (!(error instanceof PersistentSubscriptionDoesNotExistError)) throw error
    })
})

function join(stream: string, group: string, answer: 'ack' | 'retry' | 'hold', bufferSize = 10) {
  // A client of its own: being dropped disturbs whoever shares the connection.
  const client = EventStoreDBClient.connectionString(
    withSetting(server.connectionString, 'connectionName', server.client.connectionName),
  )
  return listen(client, client.subscribeToPersistentSubscriptionToStream(stream, group, { bufferSize }), answer)
}

function joinAll(group: string) {
  const client = EventStoreDBClient.connectionString(server.connectionString)
  return listen(client, client.subscribeToPersistentSubscriptionToAll(group), 'ack')
}

function listen(
  client: EventStoreDBClient,
  subscription: PersistentSubscriptionToStream | PersistentSubscriptionToAll,
  answer: 'ack' | 'retry' | 'hold',
) {
  const events: PersistentSubscriptionToStreamResolvedEvent[] = []
  const mine = subscription as PersistentSubscriptionToStream
  const failure = new Promise<Error>((resolve) => mine.on('error', resolve))
  const joined = new Promise<void>((resolve) => mine.on('confirmation', resolve))
  mine.on('data', (event) => {
    events.push(event)
    if (answer === 'ack') void mine.ack(event)
    if (answer === 'retry') void mine.nack(RETRY, 'not now', event)
  })
  const consumer = {
    events,
    failure,
    joined,
    revisions: () => events.map(({ link, event }) => Number(event?.revision ?? link!.revision)),
    until: (count: number) => eventually(() => events.length >= count),
    ack: (...some: PersistentSubscriptionToStreamResolvedEvent[]) => mine.ack(...some),
    nack: (action: 'park' | 'retry' | 'skip', ...some: PersistentSubscriptionToStreamResolvedEvent[]) =>
      mine.nack(action, 'because', ...some),
    leave: async () => {
      await mine.unsubscribe()
      await Promise.race([client.dispose(), pause(500)])
    },
  }
  consumers.push(consumer)
  return consumer
}

const info = (stream: string, group: string) => server.client.getPersistentSubscriptionToStreamInfo(stream, group)

/** EventStoreDB has an empty list of a stream whose groups are all gone, until it is started anew: then it knows of none. */
async function listed(stream: string): Promise<string[]> {
  try {
    return (await server.client.listPersistentSubscriptionsToStream(stream)).map(({ groupName }) => groupName)
  } catch (error) {
    if (error instanceof PersistentSubscriptionDoesNotExistError) return []
    throw error
  }
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const giveUp = Date.now() + PATIENCE; !(await condition()); await pause(10))
    if (Date.now() > giveUp) throw new Error('Waited in vain')
}
