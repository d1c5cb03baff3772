import { describe, expect, it } from 'vitest'
import { PositionThroughput, Throughput } from '../../src/operations/throughput.ts'

describe('a rate', () => {
  it('counts what came in the last seconds, and forgets the rest', () => {
    const rate = new Throughput(10)
    rate.add(50, 1_000)
    rate.add(50, 5_999)
    expect(rate.perSecond(6_000)).toBe(10)
    expect(rate.perSecond(11_500)).toBe(5)
    rate.add(30, 40_000)
    expect(rate.perSecond(40_000)).toBe(3)
  })
})

describe('a pace', () => {
  it('is known once somebody has looked for a second', () => {
    const pace = new PositionThroughput()
    expect([pace.look(0n, 0), pace.look(1_000n, 5), pace.look(2_000n, 2_000)]).toEqual([null, null, 1_000])
  })
  it('is that of the last half minute', () => {
    const pace = new PositionThroughput()
    for (let second = 0; second <= 100; second++)
      pace.look(BigInt(second < 50 ? second * 1_000 : 50_000), second * 1_000)
    expect(pace.look(50_000n, 101_000)).toBe(0)
  })
  it('starts again where the rebuild did', () => {
    const pace = new PositionThroughput()
    pace.look(5_000n, 0)
    expect([pace.look(10n, 3_000), pace.look(2_010n, 5_000)]).toEqual([null, 1_000])
  })
})
