import { randomUUID } from 'node:crypto'
import type { EventData } from '@eventstore/db-client'
import { BACKWARDS, END, START } from '@eventstore/db-client'
import type { TestContext } from 'vitest'
import { beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE, aServer, aStream, anEvent, collect, errorOf, isEmbedded, someEvents } from '../target.ts'

const server = aServer()

/** A link is an event that names another: type `$>`, data `revision@stream`. */
const linkTo = (stream: string, revision: bigint | number): EventData =>
  ({
    id: randomUUID(),
    type: '$>',
    contentType: 'application/octet-stream',
    data: Buffer.from(`${revision}@${stream}`) as unknown as Uint8Array,
    metadata: undefined,
  }) as unknown as EventData

describe('a link', () => {
  it('leads to the event it names, when asked to', async () => {
    const [stream, links] = [aStream(), aStream()]
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.appendToStream(links, [linkTo(stream, 2), linkTo(stream, 0)])
    const resolved = await collect(server.client.readStream(links, { resolveLinkTos: true }))
    expect(resolved.map(({ event }) => [event!.streamId, event!.revision])).toEqual([
      [stream, 2n],
      [stream, 0n],
    ])
    expect(resolved.map(({ link }) => [link!.streamId, link!.revision])).toEqual([
      [links, 0n],
      [links, 1n],
    ])
    const plain = await collect(server.client.readStream(links))
    expect(plain.map(({ event, link }) => [event!.type, link])).toEqual([
      ['$>', undefined],
      ['$>', undefined],
    ])
  })

  it('whose event cannot be read is the link alone', async () => {
    const [stream, links] = [aStream(), aStream()]
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.setStreamMetadata(stream, { truncateBefore: 2 })
    await server.client.appendToStream(links, [
      linkTo(stream, 1),
      linkTo(stream, 9),
      linkTo(aStream(), 0),
      linkTo(stream, 2),
    ])
    const resolved = await collect(server.client.readStream(links, { resolveLinkTos: true }))
    expect(resolved.map(({ event }) => event?.revision)).toEqual([undefined, undefined, undefined, 2n])
    expect(resolved.map(({ link }) => link!.revision)).toEqual([0n, 1n, 2n, 3n])
  })

  it.runIf(isEmbedded)('whose event cannot be named is the link alone', async () => {
    const links = aStream()
    await server.client.appendToStream(links, [linkTo(links, 9999999999999999999n), linkTo('', 0)])
    const resolved = await collect(server.client.readStream(links, { resolveLinkTos: true }))
    expect(resolved.map(({ event, link }) => [event, link!.revision])).toEqual([
      [undefined, 0n],
      [undefined, 1n],
    ])
  })

  it('leads on in $all too, read or subscribed to', async () => {
    const [stream, links] = [aStream(), aStream()]
    await server.client.appendToStream(stream, anEvent('Target'))
    const { position } = await server.client.appendToStream(links, linkTo(stream, 0))
    const [read] = await collect(server.client.readAll({ fromPosition: position!, maxCount: 1, resolveLinkTos: true }))
    expect(read!.event!.type).toBe('Target')
    expect(read!.link!.streamId).toBe(links)
    expect(read!.commitPosition).toBe(position!.commit)
    const subscription = server.client.subscribeToStream(links, { fromRevision: START, resolveLinkTos: true })
    for await (const { event, link } of subscription) {
      expect([event!.type, link!.streamId]).toEqual(['Target', links])
      break
    }
  })
})

