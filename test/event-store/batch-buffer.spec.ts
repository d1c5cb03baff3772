import { describe, expect, it } from 'vitest'
import { BatchBuffer } from '../../src/event-store/batch-buffer.ts'
import type { PositionedEvent } from '../../src/event-store/stored-event.ts'

describe('a batch', () => {
  it('is full with so many events, and is handed over then', () => {
    const buffer = new BatchBuffer(2)
    buffer.add(event(1n))
    buffer.settle()
    expect([buffer.isFull, buffer.isReady]).toEqual([false, false])
    buffer.add(event(2n))
    expect([buffer.isFull, buffer.isReady]).toEqual([true, true])
    expect(buffer.take()).toEqual({ events: [event(1n), event(2n)], upTo: 2n, caughtUp: false, characters: 8 })
    expect(buffer.isReady).toBe(false)
  })

  it('is whatever has come, once all that the log held has come', () => {
    const buffer = new BatchBuffer(10)
    buffer.add(event(1n))
    buffer.atEnd()
    buffer.settle()
    expect(buffer.take()).toMatchObject({ upTo: 1n, caughtUp: true })
    buffer.add(event(2n))
    expect(buffer.isReady).toBe(true)
    expect(buffer.take()).toMatchObject({ upTo: 2n, caughtUp: false })
  })

  it('says how far the log was read where nothing of ours came', () => {
    const buffer = new BatchBuffer(10)
    buffer.passed(7n)
    buffer.atEnd()
    buffer.settle()
    expect(buffer.take()).toEqual({ events: [], upTo: 7n, caughtUp: true, characters: 0 })
    buffer.passed(5n)
    buffer.settle()
    buffer.add(event(9n))
    expect(buffer.take().upTo).toBe(9n)
  })

  it('does not say that the log was read further than the events in it, while events sent before are on their way', () => {
    const buffer = new BatchBuffer(1)
    buffer.add(event(1n))
    buffer.passed(2n)
    buffer.atEnd()
    expect(buffer.take()).toMatchObject({ upTo: 1n, caughtUp: false })
    buffer.add(event(2n))
    buffer.settle()
    expect(buffer.take()).toMatchObject({ upTo: 2n, caughtUp: true })
  })

  it('forgets the notices of a call that was dropped before the events sent ahead of them came', () => {
    const buffer = new BatchBuffer(10)
    buffer.add(event(1n))
    buffer.passed(9n)
    buffer.atEnd()
    buffer.forgetNotices()
    buffer.settle()
    expect(buffer.isReady).toBe(false)
    expect(buffer.take()).toMatchObject({ upTo: 1n, caughtUp: false })
  })
})

/** Its data hold three characters, its metadata one. */
const event = (position: bigint): PositionedEvent => ({
  id: String(position),
  type: 'Tried',
  stream: 'journey-1',
  revision: 0,
  data: { text: 'abc' },
  metadata: { by: 'x' },
  receivedAt: new Date(0),
  position,
})
