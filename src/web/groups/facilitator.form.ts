/** The forms of a facilitator: beginning, a training, support that was held, and leaving. */
import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import type { NewFacilitator } from '../../commands/facilitator-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import { facilitatorCodeShape } from '../../domain/facilitator/facilitator.ts'
import {
  courseCodes,
  facilitatorDepartureCodes,
  facilitatorDepartures,
  supportFormCodes,
  supportForms,
  trainingCourses,
  type CourseCode,
  type FacilitatorDeparture,
  type SupportForm,
} from '../../domain/facilitator/training.ts'
import { longestSession } from '../../domain/group/room.ts'
import { dateInput, readDate, type FormError } from '../forms/date.ts'
import { checkedFields, CommandFields, controlOf, WrittenText, type FormValues } from '../forms/form-fields.ts'
import { sayDay } from '../layout/dates.ts'
import {
  addressOfFacilitator,
  codeItems,
  dateFields,
  datesRefusedAt,
  refuseLater,
  unlessWrong,
  type GroupForm,
  type GroupSituation,
} from './group-form.ts'

const nameOf = ({ facilitator }: GroupSituation): string =>
  `${facilitator!.facilitator.name} (${facilitator!.facilitator.code})`

/** A date input with its error. */
const dateAsked = (
  name: string,
  label: string,
  values: FormValues,
  errors: readonly FormError[],
  hint = 'For example, 27 3 2026',
) => dateInput(name, label, values, errors.find(({ field }) => controlOf(field) === name) ?? null, hint)

const hasLeft = ({ facilitator }: GroupSituation): string | null =>
  facilitator!.facilitator.leftOn === null ? null : 'He or she has left and delivers no sessions here.'

class OnboardingFields extends CommandFields {
  @WrittenText('Name', 80)
  @IsNotEmpty({ message: 'Enter the name of the facilitator' })
  name = ''

  @Matches(facilitatorCodeShape, { message: 'Staff code must be up to 20 letters, numbers or hyphens, such as F012' })
  @IsNotEmpty({ message: 'Enter the staff code' })
  code = ''

  @WrittenText('Provider', 60)
  @IsNotEmpty({ message: 'Enter the provider that he or she works for' })
  provider = ''
}

interface Onboarding {
  readonly facilitator: NewFacilitator
  readonly on: Day
}

export const onboardingForm: GroupForm<Onboarding> = {
  route: 'facilitators/new',
  template: 'groups/onboarding.njk',
  title: () => 'Add a facilitator',
  doing: 'adding the facilitator',
  confirm: 'Add the facilitator',
  recorded: 'Facilitator added',
  order: () => ['name', 'code', 'provider', 'beganOn'],
  refusals: {
    unknown_staff_code: 'code',
    already_on_the_list: 'code',
    no_name: 'name',
    before_leaving: 'beganOn-day',
    ...datesRefusedAt('beganOn-day'),
  },
  otherwise: 'code',
  unavailable: () => null,
  initial: ({ today }) => dateFields('beganOn', today),
  async read(values, { today }) {
    const subject = 'The date he or she began'
    const { fields, days, errors } = await checkedFields(
      OnboardingFields,
      { ...values, code: typeof values.code === 'string' ? values.code.trim().toUpperCase() : '' },
      { beganOn: subject },
    )
    return unlessWrong([...errors, ...refuseLater('beganOn', subject, days.beganOn, today)], () => {
      const { name, code, provider } = fields
      return { facilitator: { name, code, provider }, on: days.beganOn! }
    })
  },
  view: (_situation, values, errors) => ({
    date: dateAsked('beganOn', 'When did he or she begin?', values, errors),
  }),
  answers: ({ facilitator: { name, code, provider }, on }) => [
    { label: 'Name', text: name, control: 'name' },
    { label: 'Staff code', text: code, control: 'code' },
    { label: 'Provider', text: provider, control: 'provider' },
    { label: 'Began', text: sayDay(on), control: 'beganOn-day' },
  ],
  async record({ facilitator, on }, _situation, { facilitators }, issued) {
    const { facilitatorId, written } = await facilitators.onboard(facilitator, { ...issued, occurredOn: on })
    return { written, to: `/facilitators/${facilitatorId}` }
  },
}

