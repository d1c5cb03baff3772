import { describe, it } from 'vitest'
import type { ParticipantEvent } from '../../src/domain/participant.ts'
import type { StatementCommand } from '../../src/domain/statements.ts'
import { givenParticipant as given, type Fact } from './given.ts'

describe('what a participant says himself', () => {
  it('is added to his record, as often as he likes', () => {
    given(registered).when(state('first')).then(stated('first'))
    given(registered, stated('first')).when(state('second')).then(stated('second'))
  })
  it('sent twice, is there once', () =>
    given(registered, { ...stated('first'), commandId: 'new' })
      .when(state('first'))
      .thenNothingNew())
  it('is something', () => {
    given(registered).when(state('  ')).thenRefused('nothing_said')
    given(registered).when(dispute(4, '')).thenRefused('nothing_said')
  })
  it('has no place once he was erased', () =>
    given(registered, asked, authorised).when(state('first')).thenRefused('erased'))
})

describe('a dispute', () => {
  it('is recorded of one event, and of another', () => {
    given(registered).when(dispute(4)).then(disputed('d1', 4))
    given(registered, disputed('d0', 3)).when(dispute(4)).then(disputed('d1', 4))
  })
  it('is not recorded twice of the same event while it is open', () =>
    given(registered, disputed('d0', 4)).when(dispute(4)).thenRefused('disputed'))
  it('is settled, once; what came of it is on record, and it may be disputed anew', () => {
    given(registered, disputed('d1', 4)).when(settle).then(settled)
    given(registered, disputed('d1', 4), settled).when(settle).thenRefused('dispute_settled')
    given(registered, disputed('d0', 4), { ...settled, event: { type: 'DisputeSettled', data: { disputeId: 'd0', settlement: 'kept' } } }) // prettier-ignore
      .when(dispute(4))
      .then(disputed('d1', 4))
  })
  it('that was never recorded is not settled', () => given(registered).when(settle).thenRefused('no_dispute'))
})

const now = { commandId: 'new', occurredOn: '2026-03-02', recordedOn: '2026-03-02' } as const
const fact = (event: ParticipantEvent): Fact<ParticipantEvent> => ({ on: '2026-03-01', event })
const registered = fact({ type: 'ParticipantRegistered', data: { familyName: 'Example', fingerprint: 'first' } })
const asked = fact({ type: 'ErasureRequested', data: { reason: 'unlawful', journeys: ['one'] } })
const authorised = fact({ type: 'ErasureAuthorised', data: { reason: 'unlawful', journeys: ['one'] } })
const stated = (text: string) => fact({ type: 'StatementAdded', data: { statementId: 's1', text } })
const disputed = (disputeId: string, disputes: number) =>
  fact({ type: 'RecordDisputed', data: { disputeId, journeyId: 'one', disputes, text: 'It was not so' } })
const settled = fact({ type: 'DisputeSettled', data: { disputeId: 'd1', settlement: 'kept' } })

const state = (text: string): StatementCommand => ({ ...now, type: 'AddStatement', data: { statementId: 's1', text } })
const dispute = (disputes: number, text = 'It was not so'): StatementCommand => ({
  ...now,
  type: 'DisputeRecord',
  data: { disputeId: 'd1', journeyId: 'one', disputes, text },
})
const settle: StatementCommand = { ...now, type: 'SettleDispute', data: { disputeId: 'd1', settlement: 'kept' } }
