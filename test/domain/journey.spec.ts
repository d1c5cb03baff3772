import { describe, it } from 'vitest'
import { outcomeCodes, reasonCodes } from '../../src/domain/journey/outcomes.ts'
import type { Suitability } from '../../src/domain/journey/referral.ts'
import { programmes } from '../../src/domain/programme.ts'
import { given } from './given.ts'
import {
  allocate,
  allocated,
  assess,
  attendance,
  breach,
  breached,
  complete,
  completed,
  correct,
  correction,
  dated,
  decideOn,
  dropOut,
  droppedOut,
  eligible,
  everyCommand,
  found,
  meet,
  met,
  putOnList,
  recall,
  recalled,
  recategorise,
  recategorised,
  record,
  refer,
  referred,
  resolve,
  resolved,
  review,
  reviewed,
  told,
  transferredTo,
  transferTo,
  waiting,
  warn,
  warned,
} from './words.ts'

const { Refer: _, ...everythingButReferral } = everyCommand
const future = { occurredOn: '2025-06-03', recordedOn: '2025-06-02' }

describe('any telling', () => {
  const begun = [referred, allocated, attendance('PG1', 'ATTC')]
  for (const [type, command] of Object.entries(everyCommand)) {
    it(`${type}: told twice, is written once, whatever else is wrong with it by now`, () =>
      given(...begun, { ...warned, commandId: 'before' }, completed)
        .when(told(command, { commandId: 'before', ...future }))
        .thenNothingNew())
    it(`${type}: is not recorded before it has happened`, () =>
      given(...begun)
        .when(told(command, future))
        .thenRefused('recorded_before_occurred'))
    it(`${type}: is dated wrongly before it is anything else`, () =>
      given().when(told(command, future)).thenRefused('recorded_before_occurred'))
  }
  it('may be recorded on the day it happens', () =>
    given(referred)
      .when(told(warn, { occurredOn: '2025-06-02', recordedOn: '2025-06-02' }))
      .then(warned))
  it('is not of a day before the referral, unless it is copied from a log that is as messy as the world', () => {
    given(referred)
      .when(told(warn, { occurredOn: '2024-12-01' }))
      .thenRefused('before_referral')
    given(referred)
      .when(told(warn, { occurredOn: '2024-12-01', copied: true }))
      .then(warned)
  })
})

describe('a referral', () => {
  it('begins a journey', () => given().when(refer).then(referred))
  it('comes once', () => given(referred).when(refer).thenRefused('already_referred'))
  it('comes once, even where the journey has ended', () =>
    given(referred, droppedOut('motivation')).when(refer).thenRefused('already_referred'))
  it('comes once, even where it says the same', () =>
    given(referred)
      .when(told(refer, { commandId: 'another' }))
      .thenRefused('already_referred'))
  for (const [type, command] of Object.entries(everythingButReferral)) {
    it(`comes before everything else: ${type}`, () => given().when(command).thenRefused('no_referral'))
  }
  it('is asked for before a wrong code is', () => {
    given().when(record('nowhere', 'nothing')).thenRefused('no_referral')
    given().when(dropOut('bored')).thenRefused('no_referral')
    given().when(recategorise('bored')).thenRefused('no_referral')
  })
})

describe('before the group', () => {
  it('his eligibility is assessed', () => given(referred).when(assess).then(eligible))
  for (const decision of ['suitable', 'not_ready', 'not_suitable', 'not_stated'] satisfies Suitability[]) {
    it(`it is decided whether he can take part: ${decision}`, () =>
      given(referred).when(decideOn(decision)).then(found(decision)))
  }
  it('he waits', () => given(referred).when(putOnList).then(waiting))
  it('he is allocated', () => given(referred).when(allocate()).then(allocated))
  it('he may be allocated again', () => given(referred, allocated).when(allocate()).then(allocated))
})

describe('around the sessions', () => {
  it('he, his facilitator and his case manager meet', () => given(referred).when(meet).then(met))
  it('his progress is reviewed', () => given(referred).when(review).then(reviewed))
  it('another provider takes over', () => given(referred).when(transferTo('south')).then(transferredTo('south')))
  it('he is warned', () => given(referred).when(warn).then(warned))
  it('breach begins', () => given(referred).when(breach).then(breached))
  it('breach is resolved', () => given(referred).when(resolve).then(resolved))
  it('he is recalled', () => given(referred).when(recall).then(recalled))
})