class TrainingFields extends CommandFields {
  @IsIn(courseCodes, { message: 'Select the course' })
  course = ''
}

interface Training {
  readonly course: CourseCode
  readonly on: Day
  readonly validUntil?: Day
}

const courseNames = Object.fromEntries(courseCodes.map((code) => [code, trainingCourses[code].name]))

const isBlank = (values: FormValues, name: string): boolean =>
  ['day', 'month', 'year'].every((part) => {
    const value = values[`${name}-${part}`]
    return typeof value !== 'string' || value.trim() === ''
  })

export const trainingForm: GroupForm<Training> = {
  route: 'facilitators/:facilitator/training',
  template: 'groups/training.njk',
  title: (situation) => `Record a training of ${nameOf(situation)}`,
  doing: 'recording the training',
  confirm: 'Record the training',
  recorded: 'Training recorded',
  order: () => ['course', 'completedOn', 'validUntil'],
  refusals: {
    unknown_course: 'course',
    training_known: 'course',
    lapsed_before: 'validUntil-day',
    ...datesRefusedAt('completedOn-day'),
  },
  otherwise: 'course',
  unavailable: hasLeft,
  initial: () => ({}),
  async read(values, { today }) {
    const subject = 'The date it was completed'
    const { fields, days, errors } = await checkedFields(TrainingFields, values, { completedOn: subject })
    const last = isBlank(values, 'validUntil') ? null : readDate(values, 'validUntil', 'The last day on which it holds')
    const wrong = last?.error ? [last.error] : []
    return unlessWrong([...errors, ...wrong, ...refuseLater('completedOn', subject, days.completedOn, today)], () => {
      const validUntil = last?.day ?? undefined
      return { course: fields.course as CourseCode, on: days.completedOn!, ...(validUntil && { validUntil }) }
    })
  },
  view: (_situation, values, errors) => ({
    courseItems: codeItems(courseNames, values.course, 'Select a course'),
    date: dateAsked('completedOn', 'When was it completed?', values, errors),
    lastDay: dateAsked(
      'validUntil',
      'Last day on which it holds (optional)',
      values,
      errors,
      'Leave it empty where it does not lapse.',
    ),
  }),
  answers: ({ course, on, validUntil }, situation) => [
    { label: 'Facilitator', text: nameOf(situation), control: '' },
    { label: 'Course', text: trainingCourses[course].name, control: 'course' },
    { label: 'Completed', text: sayDay(on), control: 'completedOn-day' },
    {
      label: 'Last day',
      text: validUntil === undefined ? 'It does not lapse' : sayDay(validUntil),
      control: 'validUntil-day',
    },
  ],
  async record({ on, ...training }, situation, { facilitators }, issued) {
    const { facilitatorId } = situation.facilitator!.facilitator
    const written = await facilitators.execute(facilitatorId, 'RecordTraining', training, { ...issued, occurredOn: on })
    return { written, to: addressOfFacilitator(situation) }
  },
}

const supportKinds = { supervision: 'Supervision', debrief: 'Debrief after a session' } as const

class SupportFields extends CommandFields {
  @IsIn(Object.keys(supportKinds), { message: 'Select what was held' })
  kind = ''

  @IsIn(supportFormCodes, { message: 'Select in which form it was held' })
  form = ''

  @Matches(/^\d{1,3}$/, { message: `Enter how long it lasted, from 1 to ${longestSession} minutes` })
  minutes = ''
}

interface Support {
  readonly kind: keyof typeof supportKinds
  readonly form: SupportForm
  readonly minutes: number
  readonly on: Day
}