describe('the projections of the store', () => {
  const key = `p${randomUUID().slice(0, 8)}`
  const type = `${key}Happened`
  const names = ['$by_category', '$by_event_type', '$by_correlation_id', '$streams', '$stream_by_category']
  /** A server elsewhere is left as it is: nothing is switched on or off there, and what does not run is not asked about. */
  const running = new Set<string>()
  let whyNot = ''
  const needs = (skip: TestContext['skip'], ...needed: string[]) => {
    for (const name of needed) skip(!running.has(name), whyNot || `${name} does not run on this server`)
  }
  beforeAll(async () => {
    await server.client.appendToStream(`${key}-a`, someEvents(2, type))
    await server.client.appendToStream(`${key}-b`, someEvents(1, type))
    if (isEmbedded) for (const name of names) await server.client.enableProjection(name)
    try {
      for (const { name, projectionStatus } of await server.client.listProjections())
        if (projectionStatus.startsWith('Running')) running.add(name)
    } catch (error) {
      if (isEmbedded) throw error
      whyNot = `no projections on this server: ${(error as Error).message}`
    }
    await server.client.appendToStream(`${key}-a`, someEvents(1, type))
  })
  const eventually = async (stream: string, count: number) => {
    for (
      const giveUp = Date.now() + PATIENCE;
      Date.now() < giveUp;
      await new Promise((resolve) => setTimeout(resolve, 20))
    ) {
      const read = await collect(server.client.readStream(stream, { resolveLinkTos: true })).catch(() => [])
      if (read.length >= count) return read
    }
    throw new Error(`${stream} did not reach ${count} events`)
  }

  it('$by_category links every event of a category, old and new, in order', async ({ skip }) => {
    needs(skip, '$by_category')
    const read = await eventually(`$ce-${key}`, 4)
    expect(read.map(({ event }) => `${event!.revision}@${event!.streamId}`)).toEqual([
      `0@${key}-a`,
      `1@${key}-a`,
      `0@${key}-b`,
      `2@${key}-a`,
    ])
    expect(read.map(({ link }) => link!.revision)).toEqual([0n, 1n, 2n, 3n])
  })

  it('$by_event_type links every event of a type', async ({ skip }) => {
    needs(skip, '$by_event_type')
    expect(await eventually(`$et-${type}`, 4)).toHaveLength(4)
  })

  it('$by_correlation_id links what says it belongs together, whatever stream it is in', async ({ skip }) => {
    needs(skip, '$by_correlation_id')
    const id = randomUUID()
    const streams = [aStream(), aStream()]
    for (const stream of streams)
      await server.client.appendToStream(stream, [
        { ...anEvent('Alone'), metadata: { $correlationId: 7 } },
        { ...anEvent('Together'), metadata: { $correlationId: id } },
        { ...anEvent('Alone'), metadata: Buffer.from('{"$correlationId"') },
      ])
    const read = await eventually(`$bc-${id}`, 2)
    expect(read.map(({ event }) => `${event!.revision}@${event!.streamId}`)).toEqual(streams.map((name) => `1@${name}`))
  })

  it('$streams links the first event of every stream', async ({ skip }) => {
    needs(skip, '$streams')
    for (const giveUp = Date.now() + PATIENCE; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const newest = await collect(
        server.client.readStream('$streams', {
          direction: BACKWARDS,
          fromRevision: END,
          maxCount: 5000,
          resolveLinkTos: true,
        }),
      ).catch(() => [])
      const mine = newest
        .filter(({ event }) => event?.streamId.startsWith(`${key}-`))
        .map(({ event }) => event!.streamId)
      if (mine.length === 2) return expect(mine).toEqual([`${key}-b`, `${key}-a`])
      if (Date.now() > giveUp) throw new Error('$streams did not name the streams')
    }
  })

  it('$stream_by_category names the streams of a category', async ({ skip }) => {
    needs(skip, '$stream_by_category')
    const read = await eventually(`$category-${key}`, 2)
    expect(read.map(({ event }) => [event!.type, Buffer.from(event!.data as Uint8Array).toString()])).toEqual([
      ['$@', `${key}-a`],
      ['$@', `${key}-b`],
    ])
  })

  it.runIf(isEmbedded)('link events that follow each other closely in few commits', async () => {
    const [stream, later] = [aStream(), `${key}Later`]
    for (let number = 0; number < 20; number++) await server.client.appendToStream(stream, anEvent(later))
    const links = await eventually(`$et-${later}`, 20)
    expect(new Set(links.map(({ link }) => link!.created.getTime())).size).toBeLessThan(10)
  })

  it('say how they are', async ({ skip }) => {
    skip(whyNot !== '', whyNot)
    const listed = await server.client.listProjections()
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
    for (const name of running)
      expect(await server.client.getProjectionStatus(name)).toMatchObject({
        name,
        projectionStatus: expect.stringMatching(/^Running/) as string,
      })
  })

  it.runIf(isEmbedded)('stop when they are told to, and go on where they were', async () => {
    const status = async () => (await server.client.getProjectionStatus('$stream_by_category')).projectionStatus
    await server.client.disableProjection('$stream_by_category')
    expect(await status()).toBe('Stopped')
    await server.client.appendToStream(`${key}-c`, anEvent(type))
    await server.client.enableProjection('$stream_by_category')
    expect(await status()).toBe('Running')
    const read = await eventually(`$category-${key}`, 3)
    expect(read.map(({ event }) => Buffer.from(event!.data as Uint8Array).toString())).toEqual(
      ['a', 'b', 'c'].map((name) => `${key}-${name}`),
    )
  })

  it.runIf(isEmbedded)('begin anew when their subsystem is restarted', async () => {
    const processed = async () =>
      (await server.client.getProjectionStatus('$by_event_type')).eventsProcessedAfterRestart
    expect(await processed()).toBeGreaterThan(0n)
    await server.client.restartSubsystem()
    expect(await processed()).toBe(0n)
    const stream = aStream(key)
    await server.client.appendToStream(stream, anEvent(`${key}Anew`))
    expect(await eventually(`$et-${key}Anew`, 1)).toHaveLength(1)
  })

  it('that nobody knows are not found', async ({ skip }) => {
    skip(whyNot !== '', whyNot)
    for (const operation of [
      'enableProjection',
      'disableProjection',
      'abortProjection',
      'getProjectionStatus',
    ] as const) {
      const { type, message } = await errorOf(server.client[operation]('nobody-wrote-this'))
      expect(type === 'not-found' || (type === 'unknown' && message.includes('NotFound')), message).toBe(true)
    }
    for (const operation of [
      () => server.client.updateProjection('nobody-wrote-this', 'fromAll()'),
      () => server.client.deleteProjection('nobody-wrote-this'),
      () => server.client.resetProjection('nobody-wrote-this'),
      () => server.client.getProjectionState('nobody-wrote-this'),
      () => server.client.getProjectionResult('nobody-wrote-this'),
    ]) {
      const { type, message } = await errorOf(operation())
      expect(type === 'not-found' || (type === 'unknown' && message.includes('NotFound')), message).toBe(true)
    }
  })

  it.runIf(isEmbedded)('written by users are said not to run here', async () => {
    expect(await errorOf(server.client.createProjection('mine', 'fromAll()'))).toMatchObject({ code: 12 })
  })
})
