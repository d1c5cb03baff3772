/** The forms of erasure: one person asks, another decides; and the holds that stand in its way. */
import { decliningReasons, erasureReasons, holdReasons } from '../../domain/erasure.ts'
import type { DecliningReason, ErasureReason, HoldReason } from '../../domain/erasure.ts'
import { choicesOf, type RightsForm, type RightsSituation } from './rights-form.ts'

const isErased = ({ rights: { erasure } }: RightsSituation) =>
  erasure.state === 'authorised' || erasure.state === 'destroyed'

const erasedAlready = 'His personal data was erased.'
const unknownJourneys =
  'The service is still catching up, and one of his journeys might be missing. Try again in a minute.'

export const askErasureForm: RightsForm = {
  path: 'erasure',
  title: 'Erase this person’s data',
  doing: 'asking for the erasure',
  confirm: 'Ask for the erasure',
  recorded: 'Erasure asked for',
  says: 'rights/what-is-erased.njk',
  questions: () => [
    {
      name: 'reason',
      label: 'Why is his data erased?',
      missing: 'Select why his data is erased',
      choices: choicesOf(erasureReasons),
    },
  ],
  isTyped: () => true,
  unavailable: (situation) => {
    const { rights, journeys } = situation
    if (isErased(situation)) return erasedAlready
    if (rights.erasure.state === 'asked') return 'His erasure has been asked for already, and waits for somebody else.'
    if (rights.holds.length > 0) return 'His record is on hold. Release the hold first.'
    return journeys === null ? unknownJourneys : null
  },
  record: ({ reason }, { rights, journeys }, erasures, issued) =>
    erasures.request(rights.participantId, { reason: reason as ErasureReason, journeys: journeys ?? [] }, issued),
}

const authorise = 'authorise'

export const decideErasureForm: RightsForm = {
  path: 'erasure/decision',
  title: 'Decide on an erasure',
  doing: 'deciding',
  confirm: 'Record the decision',
  recorded: 'Decision recorded',
  says: 'rights/what-is-erased.njk',
  questions: ({ by, rights: { erasure } }) => {
    const isOwn = erasure.state === 'asked' && erasure.askedBy === by
    const [first, ...others] = choicesOf(decliningReasons)
    const authorised = { value: authorise, text: 'Erase his data now', hint: 'Nobody can undo this' }
    const declined = [{ ...first!, after: isOwn ? undefined : 'or do not erase it, because' }, ...others]
    return [
      {
        name: 'decision',
        label: isOwn ? 'Why does the erasure not go ahead?' : 'Should his data be erased?',
        missing: isOwn ? 'Select why it does not go ahead' : 'Select whether his data should be erased',
        choices: isOwn ? declined : [authorised, ...declined],
      },
    ]
  },
  isTyped: ({ decision }) => decision === authorise,
  unavailable: (situation) => {
    if (isErased(situation)) return erasedAlready
    if (situation.rights.erasure.state !== 'asked') return 'Nobody has asked for his erasure.'
    return situation.journeys === null ? unknownJourneys : null
  },
  record: ({ decision }, { rights, journeys }, erasures, issued) =>
    decision === authorise
      ? erasures.authorise(rights.participantId, journeys ?? [], issued)
      : erasures.decline(rights.participantId, decision as DecliningReason, issued),
}

export const placeHoldForm: RightsForm = {
  path: 'hold',
  title: 'Keep this record',
  doing: 'placing the hold',
  confirm: 'Place the hold',
  recorded: 'Hold placed',
  says: 'rights/what-is-held.njk',
  questions: () => [
    {
      name: 'reason',
      label: 'What is the record kept for?',
      missing: 'Select what the record is kept for',
      choices: choicesOf(holdReasons),
    },
  ],
  isTyped: () => false,
  unavailable: (situation) => (isErased(situation) ? erasedAlready : null),
  record: ({ reason }, { rights }, erasures, issued) =>
    erasures.placeHold(rights.participantId, reason as HoldReason, issued),
}

export const releaseHoldForm: RightsForm = {
  path: 'hold/:item/release',
  title: 'Release a hold',
  doing: 'releasing the hold',
  confirm: 'Release the hold',
  recorded: 'Hold released',
  says: 'rights/what-is-released.njk',
  questions: () => [
    {
      name: 'over',
      label: 'Is what the record was kept for over?',
      missing: 'Select whether it is over',
      choices: [{ value: 'yes', text: 'Yes, the record need not be kept for it any longer' }],
    },
  ],
  isTyped: () => false,
  unavailable: ({ rights, item }) =>
    rights.holds.some(({ holdId }) => holdId === item) ? null : 'This hold is not in force, or never was.',
  record: (_, { rights, item }, erasures, issued) => erasures.releaseHold(rights.participantId, item, issued),
}