export const supportForm: GroupForm<Support> = {
  route: 'facilitators/:facilitator/support',
  template: 'groups/support.njk',
  title: (situation) => `Record supervision or a debrief of ${nameOf(situation)}`,
  doing: 'recording that it was held',
  confirm: 'Record that it was held',
  recorded: 'Recorded as held',
  order: () => ['kind', 'form', 'minutes', 'heldOn'],
  refusals: { unknown_form: 'form', unknown_minutes: 'minutes', ...datesRefusedAt('heldOn-day') },
  otherwise: 'kind',
  unavailable: hasLeft,
  initial: ({ today }) => dateFields('heldOn', today),
  async read(values, { today }) {
    const subject = 'The date it was held'
    const { fields, days, errors } = await checkedFields(SupportFields, values, { heldOn: subject })
    return unlessWrong([...errors, ...refuseLater('heldOn', subject, days.heldOn, today)], () => ({
      kind: fields.kind as keyof typeof supportKinds,
      form: fields.form as SupportForm,
      minutes: Number(fields.minutes),
      on: days.heldOn!,
    }))
  },
  view: (_situation, values, errors) => ({
    kindItems: codeItems(supportKinds, values.kind, 'Select what was held'),
    formItems: codeItems(supportForms, values.form, 'Select a form'),
    date: dateAsked('heldOn', 'When was it held?', values, errors),
  }),
  answers: ({ kind, form, minutes, on }, situation) => [
    { label: 'Facilitator', text: nameOf(situation), control: '' },
    { label: 'Held', text: supportKinds[kind], control: 'kind' },
    { label: 'In which form', text: supportForms[form], control: 'form' },
    { label: 'Minutes', text: String(minutes), control: 'minutes' },
    { label: 'When', text: sayDay(on), control: 'heldOn-day' },
  ],
  async record({ kind, on, ...support }, situation, { facilitators }, issued) {
    const { facilitatorId } = situation.facilitator!.facilitator
    const type = kind === 'supervision' ? 'RecordSupervision' : 'RecordDebrief'
    const written = await facilitators.execute(facilitatorId, type, support, { ...issued, occurredOn: on })
    return { written, to: addressOfFacilitator(situation) }
  },
}

class FacilitatorLeavingFields extends CommandFields {
  @IsIn(facilitatorDepartureCodes, { message: 'Select why he or she left' })
  reason = ''
}

export const facilitatorLeavingForm: GroupForm<{ readonly reason: FacilitatorDeparture; readonly on: Day }> = {
  route: 'facilitators/:facilitator/leave',
  template: 'groups/facilitator-leaving.njk',
  title: (situation) => `Record that ${nameOf(situation)} left`,
  doing: 'recording that he or she left',
  confirm: 'Record that he or she left',
  recorded: 'Recorded as having left',
  order: () => ['reason', 'leftOn'],
  refusals: { before_onboarding: 'leftOn-day', ...datesRefusedAt('leftOn-day') },
  otherwise: 'reason',
  unavailable: hasLeft,
  initial: ({ today }) => dateFields('leftOn', today),
  async read(values, { today }) {
    const subject = 'The date he or she left'
    const { fields, days, errors } = await checkedFields(FacilitatorLeavingFields, values, { leftOn: subject })
    return unlessWrong([...errors, ...refuseLater('leftOn', subject, days.leftOn, today)], () => ({
      reason: fields.reason as FacilitatorDeparture,
      on: days.leftOn!,
    }))
  },
  view: (_situation, values, errors) => ({
    reasonItems: codeItems(facilitatorDepartures, values.reason, 'Select a reason'),
    date: dateAsked('leftOn', 'When did he or she leave?', values, errors),
  }),
  answers: ({ reason, on }, situation) => [
    { label: 'Facilitator', text: nameOf(situation), control: '' },
    { label: 'Reason', text: facilitatorDepartures[reason], control: 'reason' },
    { label: 'Left', text: sayDay(on), control: 'leftOn-day' },
  ],
  async record({ reason, on }, situation, { facilitators }, issued) {
    const { facilitatorId } = situation.facilitator!.facilitator
    const written = await facilitators.execute(
      facilitatorId,
      'RecordFacilitatorLeft',
      { reason },
      { ...issued, occurredOn: on },
    )
    return { written, to: addressOfFacilitator(situation) }
  },
}
