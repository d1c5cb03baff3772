/**
 * What a participant says himself about his record: a statement that stands beside it, and which records he disputes (Data
 * Protection Act 2018, section 46; UK GDPR, article 16). The events are in his own stream, and his words are sealed under his key.
 */
import { Refusal, type CommandContext, type Own, type Recorded } from './history.ts'
import type { Classified } from './privacy.ts'

/** How a dispute ended. */
export const settlements = {
  corrected: 'The record was put right',
  kept: 'The record is accurate and stays as it is',
  not_known: 'It cannot be established who is right: what he says stays beside the record',
  withdrawn: 'He no longer disputes it',
} as const
export type Settlement = keyof typeof settlements

/** Names and fields are the stored format: add to them, never rename them. */
export type StatementEvent =
  /** He added a statement of his own to his record. It is shown with the record, and never changed. */
  | { type: 'StatementAdded'; data: { statementId: string; text: string } }
  /** He says that a record is not accurate. It stays as it is until that is settled. */
  | { type: 'RecordDisputed'; data: { disputeId: string; journeyId: string; disputes: number; text: string } }
  /** Whether the disputed record is accurate was looked into. */
  | { type: 'DisputeSettled'; data: { disputeId: string; settlement: Settlement } }

export const statementPrivacy: Classified<StatementEvent> = {
  StatementAdded: { statementId: 'open', text: 'personal' },
  RecordDisputed: { disputeId: 'open', journeyId: 'open', disputes: 'open', text: 'personal' },
  DisputeSettled: { disputeId: 'open', settlement: 'open' },
}

export const statementEventTypes = Object.keys(statementPrivacy) as StatementEvent['type'][]

const isStatementType = new Set<string>(statementEventTypes)

/** Whether an event of a participant is about what he says himself. */
export const saysHimself = <E extends { type: string }>(event: E): event is Extract<E, StatementEvent> =>
  isStatementType.has(event.type)

export type StatementCommand = CommandContext &
  (
    | { type: 'AddStatement'; data: { statementId: string; text: string } }
    /** `disputes` is the revision of the event, of the journey that is named. */
    | { type: 'DisputeRecord'; data: { disputeId: string; journeyId: string; disputes: number; text: string } }
    | { type: 'SettleDispute'; data: { disputeId: string; settlement: Settlement } }
  )

/** What the rules know of his disputes: by id, whether one is settled, and which record it is about. */
export interface OwnDisputes {
  readonly disputes: ReadonlyMap<string, { readonly about: string; readonly isSettled: boolean }>
}

export const nothingSaid: OwnDisputes = { disputes: new Map() }

const aboutRecord = ({ journeyId, disputes }: { journeyId: string; disputes: number }) => `${journeyId}/${disputes}`

/** Changes the state in place. */
export function applyStatement(own: Own<OwnDisputes>, { type, data }: Recorded<StatementEvent>): void {
  if (type === 'RecordDisputed') own.disputes.set(data.disputeId, { about: aboutRecord(data), isSettled: false })
  if (type !== 'DisputeSettled') return
  const dispute = own.disputes.get(data.disputeId)
  if (dispute) own.disputes.set(data.disputeId, { ...dispute, isSettled: true })
}

export function decideStatement({ disputes }: OwnDisputes, command: StatementCommand): readonly StatementEvent[] {
  switch (command.type) {
    case 'AddStatement':
      refuseEmpty(command.data.text)
      return [{ type: 'StatementAdded', data: command.data }]
    case 'DisputeRecord': {
      refuseEmpty(command.data.text)
      const about = aboutRecord(command.data)
      if ([...disputes.values()].some((dispute) => dispute.about === about && !dispute.isSettled))
        throw new Refusal('disputed', 'He disputes this record already, and that is not settled yet.')
      return [{ type: 'RecordDisputed', data: command.data }]
    }
    case 'SettleDispute': {
      const dispute = disputes.get(command.data.disputeId)
      if (!dispute) throw new Refusal('no_dispute', 'There is no such dispute.')
      if (dispute.isSettled) throw new Refusal('dispute_settled', 'This dispute is settled already.')
      return [{ type: 'DisputeSettled', data: command.data }]
    }
  }
}

function refuseEmpty(text: string): void {
  if (text.trim() === '') throw new Refusal('nothing_said', 'There is nothing that he says.')
}
