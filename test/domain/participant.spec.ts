import { describe, expect, it } from 'vitest'
import type { CommandContext } from '../../src/domain/history.ts'
import { odditiesOfDetails } from '../../src/domain/participant.ts'
import type { Details, DetailsCommand, DetailsEvent } from '../../src/domain/participant.ts'
import { givenParticipant as given, type Fact } from './given.ts'

describe('a participant', () => {
  it('becomes known', () => given().when(tell(asFirstTold)).then(registered))
  it('told again the same, stays as he is', () => given(registered).when(tell(asFirstTold)).thenNothingNew())
  it('told differently, is corrected; what was said before stays', () =>
    given(registered).when(tell(renamed)).then(corrected))
  it('told what was said before the correction, is corrected back', () =>
    given(registered, corrected)
      .when(tell(asFirstTold))
      .then({ ...corrected, event: { ...corrected.event, data: asFirstTold } }))
  it('is recognised by the fingerprint, not by the details: the rules need not read who he is', () => {
    given(registered)
      .when(tell({ fingerprint: asFirstTold.fingerprint }))
      .thenNothingNew()
    given(registered)
      .when(tell({ ...asFirstTold, fingerprint: 'another' }))
      .then({
        ...corrected,
        event: { ...corrected.event, data: { ...asFirstTold, fingerprint: 'another' } },
      })
  })
  it('told twice, is written once, even where the second telling is wrong', () => {
    given({ ...registered, commandId: 'this' })
      .when(tell(renamed, { commandId: 'this' }))
      .thenNothingNew()
    given({ ...registered, commandId: 'this' })
      .when(tell({ fingerprint: '' }, { commandId: 'this', occurredOn: '2999-01-01' }))
      .thenNothingNew()
  })
  it('is not told of before it happened', () => {
    given()
      .when(tell(asFirstTold, { occurredOn: '2025-01-07' }))
      .thenRefused('recorded_before_occurred')
    given()
      .when(tell({ fingerprint: '' }, { occurredOn: '2025-01-07' }))
      .thenRefused('recorded_before_occurred')
  })
  it('needs something that says who he is', () =>
    given()
      .when(tell({ fingerprint: '' }))
      .thenRefused('no_details'))
})

describe('the details of a participant', () => {
  it('are corrected by a person, who says why; which details were wrong is said too', () =>
    given(registered).when(correct(renamed)).then(corrected0))
  it('that were corrected wrongly are corrected again, and can be what they were at first', () => {
    given(registered, corrected0)
      .when(correct(asFirstTold))
      .then({ on: '2025-01-06', event: correctedTo(asFirstTold, 1) })
    given(registered, corrected0, { on: '2025-01-06', event: correctedTo(asFirstTold, 1) })
      .when(correct(renamed))
      .then({ on: '2025-01-06', event: correctedTo(renamed, 2) })
  })
  it('that a person found wrong stay wrong, whatever a system that has not heard of it tells', () => {
    given(registered, corrected0).when(tell(asFirstTold)).thenNothingNew()
    given(registered, corrected0, { on: '2025-01-06', event: correctedTo(asFirstTold, 1) })
      .when(tell(renamed))
      .thenNothingNew()
  })
  it('that changed elsewhere since are believed all the same', () =>
    given(registered, corrected0)
      .when(tell({ ...renamed, givenNames: 'Two', fingerprint: 'third' }))
      .then({
        on: '2025-01-06',
        event: { type: 'ParticipantDetailsCorrected', data: { ...renamed, givenNames: 'Two', fingerprint: 'third' } },
      }))
  it('are not corrected to what they are, without a reason, or where nothing is known of him', () => {
    given(registered).when(correct(asFirstTold)).thenRefused('nothing_to_correct')
    given(registered)
      .when(correct(renamed, { because: ' ' }))
      .thenRefused('no_reason')
    given().when(correct(renamed)).thenRefused('no_details')
  })
  it('are corrected once, however often it is sent', () =>
    given(registered, { ...corrected0, commandId: 'correct' })
      .when(correct(asFirstTold))
      .thenNothingNew())
  it('never make him a minor on the first day on record, or born before 1900', () => {
    const born = (dateOfBirth: string, recordedFrom: string) => correct({ ...renamed, dateOfBirth }, { recordedFrom })
    given(registered).when(born('1990-03-02', '2008-03-01')).thenRefused('before_adulthood')
    given(registered).when(born('2010-01-01', '2024-12-01')).thenRefused('before_adulthood')
    given(registered).when(born('1899-12-31', '2008-03-01')).thenRefused('before_1900')
    given(registered)
      .when(born('1990-03-01', '2008-03-01'))
      .then({ on: '2025-01-06', event: correctedTo({ ...renamed, dateOfBirth: '1990-03-01' }, 0) })
  })
  it('that all change, or make him very old, are asked about', () => {
    const codes = (now: Details) => odditiesOfDetails(asFirstTold, now, '2025-01-06').map(({ code }) => code)
    const another = { crn: 'X000002', familyName: 'Sample', givenNames: 'Two', dateOfBirth: '1981-01-01' }
    expect(codes(another)).toEqual(['another_person'])
    expect(codes({ ...another, crn: 'X000001' })).toEqual([])
    expect(codes({ ...asFirstTold, dateOfBirth: '1934-01-01' })).toEqual(['very_old'])
    expect(codes({ ...asFirstTold, dateOfBirth: '1935-01-06' })).toEqual([])
    // What was odd before the correction is not asked about again.
    expect(
      odditiesOfDetails(
        { ...asFirstTold, dateOfBirth: '1920-01-01' },
        { ...renamed, dateOfBirth: '1920-01-01' },
        '2025-01-06',
      ),
    ).toEqual([])
  })
})

type Told = Details & { fingerprint: string }

const asFirstTold: Told = {
  crn: 'X000001',
  familyName: 'Example',
  givenNames: 'One',
  dateOfBirth: '1980-01-01',
  fingerprint: 'first',
}
const renamed: Told = { ...asFirstTold, familyName: 'Sample', fingerprint: 'second' }
const registered: Fact<DetailsEvent> = {
  on: '2025-01-06',
  event: { type: 'ParticipantRegistered', data: asFirstTold },
}
const corrected: Fact<DetailsEvent> = {
  on: '2025-01-06',
  event: { type: 'ParticipantDetailsCorrected', data: renamed },
}
const tell = (data: Told, how: Partial<CommandContext> = {}): DetailsCommand => ({
  type: 'TellDetails',
  commandId: 'tell',
  occurredOn: '2025-01-06',
  recordedOn: '2025-01-06',
  data,
  ...how,
})
const correctedTo = (data: Told, corrects: number): DetailsEvent => ({
  type: 'ParticipantDetailsCorrected',
  data: { ...data, corrects, because: 'As his passport says.' },
})
const corrected0: Fact<DetailsEvent> = { on: '2025-01-06', event: correctedTo(renamed, 0) }
const correct = (
  data: Told,
  { because = 'As his passport says.', recordedFrom }: { because?: string; recordedFrom?: string } = {},
): DetailsCommand => ({
  type: 'CorrectDetails',
  commandId: 'correct',
  occurredOn: '2025-01-06',
  recordedOn: '2025-01-06',
  data: { ...data, because },
  recordedFrom,
})
