import { describe, expect, it } from 'vitest'
import { isReviewDue, isWarningDue, quietSince } from '../../src/domain/journey/needs.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { believedNow } from '../../src/domain/journey/replay.ts'
import { programmes } from '../../src/domain/programme.ts'
import { recorded, type Fact } from './given.ts'
import {
  attendance,
  breached,
  completed,
  correction,
  droppedOut,
  recalled,
  referred,
  reviewed,
  warned,
} from './words.ts'

const facts = (...told: Fact<JourneyEvent>[]) => believedNow(recorded(...told))
const missed = (...sessions: string[]) => sessions.map((id) => attendance(id, 'UAAB'))
const attended = (...sessions: string[]) => sessions.map((id) => attendance(id, 'ATTC'))
const ordered = programmes[0]!.sessions.map(({ id }) => id)
const beforeMid = ordered.slice(0, ordered.indexOf('MR'))
const beforeFinal = ordered.slice(0, ordered.indexOf('FR')).filter((id) => id !== 'MR')

describe('a warning is due', () => {
  it.each([
    [false, [referred]],
    [false, [referred, ...missed('F1')]],
    [true, [referred, ...missed('F1', 'F2')]],
    [false, [referred, ...missed('F1', 'F2'), warned]],
    [false, [referred, ...missed('F1', 'F2', 'F3'), warned]],
    [true, [referred, ...missed('F1', 'F2', 'F3', 'F4'), warned]],
    [false, [referred, ...missed('F1', 'F2'), breached]],
    [false, [referred, ...missed('F1', 'F2'), recalled]],
    [false, [referred, ...missed('F1', 'F2'), droppedOut('work')]],
    // A correction takes the absence back.
    [false, [referred, ...missed('F1', 'F2'), correction('F2', 'UAAB', 'AAME', 2)]],
  ])('%j', (due, told) => expect(isWarningDue(facts(...told))).toBe(due))
})

describe('a review is due', () => {
  it.each([
    [false, [referred]],
    [false, [referred, ...attended(...beforeMid.slice(1))]],
    [true, [referred, ...attended(...beforeMid)]],
    // He went on without it.
    [true, [referred, ...attended('F1', 'E1')]],
    [false, [referred, ...attended(...beforeMid, 'MR')]],
    [false, [referred, ...attended(...beforeMid), reviewed]],
    [true, [referred, ...missed('MR'), ...attended(...beforeMid)]],
    [true, [referred, ...attended(...beforeFinal, 'MR')]],
    [true, [referred, ...attended(...beforeFinal), reviewed]],
    [false, [referred, ...attended(...beforeFinal), reviewed, reviewed]],
    [false, [referred, ...attended(...beforeMid), completed]],
  ])('%j', (due, told) => expect(isReviewDue(facts(...told))).toBe(due))

  it('again once the review that was recorded is withdrawn', () => {
    const told = [referred, ...attended(...beforeMid), reviewed]
    const withdrawal: Fact<JourneyEvent> = {
      on: '2025-04-01',
      event: { type: 'RecordWithdrawn', data: { withdraws: told.length - 1, because: 'Of another man.' } },
    }
    expect(isReviewDue(facts(...told))).toBe(false)
    expect(isReviewDue(facts(...told, withdrawal))).toBe(true)
  })
})

it('nothing was recorded lately where the last contact is four weeks old or older', () =>
  expect(quietSince('2025-03-31')).toBe('2025-03-03'))
