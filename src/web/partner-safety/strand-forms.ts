/** Every form of the partner-safety strand: a new one is added here, and is then served as the others are. */
import {
  concernRecipients,
  concernSettlements,
  offerAnswers,
  partnerConcerns,
  partnerContactOutcomes,
  partnerContactWays,
  partnerRelations,
  strandClosings,
  strandWithdrawals,
} from '../../domain/partner-safety/partner-safety-codes.ts'
import {
  isWithdrawable,
  partnerStandingOf,
  type PartnerDetails,
  type PartnerSafetyEvent,
  type PartnerSafetyFacts,
} from '../../domain/partner-safety/partner-safety.ts'
import { longestNote } from '../forms/form-fields.ts'
import type { StrandAnswers, StrandField, StrandForm } from './strand-form.ts'

const detailsFields: readonly StrandField[] = [
  {
    kind: 'text',
    name: 'name',
    label: 'Name',
    subject: 'Name',
    longest: 120,
    missing: 'Enter the name of the partner',
  },
  {
    kind: 'choice',
    name: 'relation',
    label: 'Who is it?',
    codes: partnerRelations,
    missing: 'Select who it is',
  },
  {
    kind: 'note',
    name: 'safeWays',
    label: 'How can the partner be reached safely?',
    subject: 'How the partner can be reached',
    hint: 'Numbers, addresses or people that are safe to use',
    longest: 1_000,
    missing: 'Enter how the partner can be reached safely',
  },
  {
    kind: 'note',
    name: 'safeTimes',
    label: 'When is it safe? (optional)',
    subject: 'When it is safe',
    hint: 'For example, weekdays between 10am and 2pm',
    longest: 500,
  },
  {
    kind: 'note',
    name: 'doNot',
    label: 'Do not contact: what must never be done? (optional)',
    subject: 'What must never be done',
    hint: 'Ways, times, places or words that would put the partner in danger',
    longest: 1_000,
  },
]

const happenedOn = (label: string, subject: string): StrandField => ({
  kind: 'date',
  name: 'on',
  label,
  subject,
  hint: 'For example, 27 3 2026',
  when: 'past',
})

const nextOn: StrandField = {
  kind: 'date',
  name: 'nextOn',
  label: 'When is the next contact due? (optional)',
  subject: 'The date of the next contact',
  hint: 'For example, 27 3 2027',
  when: 'future',
}

const noteField: StrandField = {
  kind: 'note',
  name: 'note',
  label: 'Note (optional)',
  subject: 'Note',
  hint: 'Only partner-safety workers can read it',
  longest: longestNote,
}

const way: StrandField = {
  kind: 'choice',
  name: 'way',
  label: 'How?',
  codes: partnerContactWays,
  missing: 'Select how',
}

const given = (name: string, value: string | undefined) => (value ? { [name]: value } : {})

const detailsIn = ({ text }: StrandAnswers): PartnerDetails => ({
  name: text.name!,
  relation: text.relation as PartnerDetails['relation'],
  safeWays: text.safeWays!,
  ...given('safeTimes', text.safeTimes),
  ...given('doNot', text.doNot),
})

/** The codes were checked when the form was read. */
const eventOf = (type: PartnerSafetyEvent['type'], data: object): PartnerSafetyEvent =>
  ({ type, data }) as PartnerSafetyEvent

const isOpenConcern = (facts: PartnerSafetyFacts, item: number) =>
  partnerStandingOf(facts).concerns.some(({ raised, settled }) => raised === item && settled === null)

const noConcern = (facts: PartnerSafetyFacts, item: number) =>
  isOpenConcern(facts, item) ? null : 'There is no such concern, or it is settled already.'

const partnerForm: StrandForm = {
  path: 'partner',
  title: 'Record who the partner is',
  doing: 'recording the partner',
  confirm: 'Record the partner',
  recorded: 'The partner was recorded.',
  fields: detailsFields,
  unavailable: ({ isRecorded }) => (isRecorded ? 'The partner is recorded already. Change the details instead.' : null),
  event: (answers) => ({ type: 'PartnerRecorded', data: detailsIn(answers) }),
}

/** Filled in with what is recorded. */
export const detailsForm: StrandForm = {
  ...partnerForm,
  path: 'details',
  title: 'Change the details of the partner',
  doing: 'changing the details',
  confirm: 'Change the details',
  recorded: 'The details were changed.',
  unavailable: ({ isRecorded }) => (isRecorded ? null : 'Record first who the partner is.'),
  event: (answers) => ({ type: 'PartnerDetailsChanged', data: detailsIn(answers) }),
}

const offerForm: StrandForm = {
  path: 'offer',
  title: 'Record that contact was offered',
  doing: 'recording the offer',
  confirm: 'Record the offer',
  recorded: 'The offer was recorded.',
  fields: [way, happenedOn('When was it offered?', 'The date of the offer'), noteField],
  unavailable: ({ isRecorded }) => (isRecorded ? null : 'Record first who the partner is.'),
  event: ({ text }) => eventOf('ContactOffered', { way: text.way, ...given('note', text.note) }),
}

