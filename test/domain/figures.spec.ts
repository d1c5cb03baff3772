import { describe, expect, it } from 'vitest'
import {
  figuresOf,
  statusCodes,
  statuses,
  statusOf,
  type JourneyFigures,
  type Status,
} from '../../src/domain/journey/figures.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { outcomeCodes, attendanceCategoryOf, type Outcome } from '../../src/domain/journey/outcomes.ts'
import { believedNow } from '../../src/domain/journey/replay.ts'
import { recorded, withoutRevisions, type Fact } from './given.ts'
import {
  allocated,
  attendance,
  breached,
  completed,
  correction,
  dated,
  droppedOut,
  eligible,
  found,
  met,
  placedIn,
  recalled,
  recategorised,
  referred,
  resolved,
  reviewed,
  transferredTo,
  waiting,
  warned,
} from './words.ts'

const here = attendance('F1', 'ATTC')

describe('status', () => {
  const reached: { [S in Status]: Fact<JourneyEvent>[][] } = {
    not_referred: [[]],
    awaiting_assessment: [[referred], [referred, eligible], [referred, met, reviewed, warned]],
    suitable_not_ready: [
      [referred, found('not_ready')],
      [referred, found('not_suitable')],
      [referred, dated(waiting, '2025-01-10'), found('not_ready')],
      [referred, dated(waiting, '2025-01-20'), found('not_ready')],
    ],
    awaiting_allocation: [
      [referred, found('suitable')],
      [referred, found('not_stated')],
      [referred, waiting],
      [referred, found('not_ready'), waiting],
      [referred, dated(found('suitable'), '2025-02-20'), found('not_ready')],
    ],
    scheduled: [
      [referred, allocated],
      [referred, waiting, allocated],
      [referred, allocated, found('not_ready')],
      [referred, allocated, attendance('F1', 'UAAB')],
      [referred, allocated, attendance('F1', 'ATSH')],
      [referred, allocated, here, correction('F1', 'ATTC', 'UAAB', 2)],
    ],
    on_programme: [
      [referred, allocated, here],
      [referred, allocated, attendance('F1', 'AFTC')],
      [referred, allocated, attendance('F1', 'UAAB'), correction('F1', 'UAAB', 'ATTC', 2)],
      [referred, allocated, here, breached, resolved],
      [referred, allocated, here, breached, dated(resolved, breached.on)],
      [referred, allocated, recalled, dated(here, '2025-04-08')],
    ],
    breach: [
      [referred, breached],
      [referred, allocated, here, breached],
      [referred, allocated, breached, dated(here, '2025-04-20')],
      [referred, breached, resolved, dated(breached, '2025-04-20')],
      [referred, breached, dated(resolved, '2025-03-17')],
      [referred, breached, recalled, allocated, dated(here, '2025-04-08')],
    ],
    recall: [
      [referred, recalled],
      [referred, allocated, here, recalled],
      [referred, allocated, recalled, dated(here, recalled.on)],
      [referred, allocated, recalled, dated(attendance('F1', 'UAAB'), '2025-04-08')],
      [referred, breached, recalled],
      [
        referred,
        allocated,
        recalled,
        dated(here, '2025-04-08'),
        dated(correction('F1', 'ATTC', 'UAAB', 3), '2025-04-20'),
      ],
    ],
    completed: [
      [referred, allocated, here, completed],
      [referred, allocated, here, breached, recalled, completed],
      [referred, allocated, here, completed, correction('F1', 'ATTC', 'UAAB', 2)],
    ],
    withdrawn: [
      [referred, droppedOut('work')],
      [referred, allocated, here, recalled, breached, droppedOut('recalled')],
      [referred, droppedOut('work'), recategorised('work', 'health')],
    ],
  }
  for (const status of statusCodes) {
    for (const facts of reached[status]) {
      it(`is ${statuses[status]} after ${facts.map(({ event, on }) => `${event.type} on ${on}`).join(', ') || 'nothing'}`, () =>
        expect(statusOf(believedNow(recorded(...facts)))).toBe(status))
    }
  }
})

describe('a late record', () => {
  const conclusions: [string, Fact<JourneyEvent>[]][] = [
    ['of an earlier decision', [referred, found('suitable'), dated(found('not_ready'), '2025-01-10')]],
    ['of an earlier waiting list', [referred, waiting, dated(waiting, '2025-01-07')]],
    ['of an earlier group', [referred, allocated, dated(placedIn('G0'), '2025-01-30')]],
    [
      'of an earlier group, where the later allocation names none',
      [referred, placedIn(''), dated(placedIn('G0'), '2025-01-30')],
    ],
    [
      'of the group in the middle, where the last allocation names none',
      [
        referred,
        dated(placedIn(''), '2025-02-10'),
        dated(placedIn('G1'), '2025-02-01'),
        dated(placedIn('G2'), '2025-02-05'),
      ],
    ],
    ['of an earlier transfer', [referred, transferredTo('south'), dated(transferredTo('east'), '2025-02-01')]],
    [
      'of an earlier transfer to somebody not named',
      [referred, transferredTo('south'), dated(transferredTo(''), '2025-02-01')],
    ],
    ['of a transfer dated before the referral', [referred, dated(transferredTo('south'), '2025-01-01')]],
    ['of a session', [referred, allocated, recalled, dated(here, '2025-03-01')]],
    ['of a breach that was resolved', [referred, resolved, breached]],
    [
      'of a session before the end',
      [referred, allocated, dated(here, '2025-04-01'), completed, attendance('F2', 'ATTC', ['cem'])],
    ],
  ]
  for (const [of, facts] of conclusions) {
    it(`${of} leads to the same conclusion as one made in time`, () => {
      const asTold = believedNow(recorded(...facts))
      const inTime = believedNow(recorded(...facts.toSorted((a, b) => a.on.localeCompare(b.on))))
      expect(withoutRevisions(asTold)).toEqual(withoutRevisions(inTime))
      expect(statusOf(asTold)).toBe(statusOf(inTime))
    })
  }
})

