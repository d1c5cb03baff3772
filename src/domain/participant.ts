/** Who a participant is: the only history that holds his name. Stream `participant-<id>`. */
import { dayInWords, isRecordableDay, type Day } from './calendar.ts'
import { adultAge, adultOn, refuseImpossibleDay, refuseMinor } from './dates.ts'
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
import { folding, Refusal, type CommandContext, type History, type Own, type Recorded } from './history.ts'
import type { Oddity } from './journey/oddities.ts'
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
  /**
   * His details were found to be wrong or to have changed. The earlier details stay in the log. Where a person said so, and not
   * another system, `corrects` is the revision that told the details believed until then, and `because` is why they were wrong.
   */
  | {
      type: 'ParticipantDetailsCorrected'
      data: Details & { fingerprint: string; corrects?: number; because?: string }
    }

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
  ParticipantDetailsCorrected: { ...privacy, corrects: 'open', because: 'personal' },
  ...erasurePrivacy,
  ...statementPrivacy,
}

/** Another system says who he is: what it says for the first time is believed. */
export type TellDetails = CommandContext & { type: 'TellDetails'; data: Details & { fingerprint: string } }

export type DetailsCommand =
  | TellDetails
  /** A person says that what is on record is wrong. */
  | (CommandContext & {
      type: 'CorrectDetails'
      data: Details & { fingerprint: string; because: string }
      /** The first day on record of any journey of his: he was an adult then. */
      recordedFrom?: Day
    })

export type ParticipantCommand = DetailsCommand | ErasureCommand | StatementCommand

export interface Participant extends Protection, OwnDisputes {
  readonly fingerprint: string | null
  /** The revision that told what is believed. */
  readonly toldBy: number | null
  /** The details that a person said are wrong, by fingerprint: told again by a system that has not heard of it, they change nothing. */
  readonly refuted: ReadonlySet<string>
  readonly handled: ReadonlySet<string>
}

export const participantHistory: History<Participant, ParticipantCommand, ParticipantEvent> = {
  category: 'participant',
  initial: { fingerprint: null, toldBy: null, refuted: new Set(), handled: new Set(), ...unprotected, ...nothingSaid },
  ...folding<Participant, ParticipantEvent>(
    (participant) => ({
      ...participant,
      refuted: new Set(participant.refuted),
      handled: new Set(participant.handled),
      holds: new Map(participant.holds),
      disputes: new Map(participant.disputes),
    }),
    (participant, event) => {
      participant.handled.add(event.metadata.commandId)
      if (saysDetails(event)) applyDetails(participant, event)
      else if (saysHimself(event)) applyStatement(participant, event)
      else applyErasure(participant, event)
    },
  ),
  decide(participant, command) {
    if (participant.handled.has(command.commandId)) return []
    if (command.type !== 'TellDetails' && command.type !== 'CorrectDetails') {
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
    const { fingerprint } = command.data
    if (!fingerprint) throw new Refusal('no_details', 'There is nothing to say who he is.')
    if (command.type === 'CorrectDetails') return correctedDetails(participant, command)
    if (participant.fingerprint === fingerprint || participant.refuted.has(fingerprint)) return []
    const type = participant.fingerprint === null ? 'ParticipantRegistered' : 'ParticipantDetailsCorrected'
    return [{ type, data: command.data }]
  },
}

function applyDetails(participant: Own<Participant>, event: Recorded<DetailsEvent>): void {
  const { fingerprint } = event.data
  if (event.type === 'ParticipantDetailsCorrected' && event.data.corrects !== undefined) {
    participant.refuted.add(participant.fingerprint!)
    participant.refuted.delete(fingerprint)
  }
  participant.fingerprint = fingerprint
  participant.toldBy = event.revision
}

function correctedDetails(
  { fingerprint, toldBy }: Participant,
  { data }: Extract<ParticipantCommand, { type: 'CorrectDetails' }>,
): readonly ParticipantEvent[] {
  if (toldBy === null) throw new Refusal('no_details', 'Nothing is on record of who he is.')
  if (data.because.trim() === '') throw new Refusal('no_reason', 'Say why the details were wrong.')
  if (fingerprint === data.fingerprint)
    throw new Refusal('nothing_to_correct', 'The details on record say this already. Change what is wrong.')
  return [{ type: 'ParticipantDetailsCorrected', data: { ...data, corrects: toldBy } }]
}

/** Nobody on a programme was born before 1900, or was a minor when he became known. What is copied is taken as it stands. */
function refuseImpossibleBirth(command: DetailsCommand): void {
  const { data, occurredOn, copied } = command
  const { dateOfBirth } = data
  if (copied || dateOfBirth === undefined) return
  if (!isRecordableDay(dateOfBirth))
    throw new Refusal('before_1900', 'His date of birth must be a real date in 1900 or later.')
  const adultFrom = adultOn(dateOfBirth)
  if (command.type === 'TellDetails') return refuseMinor(occurredOn, adultFrom)
  const { recordedFrom = occurredOn } = command
  if (recordedFrom < adultFrom)
    throw new Refusal(
      'before_adulthood',
      `Born on that day, he would have been younger than ${adultAge} on ${dayInWords(recordedFrom)}, the first day on record of him. Check his date of birth, or correct that record first.`,
    )
}

/** Older than this, in years, hardly anybody is referred to a programme: likelier a slip of the keyboard in the year. The figure is our own. */
const oldAge = 90

/** What is possible and improbable about a correction of who he is. */
export function odditiesOfDetails(was: Details, now: Details, today: Day): readonly Oddity[] {
  const found: Oddity[] = []
  const differs = (field: keyof Details) => was[field] !== undefined && was[field] !== now[field]
  if (differs('crn') && differs('dateOfBirth') && differs('familyName') && differs('givenNames'))
    found.push({
      code: 'another_person',
      sentence: 'The CRN, both names and the date of birth all change. What is on record stays with this man.',
    })
  const { dateOfBirth } = now
  const bornBefore = `${Number(today.slice(0, 4)) - oldAge}${today.slice(4)}`
  if (dateOfBirth !== undefined && differs('dateOfBirth') && dateOfBirth < bornBefore)
    found.push({
      code: 'very_old',
      sentence: `Born on ${dayInWords(dateOfBirth)}, he is more than ${oldAge} years old.`,
    })
  return found
}