describe('attendance', () => {
  const here = attendance('PG1', 'ATTC')
  it('is recorded', () => given(referred, allocated).when(record('PG1', 'ATTC')).then(here))
  it('takes each of the nineteen outcomes', () => {
    for (const code of outcomeCodes) given(referred, allocated).when(record('F1', code)).then(attendance('F1', code))
  })
  it('takes each session of the programme', () => {
    for (const { id } of programmes[0]!.sessions)
      given(referred, allocated).when(record(id, 'ATTC')).then(attendance(id, 'ATTC'))
  })
  it('told anew, asks for a correction', () =>
    given(referred, allocated, here).when(record('PG1', 'UAAB')).thenRefused('already_recorded'))
  it('told anew with the same outcome, asks for a correction all the same', () =>
    given(referred, allocated, here).when(record('PG1', 'ATTC')).thenRefused('already_recorded'))
  it('of another session is another record', () =>
    given(referred, allocated, here).when(record('PG2', 'UAAB')).then(attendance('PG2', 'UAAB')))
  it('needs a place in a group', () => given(referred).when(record('PG1', 'ATTC')).thenRefused('not_allocated'))
  it('needs a place in a group, which a place on the waiting list is not', () =>
    given(referred, waiting).when(record('PG1', 'ATTC')).thenRefused('not_allocated'))
  for (const id of ['F7', 'PG0', 'pg1', '', 'F1 ', 'constructor', '__proto__']) {
    it(`is of a session of the programme, not of ${JSON.stringify(id)}`, () => {
      given(referred, allocated).when(record(id, 'ATTC')).thenRefused('unknown_session')
      given(referred, allocated).when(correct(id, 'ATTC')).thenRefused('unknown_session')
    })
  }
  for (const code of ['XXXX', 'attc', '', 'toString', '__proto__']) {
    it(`has one of the outcomes, not ${JSON.stringify(code)}`, () => {
      given(referred, allocated).when(record('F1', code)).thenRefused('unknown_outcome')
      given(referred, allocated, here).when(correct('PG1', code)).thenRefused('unknown_outcome')
    })
  }
  it('asks for the session, then the outcome, then the allocation, then whether it is new', () => {
    given(referred).when(record('F7', 'XXXX')).thenRefused('unknown_session')
    given(referred).when(record('F1', 'XXXX')).thenRefused('unknown_outcome')
    given(referred).when(record('F1', 'ATTC')).thenRefused('not_allocated')
    given(referred, here).when(record('PG1', 'ATTC')).thenRefused('not_allocated')
    given(referred, allocated, here).when(record('PG1', 'XXXX')).thenRefused('unknown_outcome')
  })
  it('is of no session where the service does not define the programme', () => {
    for (const programme of [
      { key: 'caledonian', version: 1 },
      { key: 'bbr', version: 0 },
      { key: 'bbr', version: 2 },
    ]) {
      const elsewhere = {
        ...referred,
        event: {
          type: 'ReferralReceived',
          data: { participantId: 'he', programme, source: 'voluntary', provider: '' },
        },
      } as const
      given(elsewhere, allocated).when(record('F1', 'ATTC')).thenRefused('unknown_session')
    }
  })
})

describe('a correction', () => {
  const here = attendance('PG1', 'ATTC')
  it('says what was believed, and which event said so', () =>
    given(referred, allocated, here)
      .when(correct('PG1', 'UAAB'))
      .then(correction('PG1', 'ATTC', 'UAAB', 2)))
  it('may be corrected in turn', () =>
    given(referred, allocated, here, correction('PG1', 'ATTC', 'UAAB', 2))
      .when(correct('PG1', 'AAME'))
      .then(correction('PG1', 'UAAB', 'AAME', 3)))
  it('may go back to what was first said', () =>
    given(referred, allocated, here, correction('PG1', 'ATTC', 'UAAB', 2))
      .when(correct('PG1', 'ATTC'))
      .then(correction('PG1', 'UAAB', 'ATTC', 3)))
  it('needs a record', () => given(referred, allocated).when(correct('PG1', 'ATTC')).thenRefused('nothing_to_correct'))
  it('needs a record of that session', () =>
    given(referred, allocated, here).when(correct('PG2', 'ATTC')).thenRefused('nothing_to_correct'))
  it('changes something', () =>
    given(referred, allocated, here).when(correct('PG1', 'ATTC')).thenRefused('nothing_to_correct'))
  it('changes what is believed now, not what was first said', () =>
    given(referred, allocated, here, correction('PG1', 'ATTC', 'UAAB', 2))
      .when(correct('PG1', 'UAAB'))
      .thenRefused('nothing_to_correct'))
  it('does not ask for an allocation: without one there is nothing to correct', () =>
    given(referred).when(correct('PG1', 'ATTC')).thenRefused('nothing_to_correct'))
  it('is allowed after the end', () =>
    given(referred, allocated, here, completed)
      .when(correct('PG1', 'UAAB'))
      .then(correction('PG1', 'ATTC', 'UAAB', 2)))
})

