import { describe, expect, it } from 'vitest'
import { type FacilitatorCommand, type FacilitatorEvent } from '../../src/domain/facilitator/facilitator.ts'
import { coursesFor, inForceOn } from '../../src/domain/facilitator/training.ts'
import { givenFacilitator as given, type Fact } from './given.ts'

const on = '2025-01-06'
const person = { code: 'F012', provider: 'North', name: 'Rowan Vale' }
type Told<T extends FacilitatorCommand['type']> = Extract<FacilitatorCommand, { type: T }>['data']

const onboarded: Fact<FacilitatorEvent> = { on, event: { type: 'FacilitatorOnboarded', data: person } }
const left: Fact<FacilitatorEvent> = {
  on: '2025-03-03',
  event: { type: 'FacilitatorLeft', data: { reason: 'moved_post' } },
}
const trained: Fact<FacilitatorEvent> = {
  on: '2025-02-03',
  event: { type: 'TrainingCompleted', data: { course: 'bbr_facilitator', validUntil: '2027-02-03' } },
}

const tell = <T extends FacilitatorCommand['type']>(type: T, data: object, occurredOn = '2025-04-07') =>
  ({ commandId: 'now', occurredOn, recordedOn: '2025-04-07', type, data }) as unknown as FacilitatorCommand
const onboard = (data: Partial<Told<'OnboardFacilitator'>> = {}, day?: string) =>
  tell('OnboardFacilitator', { ...person, ...data }, day)
const train = (data: object, day?: string) => tell('RecordTraining', { course: 'bbr_facilitator', ...data }, day)

describe('a facilitator', () => {
  it('begins under a staff code', () => given().when(onboard()).then(onboarded))
  it('is on the list once: a staff code belongs to one', () =>
    given(onboarded).when(onboard()).thenRefused('already_on_the_list'))
  it('comes back after leaving', () => given(onboarded, left).when(onboard()).then(onboarded))
  it('does not come back before having left', () =>
    given(onboarded, left).when(onboard({}, '2025-03-02')).thenRefused('before_leaving'))
  it.each([
    ['unknown_staff_code', { code: 'Rowan Vale' }],
    ['unknown_staff_code', { code: '' }],
    ['no_name', { name: ' ' }],
    ['no_name', { provider: '' }],
  ])('is refused as %s where the details are %o', (code, data) => given().when(onboard(data)).thenRefused(code))
  it('leaves for a reason, once, and not before having begun', () => {
    given(onboarded)
      .when(tell('RecordFacilitatorLeft', { reason: 'moved_post' }))
      .then(left)
    given(onboarded, left)
      .when(tell('RecordFacilitatorLeft', { reason: 'retired' }))
      .thenRefused('facilitator_left')
    given(onboarded)
      .when(tell('RecordFacilitatorLeft', { reason: 'bored' }))
      .thenRefused('unknown_reason')
    given(onboarded)
      .when(tell('RecordFacilitatorLeft', { reason: 'retired' }, '2025-01-05'))
      .thenRefused('before_onboarding')
  })
  it('completes trainings, also before having begun, and the same one again later', () => {
    given(onboarded)
      .when(train({ validUntil: '2027-02-03' }))
      .then(trained)
    given(onboarded)
      .when(train({ validUntil: '2027-02-03' }, '2020-02-03'))
      .then(trained)
    given(onboarded, trained)
      .when(train({ validUntil: '2027-02-03' }))
      .then(trained)
  })
  it.each([
    ['training_known', {}, '2025-02-03'],
    ['unknown_course', { course: 'juggling' }, '2025-02-04'],
    ['lapsed_before', { validUntil: '2025-02-03' }, '2025-02-04'],
    ['lapsed_before', { validUntil: 'in two years' }, '2025-02-04'],
    ['recorded_before_occurred', {}, '2025-04-08'],
  ])('has no training that is %s', (code, data, day) =>
    given(onboarded, trained).when(train(data, day)).thenRefused(code),
  )
  it.each([
    ['RecordSupervision', 'SupervisionHeld'],
    ['RecordDebrief', 'DebriefHeld'],
  ] as const)('is supported by what %s records: that, and never what was said', (command, type) => {
    const data = { form: 'one_to_one', minutes: 60 } as const
    given(onboarded).when(tell(command, data)).then({ on, event: { type, data } })
    given(onboarded)
      .when(tell(command, { ...data, form: 'tea' }))
      .thenRefused('unknown_form')
    for (const minutes of [0, 481, 1.5])
      given(onboarded)
        .when(tell(command, { ...data, minutes }))
        .thenRefused('unknown_minutes')
  })
  it('must be on the list before anything else is recorded', () =>
    given().when(train({})).thenRefused('not_on_the_list'))
  it('told twice is written once', () =>
    given({ ...onboarded, commandId: 'now' })
      .when(onboard())
      .thenNothingNew())
})

describe('a training', () => {
  const training = { course: 'bbr_facilitator', on: '2025-02-03', validUntil: '2027-02-03' }
  it('is in force from the day it was completed to its last day', () =>
    expect(['2025-02-02', '2025-02-03', '2027-02-03', '2027-02-04'].map((day) => inForceOn(training, day))).toEqual([
      false,
      true,
      true,
      false,
    ]))
  it('without a last day does not lapse', () =>
    expect(inForceOn({ ...training, validUntil: null }, '2099-01-01')).toBe(true))
  it('trains for the programmes that its course names', () => {
    expect(coursesFor('bbr')).toEqual(['bbr_facilitator', 'bbr_treatment_manager'])
    expect(coursesFor('something-else')).toEqual([])
  })
})
