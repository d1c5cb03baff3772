import { BACKWARDS, END, FORWARDS, START, StreamNotFoundError, StreamDeletedError } from '@eventstore/db-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { aServer, aStream, anEvent, collect, errorOf, isEmbedded, someEvents } from '../target.ts'

const server = aServer()

describe('reading a stream', () => {
  const stream = aStream()
  beforeAll(() => server.client.appendToStream(stream, someEvents(10)))
  const revisions = async (options: Parameters<typeof server.client.readStream>[1]) =>
    (await collect(server.client.readStream(stream, options))).map(({ event }) => Number(event!.revision))

  it('begins at the start and ends at the end', async () => {
    expect(await revisions({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('begins with the revision asked for, both ways', async () => {
    expect(await revisions({ fromRevision: 7n })).toEqual([7, 8, 9])
    expect(await revisions({ fromRevision: 2n, direction: BACKWARDS })).toEqual([2, 1, 0])
  })

  it('runs backwards from the end', async () => {
    expect(await revisions({ fromRevision: END, direction: BACKWARDS, maxCount: 3 })).toEqual([9, 8, 7])
  })

  it('backwards from the start is the first event', async () => {
    expect(await revisions({ fromRevision: START, direction: BACKWARDS })).toEqual([0])
  })

  it('gives as many as were asked for', async () => {
    expect(await revisions({ maxCount: 4, fromRevision: 3n, direction: FORWARDS })).toEqual([3, 4, 5, 6])
  })

  it('beyond the end is empty', async () => {
    expect(await revisions({ fromRevision: 10n })).toEqual([])
    expect(await revisions({ fromRevision: 100n, direction: BACKWARDS })).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  })

  it('that is not there says so', async () => {
    const missing = aStream()
    const error = await errorOf(collect(server.client.readStream(missing)))
    expect(error).toBeInstanceOf(StreamNotFoundError)
    expect(error.streamName).toBe(missing)
  })

  it('that is tombstoned says so', async () => {
    const gone = aStream()
    await server.client.appendToStream(gone, anEvent())
    await server.client.tombstoneStream(gone)
    const error = await errorOf(collect(server.client.readStream(gone)))
    expect(error).toBeInstanceOf(StreamDeletedError)
    expect(error.streamName).toBe(gone)
  })

  it('of thousands of events comes whole and in order', async () => {
    const long = aStream()
    for (let i = 0; i < 5; i++) await server.client.appendToStream(long, someEvents(1000))
    const read = await collect(server.client.readStream(long))
    expect(read.map(({ event }) => Number(event!.revision))).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  })

  it('can be stopped half way', async () => {
    const long = aStream()
    await server.client.appendToStream(long, someEvents(3000))
    const reading = server.client.readStream(long)
    let seen = 0
    await new Promise<void>((resolve) => reading.on('data', () => ++seen === 3 && resolve()))
    await reading.cancel()
    expect(await revisions({ maxCount: 1 })).toEqual([0])
  })

  it('whose name needs care keeps it', async () => {
    for (const name of [
      aStream('Ünïcode ✓ 名前'),
      aStream('quo\'te"s'),
      aStream('a b\tc'),
      aStream('%41%'),
      aStream('x'.repeat(300)),
    ]) {
      await server.client.appendToStream(name, anEvent())
      const [read] = await collect(server.client.readStream(name))
      expect(read!.event!.streamId).toBe(name)
    }
  })
})

describe('reading $all', () => {
  const stream = aStream('all')
  let positions: bigint[]
  beforeAll(async () => {
    await server.client.appendToStream(stream, someEvents(20))
    positions = (await collect(server.client.readStream(stream))).map(({ event }) => event!.position!.commit)
  })
  const at = (position: bigint) => ({ commit: position, prepare: position })
  const numbers = Array.from({ length: 20 }, (_, i) => i)
  /** The events of one append stand next to each other, so a read of as many as there are meets nobody else's. */
  const read = async (options: Parameters<typeof server.client.readAll>[0]) =>
    (await collect(server.client.readAll(options))).map(({ event }) => [event!.streamId, Number(event!.revision)])
  const mine = (revisions: number[]) => revisions.map((revision) => [stream, revision])

  it('gives every event its own, growing position, the one it has in its stream', async () => {
    const all = await collect(server.client.readAll({ fromPosition: at(positions[0]!), maxCount: 1000 }))
    const found = all.map(({ event }) => event!.position!.commit)
    expect(found).toEqual([...new Set(found)].sort((a, b) => (a < b ? -1 : 1)))
    expect(found.slice(0, 20)).toEqual(positions)
  })

  it('holds events of the server itself beside those of its users', async () => {
    const other = aStream('all')
    const { position } = await server.client.appendToStream(other, anEvent())
    await server.client.setStreamMetadata(other, { maxCount: 7 })
    const all = await collect(server.client.readAll({ fromPosition: position!, maxCount: 1000 }))
    expect(all[0]!.event!.streamId).toBe(other)
    expect(all.find(({ event }) => event!.streamId === `$$${other}`)?.event).toMatchObject({
      type: '$metadata',
      data: { $maxCount: 7 },
    })
  })

  it('forwards begins with the position asked for', async () => {
    expect(await read({ fromPosition: at(positions[5]!), maxCount: 3 })).toEqual(mine([5, 6, 7]))
  })

  it('backwards begins before the position asked for', async () => {
    expect(await read({ fromPosition: at(positions[5]!), direction: BACKWARDS, maxCount: 3 })).toEqual(mine([4, 3, 2]))
  })

  it('backwards from the end begins with the newest', async () => {
    const fresh = aStream('all')
    const { position } = await server.client.appendToStream(fresh, anEvent('Newest'))
    const all = await collect(server.client.readAll({ fromPosition: END, direction: BACKWARDS, maxCount: 1000 }))
    const found = all.map(({ event }) => event!.position!.commit)
    expect(found).toEqual([...found].sort((a, b) => (a > b ? -1 : 1)))
    const mine = all.findIndex(({ event }) => event!.streamId === fresh)
    expect(all[mine]?.event).toMatchObject({ type: 'Newest', position })
    // Nobody else writes to a store of our own.
    if (isEmbedded) expect(mine).toBe(0)
  })

  it('forwards from the end gives nothing that was there', async () => {
    const { position } = await server.client.appendToStream(aStream('all'), anEvent())
    const beyond = await collect(server.client.readAll({ fromPosition: END, maxCount: 10 }))
    expect(beyond.filter(({ event }) => event!.position!.commit <= position!.commit)).toEqual([])
    if (isEmbedded) expect(beyond).toEqual([])
  })

  it.runIf(isEmbedded)('from the start gives everything, whichever way it is read', async () => {
    const told = async (options: Parameters<typeof server.client.readAll>[0]) =>
      (await collect(server.client.readAll(options))).map(({ event }) => event!.id)
    const forwards = await told({})
    expect(forwards.length).toBeGreaterThan(8000)
    expect(await told({ direction: BACKWARDS, fromPosition: END })).toEqual([...forwards].reverse())
  })

  it('agrees with the streams, whichever way it is read', async () => {
    expect(await read({ fromPosition: at(positions[0]!), maxCount: 20 })).toEqual(mine(numbers))
    const backwards = await read({ fromPosition: at(positions[19]!), direction: BACKWARDS, maxCount: 19 })
    expect(backwards).toEqual(mine(numbers.slice(0, 19).reverse()))
  })

  it('an append tells the position at which its last event is read', async () => {
    const fresh = aStream('all')
    const { position } = await server.client.appendToStream(fresh, someEvents(3))
    const [read] = await collect(server.client.readAll({ fromPosition: position!, maxCount: 1 }))
    expect(read!.event).toMatchObject({ streamId: fresh, revision: 2n })
    expect(read!.commitPosition).toBe(position!.commit)
  })
})
