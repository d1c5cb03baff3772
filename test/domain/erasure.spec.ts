import { describe, expect, it } from 'vitest'
import type { ErasureCommand } from '../../src/domain/erasure.ts'
import { participantHistory, type ParticipantEvent } from '../../src/domain/participant.ts'
import { givenParticipant as given, recorded, type Fact } from './given.ts'

describe('an erasure', () => {
  it('is asked for', () => given(registered).when(ask('DP001')).then(asked))
  it('is asked for once', () => given(registered, asked).when(ask('DP002')).thenRefused('erasure_asked'))
  it('sent twice, is asked for once', () =>
    given(registered, { ...asked, commandId: 'this' })
      .when({ ...ask('DP001'), commandId: 'this' })
      .thenNothingNew())
  it('is authorised by somebody else', () => given(registered, asked).when(authorise('DP002')).then(authorised))
  it('is not authorised by who asked for it', () =>
    given(registered, asked).when(authorise('someone')).thenRefused('own_request'))
  it('is not authorised where nobody asked', () => {
    given(registered).when(authorise('DP002')).thenRefused('no_erasure_asked')
    given(registered, asked, declined).when(authorise('DP002')).thenRefused('no_erasure_asked')
  })
  it('covers the journeys that he has when it is authorised', () =>
    given(registered, asked)
      .when({ ...authorise('DP002'), data: { by: 'DP002', journeys: ['one', 'two'] } } as ErasureCommand)
      .then({
        ...authorised,
        event: { type: 'ErasureAuthorised', data: { reason: 'unlawful', journeys: ['one', 'two'] } },
      }))
  it('is declined, and can be asked for again', () => {
    given(registered, asked).when(decline).then(declined)
    given(registered).when(decline).thenRefused('no_erasure_asked')
    given(registered, asked, declined).when(ask('DP001')).then(asked)
  })
  it('of nobody is refused', () => given().when(ask('DP001')).thenRefused('no_participant'))
  it('once authorised cannot be stopped, asked for again or be held up', () => {
    given(registered, asked, authorised).when(decline).thenRefused('erased')
    given(registered, asked, authorised).when(ask('DP001')).thenRefused('erased')
    given(registered, asked, authorised).when(hold).thenRefused('erased')
    given(registered, asked, authorised).when(authorise('DP002')).thenRefused('erased')
  })
  it('leaves no place for new details', () =>
    given(registered, asked, authorised)
      .when({ ...now, type: 'TellDetails', data: { familyName: 'Sample', fingerprint: 'second' } })
      .thenRefused('erased'))
})

describe('the destruction of a key', () => {
  it('is recorded once the erasure was authorised, and once', () => {
    given(registered, asked, authorised).when(destroyedNow).then(destroyed)
    given(registered, asked, authorised, destroyed).when(destroyedNow).thenNothingNew()
  })
  it('is not recorded before', () => {
    given(registered).when(destroyedNow).thenRefused('not_authorised')
    given(registered, asked).when(destroyedNow).thenRefused('not_authorised')
    given(registered, asked, declined).when(destroyedNow).thenRefused('not_authorised')
  })
})

describe('a hold', () => {
  it('is placed, and keeps an erasure from being asked for', () => {
    given(registered).when(hold).then(held)
    given(registered, held).when(ask('DP001')).thenRefused('retention_hold')
  })
  it('keeps one that was asked for from being authorised', () =>
    given(registered, asked, held).when(authorise('DP002')).thenRefused('retention_hold'))
  it('is one of several: while one is left, he is not erased', () =>
    given(registered, held, anotherHold, released).when(ask('DP001')).thenRefused('retention_hold'))
  it('is released, and then he can be erased', () => {
    given(registered, held).when(release).then(released)
    given(registered, held, released).when(ask('DP001')).then(asked)
  })
  it('that is not in force is not released', () => {
    given(registered).when(release).thenRefused('no_hold')
    given(registered, held, released).when(release).thenRefused('no_hold')
  })
})

it('leaves the state it began with as it was', () => {
  const before = participantHistory.fold(participantHistory.initial, recorded<ParticipantEvent>(registered, held))
  participantHistory.evolve(before, recorded<ParticipantEvent>(registered, held, released)[2]!)
  expect([...before.holds.keys()]).toEqual(['hold-1'])
  expect(participantHistory.initial.holds.size).toBe(0)
})

const now = { commandId: 'new', occurredOn: '2026-03-02', recordedOn: '2026-03-02' } as const
const fact = (event: ParticipantEvent): Fact<ParticipantEvent> => ({ on: '2026-03-01', event })
const registered = fact({ type: 'ParticipantRegistered', data: { familyName: 'Example', fingerprint: 'first' } })
const asked = fact({ type: 'ErasureRequested', data: { reason: 'unlawful', journeys: ['one'] } })
const declined = fact({ type: 'ErasureDeclined', data: { reason: 'still_needed' } })
const authorised = fact({ type: 'ErasureAuthorised', data: { reason: 'unlawful', journeys: ['one'] } })
const destroyed = fact({ type: 'KeyDestroyed', data: { kind: 'participant' } })
const held = fact({ type: 'RetentionHoldPlaced', data: { holdId: 'hold-1', reason: 'inquiry' } })
const anotherHold = fact({ type: 'RetentionHoldPlaced', data: { holdId: 'hold-2', reason: 'complaint' } })
const released = fact({ type: 'RetentionHoldReleased', data: { holdId: 'hold-1', reason: 'inquiry' } })

const ask = (by: string): ErasureCommand => ({
  ...now,
  type: 'RequestErasure',
  data: { by, reason: 'unlawful', journeys: ['one'] },
})
const authorise = (by: string): ErasureCommand => ({
  ...now,
  type: 'AuthoriseErasure',
  data: { by, journeys: ['one'] },
})
const decline: ErasureCommand = { ...now, type: 'DeclineErasure', data: { reason: 'still_needed' } }
const destroyedNow: ErasureCommand = { ...now, type: 'RecordKeyDestroyed', data: { kind: 'participant' } }
const hold: ErasureCommand = { ...now, type: 'PlaceRetentionHold', data: { holdId: 'hold-1', reason: 'inquiry' } }
const release: ErasureCommand = { ...now, type: 'ReleaseRetentionHold', data: { holdId: 'hold-1' } }