describe('facts', () => {
  const facts = (...told: Fact<JourneyEvent>[]) => believedNow(recorded(...told))
  it('hold who has him: the last provider that was named', () => {
    expect(facts(referred).provider).toBe('north')
    expect(facts(referred, transferredTo('south')).provider).toBe('south')
    expect(facts(referred, transferredTo('')).provider).toBe('north')
    expect(facts(referred, transferredTo('south'), dated(transferredTo('east'), '2025-04-01')).provider).toBe('east')
    expect(
      facts(referred, transferredTo('south'), transferredTo('east')).provider,
      'two on one day: the one told last',
    ).toBe('east')
  })
  it('hold the group he is in: the last that was named', () => {
    expect(facts(referred).groupId).toBeNull()
    expect(facts(referred, placedIn('')).groupId).toBeNull()
    expect(facts(referred, placedIn('G1'), dated(placedIn('G2'), '2025-02-20')).groupId).toBe('G2')
    expect(facts(referred, placedIn('G1'), placedIn('G2')).groupId, 'two on one day: the one told last').toBe('G2')
  })
  it('hold the day of the last contact, not of the last record', () => {
    expect(facts(referred, recalled, met).lastContactOn).toBe(recalled.on)
  })
  it('keep the day of a session when its record is corrected', () => {
    expect(facts(referred, allocated, here, correction('F1', 'ATTC', 'UAAB', 2)).sessions).toEqual(
      new Map([['F1', { outcome: 'UAAB', heldOn: here.on, revision: 3 }]]),
    )
  })
  it('count a facilitator once, and count the one who stood in, not the one who was planned', () => {
    const met = facts(
      referred,
      allocated,
      attendance('F1', 'ATTC', ['amy', 'cem']),
      attendance('F2', 'ATTC', ['cem', 'dot']),
    ).facilitatorsMet
    expect([...met].toSorted()).toEqual(['amy', 'cem', 'dot'])
  })
})

describe('figures', () => {
  const figures = (...told: Fact<JourneyEvent>[]) => figuresOf(believedNow(recorded(...told)))
  const none: JourneyFigures = {
    outcome: 'open',
    reason: null,
    attended: 0,
    acceptable_absences: 0,
    unacceptable_absences: 0,
    corrections: 0,
    recategorisations: 0,
    facilitators_met: 0,
  }
  it('are nothing at first', () => expect(figures()).toEqual(none))
  it('count a session under what is now believed of it', () =>
    expect(
      figures(referred, allocated, here, attendance('F2', 'UAAB', []), correction('F2', 'UAAB', 'AAME', 3)),
    ).toEqual({
      ...none,
      attended: 1,
      acceptable_absences: 1,
      corrections: 1,
      facilitators_met: 2,
    }))
  it('name the reason after recategorisation, and count that it was', () =>
    expect(
      figures(referred, droppedOut('work'), recategorised('work', 'health'), recategorised('health', 'died')),
    ).toEqual({
      ...none,
      outcome: 'dropped_out',
      reason: 'died',
      recategorisations: 2,
    }))
  it('have no reason where he completed', () =>
    expect(figures(referred, allocated, here, completed)).toMatchObject({ outcome: 'completed', reason: null }))

  const counted: { [S in 'attended' | 'acceptable_absences' | 'unacceptable_absences']: Outcome[] } = {
    attended: ['ATTC', 'AFTC'],
    acceptable_absences: ['AAAA', 'AAME', 'AARE', 'AASD', 'AAHO', 'AAEM', 'AAFC', 'AACL', 'AARC', 'CO05', 'CO10'],
    unacceptable_absences: ['UAAB'],
  }
  for (const [figure, codes] of Object.entries(counted)) {
    it(`count as ${figure} exactly ${codes.join(', ')}`, () => {
      const counting = outcomeCodes.filter(
        (code) => figures(referred, allocated, attendance('F1', code))[figure as keyof typeof counted] === 1,
      )
      expect(counting.toSorted()).toEqual(codes.toSorted())
    })
  }
  it('there are nineteen outcomes, each with a standing', () => {
    expect(outcomeCodes).toHaveLength(19)
    expect(new Set(outcomeCodes.map(attendanceCategoryOf))).toEqual(
      new Set(['attended', 'sent_home', 'acceptable_absence', 'unacceptable_absence', 'not_held']),
    )
  })
})
