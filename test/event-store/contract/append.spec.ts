import { randomUUID } from 'node:crypto'
import {
  ANY,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  WrongExpectedVersionError,
  binaryEvent,
  jsonEvent,
} from '@eventstore/db-client'
import { describe, expect, it } from 'vitest'
import { CLOCKS_DIFFER, aServer, aStream, anEvent, collect, credentials, errorOf, someEvents } from '../target.ts'

const server = aServer()

/** Per-call credentials make the client take the classic Append instead of BatchAppend. */
const ways = [
  { way: 'in a batch', options: {} },
  { way: 'by the classic call', options: { credentials } },
]

describe.each(ways)('an append $way', ({ options }) => {
  it('says the last revision and its position', async () => {
    const stream = aStream()
    const first = await server.client.appendToStream(stream, someEvents(3), options)
    expect(first).toMatchObject({ success: true, nextExpectedRevision: 2n })
    const second = await server.client.appendToStream(stream, anEvent(), options)
    expect(second.nextExpectedRevision).toBe(3n)
    expect(second.position!.commit).toBeGreaterThan(first.position!.commit)
    expect(second.position!.prepare).toBe(second.position!.commit)
  })

  it('keeps type, data, metadata, id and the time', async () => {
    const stream = aStream()
    const before = Date.now()
    const id = randomUUID()
    await server.client.appendToStream(
      stream,
      jsonEvent({ id, type: 'Größe', data: { naïve: '✓' }, metadata: { by: 'me' } }),
      options,
    )
    const [read] = await collect(server.client.readStream(stream))
    expect(read!.event).toMatchObject({
      id,
      streamId: stream,
      type: 'Größe',
      data: { naïve: '✓' },
      metadata: { by: 'me' },
      isJson: true,
      revision: 0n,
    })
    expect(read!.event!.created.getTime()).toBeGreaterThanOrEqual(before - CLOCKS_DIFFER)
    expect(read!.event!.created.getTime()).toBeLessThanOrEqual(Date.now() + CLOCKS_DIFFER)
  })

  it('keeps bytes as they are', async () => {
    const stream = aStream()
    const data = Uint8Array.from({ length: 256 }, (_, i) => i)
    await server.client.appendToStream(stream, binaryEvent({ type: 'Bytes', data, metadata: data }), options)
    const [read] = await collect(server.client.readStream(stream))
    expect(read!.event!.isJson).toBe(false)
    expect(Buffer.from(read!.event!.data as Uint8Array)).toEqual(Buffer.from(data))
    expect(Buffer.from(read!.event!.metadata as Uint8Array)).toEqual(Buffer.from(data))
  })

  it('expecting no stream begins one, once', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision: NO_STREAM })
    const error = await errorOf(
      server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision: NO_STREAM }),
    )
    expect(error).toBeInstanceOf(WrongExpectedVersionError)
    expect(error).toMatchObject({ streamName: stream, expectedVersion: NO_STREAM, actualVersion: 0n })
  })

  it('expecting a revision is refused at any other', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(2), options)
    for (const expectedRevision of [0n, 2n, 100n]) {
      const error = await errorOf(server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision }))
      expect(error).toBeInstanceOf(WrongExpectedVersionError)
      expect(error).toMatchObject({ streamName: stream, expectedVersion: expectedRevision, actualVersion: 1n })
    }
    const { nextExpectedRevision } = await server.client.appendToStream(stream, anEvent(), {
      ...options,
      expectedRevision: 1n,
    })
    expect(nextExpectedRevision).toBe(2n)
    expect(await collect(server.client.readStream(stream))).toHaveLength(3)
  })

  it('expecting a revision of a stream that is not there is refused', async () => {
    const error = await errorOf(
      server.client.appendToStream(aStream(), anEvent(), { ...options, expectedRevision: 4n }),
    )
    expect(error).toMatchObject({ expectedVersion: 4n, actualVersion: NO_STREAM })
  })

  it('expecting the stream to exist is refused where there is none', async () => {
    const stream = aStream()
    const error = await errorOf(
      server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision: STREAM_EXISTS }),
    )
    expect(error).toMatchObject({ expectedVersion: STREAM_EXISTS, actualVersion: NO_STREAM })
    await server.client.appendToStream(stream, anEvent(), options)
    await server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision: STREAM_EXISTS })
  })

  it('expecting anything goes on at the end', async () => {
    const stream = aStream()
    for (let revision = 0n; revision < 5n; revision++) {
      const result = await server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision: ANY })
      expect(result.nextExpectedRevision).toBe(revision)
    }
  })

  it.each([NO_STREAM, ANY] as const)(
    'told twice expecting %s is written once and answered alike',
    async (expectedRevision) => {
      const stream = aStream()
      const events = someEvents(3)
      const first = await server.client.appendToStream(stream, events, { ...options, expectedRevision })
      await server.client.appendToStream(stream, anEvent(), options)
      const again = await server.client.appendToStream(stream, events, { ...options, expectedRevision })
      expect(again).toEqual(first)
      expect(await collect(server.client.readStream(stream))).toHaveLength(4)
    },
  )

  it('told twice at a revision is written once', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(2), options)
    const event = anEvent()
    const first = await server.client.appendToStream(stream, event, { ...options, expectedRevision: 1n })
    const again = await server.client.appendToStream(stream, event, { ...options, expectedRevision: 1n })
    expect(again).toEqual(first)
    expect(await collect(server.client.readStream(stream))).toHaveLength(3)
  })

  it('told twice with a difference is refused', async () => {
    const stream = aStream()
    const [a, b, c] = [anEvent(), anEvent(), anEvent()]
    await server.client.appendToStream(stream, [a, b], { ...options, expectedRevision: NO_STREAM })
    const different = server.client.appendToStream(stream, [a, c], { ...options, expectedRevision: NO_STREAM })
    expect(await errorOf(different)).toBeInstanceOf(WrongExpectedVersionError)
    const longer = server.client.appendToStream(stream, [a, b, c], { ...options, expectedRevision: NO_STREAM })
    expect(await errorOf(longer)).toBeInstanceOf(WrongExpectedVersionError)
    const anyRevision = server.client.appendToStream(stream, [a, c], { ...options, expectedRevision: ANY })
    expect(await errorOf(anyRevision)).toBeInstanceOf(WrongExpectedVersionError)
    expect(await collect(server.client.readStream(stream))).toHaveLength(2)
  })

  it('is all or nothing', async () => {
    const stream = aStream()
    const big = binaryEvent({ type: 'Big', data: new Uint8Array(600 * 1024) })
    const another = binaryEvent({ type: 'Big', data: new Uint8Array(600 * 1024) })
    const error = await errorOf(server.client.appendToStream(stream, [big, another], options))
    expect(error).toBeInstanceOf(MaxAppendSizeExceededError)
    expect(error.maxAppendSize).toBe(1024 * 1024)
    expect(await errorOf(collect(server.client.readStream(stream)))).toMatchObject({ type: 'stream-not-found' })
    await server.client.appendToStream(stream, big, options)
    expect(await collect(server.client.readStream(stream))).toHaveLength(1)
  })

  it('to a tombstoned stream is refused', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent(), options)
    await server.client.tombstoneStream(stream)
    const error = await errorOf(server.client.appendToStream(stream, anEvent(), options))
    expect(error).toBeInstanceOf(StreamDeletedError)
    expect(error.streamName).toBe(stream)
  })

  it('of many at once keeps every one, in the order of each caller', async () => {
    const streams = Array.from({ length: 8 }, () => aStream())
    await Promise.all(
      streams.map(async (stream) => {
        for (let i = 0; i < 25; i++)
          await server.client.appendToStream(stream, anEvent('Tried', { i }), {
            ...options,
            expectedRevision: i === 0 ? NO_STREAM : BigInt(i - 1),
          })
      }),
    )
    for (const stream of streams) {
      const read = await collect(server.client.readStream<{ type: string; data: { i: number } }>(stream))
      expect(read.map(({ event }) => event!.data.i)).toEqual(Array.from({ length: 25 }, (_, i) => i))
    }
  })

  it('of two that expect the same revision lets one through', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent(), options)
    const attempts = await Promise.allSettled(
      Array.from({ length: 16 }, () =>
        server.client.appendToStream(stream, anEvent(), { ...options, expectedRevision: 0n }),
      ),
    )
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await collect(server.client.readStream(stream))).toHaveLength(2)
  })
})

it('a large batch comes in chunks and is still one append', async () => {
  const stream = aStream()
  const events = Array.from({ length: 900 }, () => binaryEvent({ type: 'Chunked', data: new Uint8Array(1000).fill(7) }))
  const { nextExpectedRevision } = await server.client.appendToStream(stream, events, { batchAppendSize: 20_000 })
  expect(nextExpectedRevision).toBe(899n)
  const positions = (await collect(server.client.readStream(stream))).map(({ event }) => event!.position!.commit)
  expect(positions).toEqual([...positions].sort((a, b) => Number(a - b)))
})

it('a batch whose deadline has passed is not written', async () => {
  const stream = aStream()
  const error = await errorOf(server.client.appendToStream(stream, anEvent(), { deadline: -3_600_000 }))
  expect(error).toMatchObject({ type: 'deadline-exceeded' })
  expect(await errorOf(collect(server.client.readStream(stream)))).toMatchObject({ type: 'stream-not-found' })
})
