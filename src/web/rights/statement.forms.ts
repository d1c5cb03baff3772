/** The forms of what a participant says himself: a statement of his, what he disputes, and how that was settled. */
import { settlements, type Settlement } from '../../domain/statements.ts'
import { choicesOf, type RightsForm, type RightsSituation } from './rights-form.ts'

const erased = ({ rights: { erasure } }: RightsSituation) =>
  erasure.state === 'authorised' || erasure.state === 'destroyed' ? 'His personal data was erased.' : null

export const statementForm: RightsForm = {
  path: 'statement',
  title: 'Add his statement',
  doing: 'adding the statement',
  confirm: 'Add the statement',
  recorded: 'Statement added',
  says: 'rights/what-a-statement-is.njk',
  questions: () => [
    {
      kind: 'text',
      name: 'text',
      label: 'What does he say?',
      hint: 'In his own words. Kept under his own key. Do not name partners or victims.',
      missing: 'Enter what he says',
    },
  ],
  isTyped: () => false,
  unavailable: erased,
  record: ({ text = '' }, { rights }, erasures, issued) => erasures.addStatement(rights.participantId, text, issued),
}

export const disputeForm: RightsForm = {
  path: 'dispute',
  title: 'Record what he disputes',
  doing: 'recording the dispute',
  confirm: 'Record the dispute',
  recorded: 'Dispute recorded',
  says: 'rights/what-a-dispute-is.njk',
  questions: ({ records }) => [
    {
      kind: 'select',
      name: 'event',
      label: 'Which record is wrong?',
      missing: 'Select which record is wrong',
      choices: records,
    },
    {
      kind: 'text',
      name: 'text',
      label: 'What does he say is wrong about it?',
      hint: 'In his own words. Kept under his own key. Do not name partners or victims.',
      missing: 'Enter what he says is wrong',
    },
  ],
  isTyped: () => false,
  unavailable: erased,
  record: ({ event, text = '' }, { rights, header }, erasures, issued) =>
    erasures.disputeRecord(
      rights.participantId,
      { journeyId: header.journeyId, disputes: Number(event), text },
      issued,
    ),
}

export const settleDisputeForm: RightsForm = {
  path: 'dispute/:item/settlement',
  title: 'Settle a dispute',
  doing: 'settling the dispute',
  confirm: 'Settle the dispute',
  recorded: 'Dispute settled',
  says: 'rights/what-is-settled.njk',
  questions: () => [
    {
      name: 'settlement',
      label: 'What came of it?',
      missing: 'Select what came of it',
      choices: choicesOf(settlements),
    },
  ],
  isTyped: () => false,
  unavailable: (situation) => {
    const dispute = situation.rights.disputes.find(({ disputeId }) => disputeId === situation.item)
    if (!dispute) return 'There is no such dispute.'
    return dispute.settled ? 'This dispute is settled already.' : erased(situation)
  },
  record: ({ settlement }, { rights, item }, erasures, issued) =>
    erasures.settleDispute(rights.participantId, item, settlement as Settlement, issued),
}
