/** Somebody who delivers sessions: what he or she is trained for, and the support that was given. Stream `facilitator-<id>`. */
import { isRecordableDay, type Day } from '../calendar.ts'
import { refuseImpossibleDay } from '../dates.ts'
import { longestSession, refuseUnknownReason } from '../group/room.ts'
import { folding, Refusal, type CommandContext, type History } from '../history.ts'
import type { Classified } from '../privacy.ts'
import {
  facilitatorDepartures,
  isCourse,
  supportForms,
  type CompletedTraining,
  type CourseCode,
  type FacilitatorDeparture,
  type SupportForm,
} from './training.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type FacilitatorEvent =
  /** Somebody began to deliver sessions here. */
  | {
      type: 'FacilitatorOnboarded'
      data: {
        /** The staff code under which registers name him or her. */
        code: string
        provider: string
        name: string
      }
    }
  /** He or she delivers no more sessions here. What was delivered until then stays. */
  | { type: 'FacilitatorLeft'; data: { reason: FacilitatorDeparture } }
  /** A course was completed. That it lapses follows from its last day and is no event. */
  | {
      type: 'TrainingCompleted'
      data: {
        course: CourseCode
        /** The last day on which it holds; absent where it does not lapse. */
        validUntil?: Day
      }
    }
  /** Supervision was held: that, and for how long; never what was said. */
  | { type: 'SupervisionHeld'; data: { form: SupportForm; minutes: number } }
  /** A debrief after a session was held: that, and for how long; never what was said. */
  | { type: 'DebriefHeld'; data: { form: SupportForm; minutes: number } }

export const facilitatorPrivacy: Classified<FacilitatorEvent> = {
  FacilitatorOnboarded: { code: 'open', provider: 'open', name: 'personal' },
  FacilitatorLeft: { reason: 'open' },
  TrainingCompleted: { course: 'open', validUntil: 'open' },
  SupervisionHeld: { form: 'open', minutes: 'open' },
  DebriefHeld: { form: 'open', minutes: 'open' },
}

export const facilitatorEventTypes = Object.keys(facilitatorPrivacy) as FacilitatorEvent['type'][]

type FacilitatorDataOf<T extends FacilitatorEvent['type']> = Extract<FacilitatorEvent, { type: T }>['data']

export type FacilitatorCommand = CommandContext &
  (
    | { type: 'OnboardFacilitator'; data: FacilitatorDataOf<'FacilitatorOnboarded'> }
    | { type: 'RecordFacilitatorLeft'; data: FacilitatorDataOf<'FacilitatorLeft'> }
    | { type: 'RecordTraining'; data: FacilitatorDataOf<'TrainingCompleted'> }
    | { type: 'RecordSupervision'; data: FacilitatorDataOf<'SupervisionHeld'> }
    | { type: 'RecordDebrief'; data: FacilitatorDataOf<'DebriefHeld'> }
  )

export interface FacilitatorFacts {
  readonly code: string | null
  readonly onboardedOn: Day | null
  /** The day on which he or she left; null while that has not happened, and again once he or she came back. */
  readonly leftOn: Day | null
  readonly trainings: readonly CompletedTraining[]
  readonly handled: ReadonlySet<string>
}

/** A staff code as registers write it: it stands in the open in the log. */
export const facilitatorCodeShape = /^[A-Z0-9-]{1,20}$/

