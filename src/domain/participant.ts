/** Who a participant is: the only history that holds his name. Stream `participant-<id>`. */
import { isRecordableDay } from './calendar.ts'
import { adultOn, refuseImpossibleDay, refuseMinor } from './dates.ts'
import {
  applyErasure,
  decideErasure,
  erasurePrivacy,
  refuseErased,
  unprotected,
  type ErasureCommand,
  type ErasureEvent,
  type Protection,
} from './erasure.ts'
import { folding, Refusal, type History, type CommandContext } from './history.ts'
import type { Classified } from './privacy.ts'
import {
  applyStatement,
  decideStatement,
  nothingSaid,
  saysHimself,
  statementPrivacy,
  type StatementCommand,
  type StatementEvent,
  type OwnDisputes,
} from './statements.ts'

/** Everything that names him. */
export interface Details {
  readonly crn?: string
  readonly familyName?: string
  readonly givenNames?: string
  readonly dateOfBirth?: string
}

/** Names and fields are the stored format: add to them, never rename them. */
export type DetailsEvent =
  /** He became known to the service. `fingerprint` is a keyed digest of the details: it tells whether they changed, not what they are. */
  | { type: 'ParticipantRegistered'; data: Details & { fingerprint: string } }
  /** His details were found to be wrong or to have changed. The earlier details stay in the log. */
  | { type: 'ParticipantDetailsCorrected'; data: Details & { fingerprint: string } }

export type ParticipantEvent = DetailsEvent | ErasureEvent | StatementEvent

/** Whether an event of a participant says who he is. */
export const saysDetails = <E extends { type: string }>(event: E): event is Extract<E, DetailsEvent> =>
  event.type === 'ParticipantRegistered' || event.type === 'ParticipantDetailsCorrected'

const privacy = {
  crn: 'personal',
  familyName: 'personal',
  givenNames: 'personal',
  dateOfBirth: 'personal',
  fingerprint: 'open',
} as const

export const participantPrivacy: Classified<ParticipantEvent> = {
  ParticipantRegistered: privacy,
  ParticipantDetailsCorrected: privacy,
  ...erasurePrivacy,
  ...statementPrivacy,
}

/** Says who he is, whether he is known already or not. */
export type TellDetails = CommandContext & { type: 'TellDetails'; data: Details & { fingerprint: string } }

export type ParticipantCommand = TellDetails | ErasureCommand | StatementCommand

export interface Participant extends Protection, OwnDisputes {
  readonly fingerprint: string | null
  readonly handled: ReadonlySet<string>
}

export const participantHistory: History<Participant, ParticipantCommand, ParticipantEvent> = {
  category: 'participant',
  initial: { fingerprint: null, handled: new Set(), ...unprotected, ...nothingSaid },
  ...folding<Participant, ParticipantEvent>(
    (participant) => ({
      ...participant,
      handled: new Set(participant.handled),
      holds: new Map(participant.holds),
      disputes: new Map(participant.disputes),
    }),
    (participant, event) => {
      participant.handled.add(event.metadata.commandId)
      if (saysDetails(event)) participant.fingerprint = event.data.fingerprint
      else if (saysHimself(event)) applyStatement(participant, event)
      else applyErasure(participant, event)
    },
  ),
  decide(participant, command) {
    if (participant.handled.has(command.commandId)) return []
    if (command.type !== 'TellDetails') {
      if (participant.fingerprint === null) throw new Refusal('no_participant', 'There is no such participant.')
      switch (command.type) {
        case 'AddStatement':
        case 'DisputeRecord':
        case 'SettleDispute':
          refuseErased(participant.erasure)
          return decideStatement(participant, command)
        default:
          return decideErasure(participant, command)
      }
    }
    refuseErased(participant.erasure)
    refuseImpossibleDay(command)
    refuseImpossibleBirth(command)
    if (!command.data.fingerprint) throw new Refusal('no_details', 'There is nothing to say who he is.')
    if (participant.fingerprint === command.data.fingerprint) return []
    const type = participant.fingerprint === null ? 'ParticipantRegistered' : 'ParticipantDetailsCorrected'
    return [{ type, data: command.data }]
  },
}

/** Nobody on a programme was born before 1900, or was a minor when he became known. What is copied is taken as it stands. */
function refuseImpossibleBirth({ data: { dateOfBirth }, occurredOn, copied }: TellDetails): void {
  if (copied || dateOfBirth === undefined) return
  if (!isRecordableDay(dateOfBirth))
    throw new Refusal('before_1900', 'His date of birth must be a real date in 1900 or later.')
  refuseMinor(occurredOn, adultOn(dateOfBirth))
}
