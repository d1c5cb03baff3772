import {
  ANY,
  BACKWARDS,
  END,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import { describe, expect, it } from 'vitest'
import { aServer, aStream, anEvent, collect, errorOf, someEvents } from '../target.ts'

const server = aServer()
const revisionsOf = async (stream: string) =>
  (await collect(server.client.readStream(stream))).map(({ event }) => Number(event!.revision))

describe('a deleted stream', () => {
  it('is not found', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(3))
    const { position } = await server.client.deleteStream(stream)
    expect(position).toBeDefined()
    expect(await errorOf(revisionsOf(stream))).toBeInstanceOf(StreamNotFoundError)
  })

  it('goes on after its last revision when it is written to again', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.deleteStream(stream, { expectedRevision: 2n })
    const { nextExpectedRevision } = await server.client.appendToStream(stream, someEvents(2), {
      expectedRevision: NO_STREAM,
    })
    expect(nextExpectedRevision).toBe(4n)
    expect(await revisionsOf(stream)).toEqual([3, 4])
    const backwards = await collect(server.client.readStream(stream, { direction: BACKWARDS, fromRevision: END }))
    expect(backwards.map(({ event }) => Number(event!.revision))).toEqual([4, 3])
  })

  it('takes its metadata with it; where it begins again is noted', async () => {
    const stream = aStream()
    await server.client.setStreamMetadata<{ owner: string }>(stream, { owner: 'us', maxCount: 50 })
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.deleteStream(stream)
    await server.client.appendToStream(stream, anEvent())
    const { metadata } = await server.client.getStreamMetadata<{ owner: string }>(stream)
    expect(metadata).toEqual({ truncateBefore: 3 })
  })

  it('keeps the metadata it is given afterwards', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.deleteStream(stream)
    await server.client.setStreamMetadata<{ owner: string }>(stream, { owner: 'us', maxCount: 50 })
    await server.client.appendToStream(stream, anEvent())
    const { metadata } = await server.client.getStreamMetadata<{ owner: string }>(stream)
    expect(metadata).toEqual({ owner: 'us', maxCount: 50, truncateBefore: 3 })
  })

  it('may be deleted again, and tombstoned', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.deleteStream(stream)
    await server.client.deleteStream(stream, { expectedRevision: 2n })
    expect(await errorOf(revisionsOf(stream))).toBeInstanceOf(StreamNotFoundError)
    await server.client.tombstoneStream(stream)
    expect(await errorOf(revisionsOf(stream))).toBeInstanceOf(StreamDeletedError)
  })

  it('does not come back when its metadata are set', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(3))
    await server.client.deleteStream(stream)
    await server.client.setStreamMetadata(stream, { maxCount: 10 })
    await server.client.appendToStream(stream, anEvent())
    expect(await revisionsOf(stream)).toEqual([3])
  })

  it('is refused to who expects it to exist', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent())
    await server.client.deleteStream(stream)
    const error = await errorOf(server.client.appendToStream(stream, anEvent(), { expectedRevision: STREAM_EXISTS }))
    expect(error).toBeInstanceOf(StreamDeletedError)
    await server.client.appendToStream(stream, anEvent(), { expectedRevision: NO_STREAM })
  })

  it('still stands in $all', async () => {
    const stream = aStream()
    const { position } = await server.client.appendToStream(stream, someEvents(2))
    await server.client.deleteStream(stream)
    const [read] = await collect(server.client.readAll({ fromPosition: position!, maxCount: 1 }))
    expect(read!.event).toMatchObject({ streamId: stream, revision: 1n })
  })
})

describe('deleting', () => {
  it.each([['deleteStream' as const], ['tombstoneStream' as const]])(
    '%s at another revision is refused',
    async (remove) => {
      const stream = aStream()
      await server.client.appendToStream(stream, someEvents(3))
      const error = await errorOf(server.client[remove](stream, { expectedRevision: 1n }))
      expect(error).toBeInstanceOf(WrongExpectedVersionError)
      expect(error).toMatchObject({ streamName: stream, expectedVersion: 1n, actualVersion: 2n })
      expect(await revisionsOf(stream)).toEqual([0, 1, 2])
      await server.client[remove](stream, { expectedRevision: 2n })
      expect(await errorOf(revisionsOf(stream))).toBeInstanceOf(Error)
    },
  )

  it('a stream that is not there is refused', async () => {
    expect(await errorOf(server.client.deleteStream(aStream(), { expectedRevision: 0n }))).toBeInstanceOf(
      WrongExpectedVersionError,
    )
    expect(await errorOf(server.client.deleteStream(aStream(), { expectedRevision: ANY }))).toBeInstanceOf(
      WrongExpectedVersionError,
    )
  })

  it('a tombstoned stream is refused for ever', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent())
    await server.client.tombstoneStream(stream, { expectedRevision: 0n })
    expect(await errorOf(server.client.deleteStream(stream))).toBeInstanceOf(StreamDeletedError)
    expect(await errorOf(server.client.tombstoneStream(stream))).toBeInstanceOf(StreamDeletedError)
    expect(
      await errorOf(server.client.appendToStream(stream, anEvent(), { expectedRevision: NO_STREAM })),
    ).toBeInstanceOf(StreamDeletedError)
    expect(await errorOf(server.client.setStreamMetadata(stream, { maxCount: 1 }))).toBeInstanceOf(StreamDeletedError)
  })

  it('a stream that never was can be tombstoned', async () => {
    const stream = aStream()
    await server.client.tombstoneStream(stream, { expectedRevision: NO_STREAM })
    expect(await errorOf(server.client.appendToStream(stream, anEvent()))).toBeInstanceOf(StreamDeletedError)
  })

  it('a tombstone stands in $all as the last event of its stream', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, anEvent())
    const { position } = await server.client.tombstoneStream(stream)
    const [read] = await collect(server.client.readAll({ fromPosition: position!, maxCount: 1 }))
    expect(read!.event).toMatchObject({ streamId: stream, type: '$streamDeleted', revision: 9223372036854775807n })
  })
})