describe('dropping out', () => {
  it('ends the journey, started or not', () =>
    given(referred).when(dropOut('motivation')).then(droppedOut('motivation')))
  it('takes each of the reasons', () => {
    for (const reason of reasonCodes) given(referred).when(dropOut(reason)).then(droppedOut(reason))
  })
  for (const reason of ['bored', '', 'Motivation', 'constructor']) {
    it(`has one of the reasons, not ${JSON.stringify(reason)}`, () =>
      given(referred).when(dropOut(reason)).thenRefused('unknown_reason'))
  }
})

describe('completing', () => {
  it('takes one session attended', () =>
    given(referred, allocated, attendance('F1', 'AFTC')).when(complete).then(completed))
  it('takes a session recorded as attended, whatever was corrected later', () =>
    given(referred, allocated, attendance('F1', 'ATTC'), correction('F1', 'ATTC', 'UAAB', 2))
      .when(complete)
      .then(completed))
  it('takes a session corrected to attended', () =>
    given(referred, allocated, attendance('F1', 'UAAB'), correction('F1', 'UAAB', 'ATTC', 2))
      .when(complete)
      .then(completed))
  it('cannot happen before a session', () => given(referred, allocated).when(complete).thenRefused('not_started'))
  it('cannot happen on absences', () => {
    for (const code of outcomeCodes.filter((code) => code !== 'ATTC' && code !== 'AFTC')) {
      given(referred, allocated, attendance('F1', code)).when(complete).thenRefused('not_started')
    }
  })
})

describe('recategorising', () => {
  const left = [referred, droppedOut('motivation')]
  it('keeps both reasons', () =>
    given(...left)
      .when(recategorise('health'))
      .then(recategorised('motivation', 'health')))
  it('may be repeated, from the reason that is on record by then', () =>
    given(...left, recategorised('motivation', 'health'))
      .when(recategorise('died'))
      .then(recategorised('health', 'died')))
  it('has one of the reasons', () =>
    given(...left)
      .when(recategorise('bored'))
      .thenRefused('unknown_reason'))
  it('needs a journey that has ended', () =>
    given(referred).when(recategorise('health')).thenRefused('nothing_to_recategorise'))
  it('needs a journey that did not end well', () =>
    given(referred, completed).when(recategorise('health')).thenRefused('nothing_to_recategorise'))
  it('asks for the reason before it asks for the ending', () =>
    given(referred).when(recategorise('bored')).thenRefused('unknown_reason'))
})

describe('after the end', () => {
  const endings = { 'by dropping out': droppedOut('health'), 'by completing': completed }
  for (const [how, ended] of Object.entries(endings)) {
    const over = [referred, allocated, attendance('PG1', 'ATTC'), ended]
    const { CorrectAttendance: _1, RecategoriseOutcome: _2, ...others } = everythingButReferral
    const { ReinstateJourney: _3, WithdrawRecord: _4, DropOut, Complete, ...ordinary } = others
    for (const [type, command] of Object.entries(ordinary)) {
      it(`${how}, nothing later is added: ${type}`, () =>
        given(...over)
          .when(told(command, { occurredOn: '2025-05-06' }))
          .thenRefused('journey_ended'))
    }
    it(`${how}, what happened before it is still told`, () =>
      given(...over)
        .when(told(record('F1', 'ATTC'), { occurredOn: '2025-05-04' }))
        .then(attendance('F1', 'ATTC')))
    it(`${how}, what happened on its day is still told`, () =>
      given(...over)
        .when(told(warn, { occurredOn: '2025-05-05' }))
        .then(warned))
    it(`${how}, it does not end again, not even on an earlier day`, () => {
      for (const again of [DropOut, Complete]) {
        given(...over)
          .when(again)
          .thenRefused('journey_ended')
        given(...over)
          .when(told(again, { occurredOn: '2025-04-01' }))
          .thenRefused('journey_ended')
      }
    })
    it(`${how}, that it is over comes before any wrong code`, () => {
      given(...over)
        .when(record('F7', 'XXXX'))
        .thenRefused('journey_ended')
      given(...over)
        .when(dropOut('bored'))
        .thenRefused('journey_ended')
    })
    it(`${how}, a late record is judged like any other`, () => {
      const late = { occurredOn: '2025-03-01' }
      given(...over)
        .when(told(record('F7', 'ATTC'), late))
        .thenRefused('unknown_session')
      given(...over)
        .when(told(record('F1', 'XXXX'), late))
        .thenRefused('unknown_outcome')
      given(...over)
        .when(told(record('PG1', 'ATTC'), late))
        .thenRefused('already_recorded')
      given(referred, ended)
        .when(told(record('F1', 'ATTC'), late))
        .thenRefused('not_allocated')
    })
  }
  it('the day of the end is the day it happened, not the day it was told', () =>
    given(referred, allocated, dated(droppedOut('work'), '2025-04-01', '2025-05-30T09:00:00.000Z'))
      .when(told(record('F1', 'ATTC'), { occurredOn: '2025-04-02' }))
      .thenRefused('journey_ended'))
})