export const facilitatorHistory: History<FacilitatorFacts, FacilitatorCommand, FacilitatorEvent> = {
  category: 'facilitator',
  initial: { code: null, onboardedOn: null, leftOn: null, trainings: [], handled: new Set() },
  ...folding<FacilitatorFacts, FacilitatorEvent>(
    (facilitator) => ({
      ...facilitator,
      trainings: [...facilitator.trainings],
      handled: new Set(facilitator.handled),
    }),
    (facilitator, event) => {
      const on = event.metadata.occurredAt
      facilitator.handled.add(event.metadata.commandId)
      switch (event.type) {
        case 'FacilitatorOnboarded':
          facilitator.code = event.data.code
          facilitator.onboardedOn = on
          facilitator.leftOn = null
          return
        case 'FacilitatorLeft':
          facilitator.leftOn = on
          return
        case 'TrainingCompleted': {
          const { course, validUntil = null } = event.data
          facilitator.trainings = [...facilitator.trainings, { course, on, validUntil }]
          return
        }
        case 'SupervisionHeld':
        case 'DebriefHeld':
      }
    },
  ),
  decide(facilitator, command) {
    if (facilitator.handled.has(command.commandId)) return []
    refuseImpossibleDay(command)
    if (command.type === 'OnboardFacilitator') return [onboarding(facilitator, command.data, command.occurredOn)]
    const { onboardedOn, leftOn } = facilitator
    if (onboardedOn === null)
      throw new Refusal('not_on_the_list', 'There is no such facilitator. Add him or her to the list first.')
    switch (command.type) {
      case 'RecordFacilitatorLeft':
        refuseUnknownReason(facilitatorDepartures, command.data.reason)
        if (leftOn !== null)
          throw new Refusal('facilitator_left', 'It is recorded already that he or she left. There is nothing to add.')
        if (command.occurredOn < onboardedOn)
          throw new Refusal('before_onboarding', 'Nobody leaves before he or she began. Correct the date.')
        return [{ type: 'FacilitatorLeft', data: command.data }]
      case 'RecordTraining':
        return [{ type: 'TrainingCompleted', data: training(facilitator, command.data, command.occurredOn) }]
      case 'RecordSupervision':
        return [{ type: 'SupervisionHeld', data: support(command.data) }]
      case 'RecordDebrief':
        return [{ type: 'DebriefHeld', data: support(command.data) }]
    }
  },
}

/** Who left may come back, and then keeps the trainings that he or she completed. */
function onboarding(
  { onboardedOn, leftOn }: FacilitatorFacts,
  data: FacilitatorDataOf<'FacilitatorOnboarded'>,
  on: Day,
): FacilitatorEvent {
  if (onboardedOn !== null && leftOn === null)
    throw new Refusal('already_on_the_list', 'A facilitator with this staff code is on the list already.')
  if (leftOn !== null && on < leftOn)
    throw new Refusal('before_leaving', 'He or she had not left by then. Choose a date on or after the day of leaving.')
  if (!facilitatorCodeShape.test(data.code))
    throw new Refusal(
      'unknown_staff_code',
      'A staff code has up to 20 capital letters, numbers or hyphens, such as F012.',
    )
  if (data.name.trim() === '' || data.provider.trim() === '')
    throw new Refusal('no_name', 'Say what the facilitator is called and for which provider he or she works.')
  return { type: 'FacilitatorOnboarded', data }
}

/** A course may have been completed before somebody began here. */
function training(
  { trainings }: FacilitatorFacts,
  data: FacilitatorDataOf<'TrainingCompleted'>,
  on: Day,
): FacilitatorDataOf<'TrainingCompleted'> {
  const { course, validUntil } = data
  if (!isCourse(course))
    throw new Refusal('unknown_course', 'That is not one of the courses. Choose a course from the list.')
  if (validUntil !== undefined && (!isRecordableDay(validUntil) || validUntil < on))
    throw new Refusal('lapsed_before', 'A training cannot lapse before it was completed. Correct its last day.')
  if (trainings.some((known) => known.course === course && known.on === on))
    throw new Refusal('training_known', 'This training is recorded already. There is nothing to add.')
  return data
}

function support(data: FacilitatorDataOf<'SupervisionHeld'>): FacilitatorDataOf<'SupervisionHeld'> {
  if (!Object.hasOwn(supportForms, data.form))
    throw new Refusal('unknown_form', 'That is not one of the forms in which support is given. Choose one of the list.')
  if (!Number.isInteger(data.minutes) || data.minutes < 1 || data.minutes > longestSession)
    throw new Refusal('unknown_minutes', `Enter how long it lasted, from 1 to ${longestSession} minutes.`)
  return data
}