describe('stream metadata', () => {
  it('are kept as they were set, custom fields and all', async () => {
    const stream = aStream()
    const metadata = {
      maxCount: 10,
      maxAge: 3600,
      truncateBefore: 2,
      cacheControl: 30,
      acl: { readRoles: ['$all'], writeRoles: ['$admins'] },
      custom: { deep: [1, 'two'] },
    }
    await server.client.setStreamMetadata(stream, metadata)
    const read = await server.client.getStreamMetadata(stream)
    expect(read.metadata).toEqual(metadata)
    expect(read.metastreamRevision).toBeDefined()
  })

  it('of a stream without any are none', async () => {
    const { metadata } = await server.client.getStreamMetadata(aStream())
    expect(metadata).toBeUndefined()
  })

  it('are written at an expected revision like everything else', async () => {
    const stream = aStream()
    await server.client.setStreamMetadata(stream, { maxCount: 10 }, { expectedRevision: NO_STREAM })
    const error = await errorOf(
      server.client.setStreamMetadata(stream, { maxCount: 11 }, { expectedRevision: NO_STREAM }),
    )
    expect(error).toBeInstanceOf(WrongExpectedVersionError)
    await server.client.setStreamMetadata(stream, { maxCount: 12 }, { expectedRevision: 0n })
    expect((await server.client.getStreamMetadata(stream)).metadata).toEqual({ maxCount: 12 })
  })

  it('a count shows the newest only', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(10))
    await server.client.setStreamMetadata(stream, { maxCount: 3 })
    expect(await revisionsOf(stream)).toEqual([7, 8, 9])
    await server.client.appendToStream(stream, someEvents(2))
    expect(await revisionsOf(stream)).toEqual([9, 10, 11])
    const backwards = await collect(server.client.readStream(stream, { direction: BACKWARDS, fromRevision: END }))
    expect(backwards.map(({ event }) => Number(event!.revision))).toEqual([11, 10, 9])
  })

  it('a truncation hides what stands before', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(5))
    await server.client.setStreamMetadata(stream, { truncateBefore: 3 })
    expect(await revisionsOf(stream)).toEqual([3, 4])
    const paged = await collect(server.client.readStream(stream, { fromRevision: 1n, maxCount: 1 }))
    expect(paged.map(({ event }) => Number(event!.revision))).toEqual([3])
  })

  it('a truncation beyond the end leaves an empty stream, not a missing one', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(5))
    await server.client.setStreamMetadata(stream, { truncateBefore: 100 })
    expect(await revisionsOf(stream)).toEqual([])
    await server.client.appendToStream(stream, anEvent(), { expectedRevision: 4n })
  })

  it('an age hides what is older', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(2))
    await server.client.setStreamMetadata(stream, { maxAge: 1 })
    expect(await revisionsOf(stream)).toEqual([0, 1])
    await new Promise((resolve) => setTimeout(resolve, 1300))
    await server.client.appendToStream(stream, anEvent())
    expect(await revisionsOf(stream)).toEqual([2])
  })

  it('hide nothing in $all', async () => {
    const stream = aStream()
    const { position } = await server.client.appendToStream(stream, someEvents(5))
    await server.client.setStreamMetadata(stream, { maxCount: 1 })
    const before = await collect(server.client.readAll({ fromPosition: position!, direction: BACKWARDS, maxCount: 4 }))
    expect(before.map(({ event }) => [event!.streamId, Number(event!.revision)])).toEqual(
      [3, 2, 1, 0].map((revision) => [stream, revision]),
    )
  })

  it('of a metadata stream only the last is shown', async () => {
    const stream = aStream()
    for (const maxCount of [1, 2, 3]) await server.client.setStreamMetadata(stream, { maxCount })
    const read = await collect(server.client.readStream(`$$${stream}`))
    expect(read.map(({ event }) => event!.data)).toEqual([{ $maxCount: 3 }])
    expect(read[0]!.event).toMatchObject({ type: '$metadata', revision: 2n })
  })
})