const answerForm: StrandForm = {
  path: 'answer',
  title: 'Record the answer to the offer',
  doing: 'recording the answer',
  confirm: 'Record the answer',
  recorded: 'The answer was recorded.',
  fields: [
    {
      kind: 'choice',
      name: 'answer',
      label: 'What was the answer?',
      codes: offerAnswers,
      missing: 'Select the answer',
    },
    happenedOn('When was it given?', 'The date of the answer'),
    nextOn,
    noteField,
  ],
  unavailable: (facts) =>
    partnerStandingOf(facts).offeredOn === null ? 'Record first that contact was offered.' : null,
  event: ({ text, days }) =>
    eventOf('ContactOfferAnswered', {
      answer: text.answer,
      ...given('nextOn', days.nextOn),
      ...given('note', text.note),
    }),
}

const contactForm: StrandForm = {
  path: 'contact',
  title: 'Record a contact',
  doing: 'recording the contact',
  confirm: 'Record the contact',
  recorded: 'The contact was recorded.',
  fields: [
    way,
    {
      kind: 'choice',
      name: 'outcome',
      label: 'What came of it?',
      codes: partnerContactOutcomes,
      missing: 'Select what came of it',
    },
    happenedOn('When was it?', 'The date of the contact'),
    nextOn,
    noteField,
  ],
  unavailable: (facts) =>
    partnerStandingOf(facts).answer === 'accepted'
      ? null
      : 'Contact was not accepted. Record the answer to the offer first.',
  event: ({ text, days }) =>
    eventOf('PartnerContacted', {
      way: text.way,
      outcome: text.outcome,
      ...given('nextOn', days.nextOn),
      ...given('note', text.note),
    }),
}

const concernForm: StrandForm = {
  path: 'concern',
  title: 'Raise a concern',
  doing: 'raising the concern',
  confirm: 'Raise the concern',
  recorded: 'The concern was raised. Record to whom it is passed on.',
  intro: 'If somebody is in danger now, call 999 first.',
  fields: [
    {
      kind: 'choice',
      name: 'concern',
      label: 'What is the concern?',
      codes: partnerConcerns,
      missing: 'Select what the concern is',
    },
    happenedOn('When did it come up?', 'The date on which it came up'),
    noteField,
  ],
  unavailable: () => null,
  event: ({ text }) => eventOf('PartnerConcernRaised', { concern: text.concern, ...given('note', text.note) }),
}

const passOnForm: StrandForm = {
  path: 'concerns/:item/pass-on',
  title: 'Record that a concern was passed on',
  doing: 'recording that it was passed on',
  confirm: 'Record that it was passed on',
  recorded: 'It was recorded that the concern was passed on.',
  intro: 'Only that it was passed on is recorded, never what was said.',
  fields: [
    {
      kind: 'choice',
      name: 'to',
      label: 'To whom?',
      codes: concernRecipients,
      missing: 'Select to whom it was passed on',
    },
    happenedOn('When?', 'The date on which it was passed on'),
  ],
  unavailable: noConcern,
  event: ({ text }, item) => eventOf('PartnerConcernPassedOn', { raised: item, to: text.to }),
}

const settleForm: StrandForm = {
  path: 'concerns/:item/settle',
  title: 'Settle a concern',
  doing: 'settling the concern',
  confirm: 'Settle the concern',
  recorded: 'The concern was settled.',
  fields: [
    {
      kind: 'choice',
      name: 'settlement',
      label: 'What came of it?',
      codes: concernSettlements,
      missing: 'Select what came of it',
    },
    happenedOn('When?', 'The date on which it was settled'),
  ],
  unavailable: noConcern,
  event: ({ text }, item) => eventOf('PartnerConcernSettled', { raised: item, settlement: text.settlement }),
}

const withdrawForm: StrandForm = {
  path: 'entries/:item/withdraw',
  title: 'Withdraw an entry',
  doing: 'withdrawing the entry',
  confirm: 'Withdraw the entry',
  recorded: 'The entry was withdrawn. It stays here, struck through.',
  fields: [{ kind: 'choice', name: 'reason', label: 'Why?', codes: strandWithdrawals, missing: 'Select why' }],
  unavailable: (facts, item) =>
    isWithdrawable(facts, item) ? null : 'This entry cannot be withdrawn, or was withdrawn already.',
  event: ({ text }, item) => eventOf('PartnerEntryWithdrawn', { withdraws: item, reason: text.reason }),
}

const closeForm: StrandForm = {
  path: 'close',
  title: 'Close this record',
  doing: 'closing the record',
  confirm: 'Close the record',
  recorded: 'The record was closed.',
  intro: 'Nothing can be added to it afterwards. If contact is to be offered again, it is asked for again.',
  fields: [
    { kind: 'choice', name: 'reason', label: 'Why?', codes: strandClosings, missing: 'Select why' },
    happenedOn('When did the work end?', 'The date on which the work ended'),
  ],
  unavailable: (facts) =>
    partnerStandingOf(facts).concerns.some(({ settled }) => settled === null)
      ? 'A concern is open. Settle it before you close this record.'
      : null,
  event: ({ text }) => eventOf('PartnerWorkClosed', { reason: text.reason }),
}

export const strandForms: readonly StrandForm[] = [
  partnerForm,
  detailsForm,
  offerForm,
  answerForm,
  contactForm,
  concernForm,
  passOnForm,
  settleForm,
  withdrawForm,
  closeForm,
]

/** What can be recorded of the record as it is; the first is what comes next. */
export const formsOpen = (facts: PartnerSafetyFacts): readonly StrandForm[] =>
  facts.closed ? [] : strandForms.filter((form) => !form.path.includes(':item') && form.unavailable(facts, 0) === null)
