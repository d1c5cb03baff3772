import { describe, it } from 'vitest'
import type { Details, DetailsEvent, TellDetails } from '../../src/domain/participant.ts'
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
const tell = (data: Told, how: Partial<TellDetails> = {}): TellDetails => ({
  type: 'TellDetails',
  commandId: 'tell',
  occurredOn: '2025-01-06',
  recordedOn: '2025-01-06',
  data,
  ...how,
})
