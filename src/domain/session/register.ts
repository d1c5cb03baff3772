/** The register of a session: what came of it for each man, and what was found to be wrong about that afterwards. */
import { engagements, longestSession, type Engagement } from '../group/room.ts'
import { Refusal, type CommandContext } from '../history.ts'
import { attendanceCategoryOf, isOutcome, type Outcome } from '../journey/outcomes.ts'
import type { Classified } from '../privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type RegisterEvent =
  /** Whether he came to the session, and how he took part. It is carried to his journey from here. */
  | {
      type: 'RegisterMarked'
      data: {
        journeyId: string
        participantId: string
        outcome: Outcome
        /** How long he was there, in minutes. */
        minutes: number
        engagement: Engagement
        note?: string
      }
    }
  /** What the register said of him was wrong. It stays; this is believed from now on, and is carried to his journey. */
  | {
      type: 'RegisterCorrected'
      data: {
        journeyId: string
        participantId: string
        outcome: Outcome
        minutes: number
        engagement: Engagement
        /** What was believed until now. */
        was: Outcome
        /** The id of the event that said so. */
        corrects: string
        because: string
      }
    }

export const registerPrivacy: Classified<RegisterEvent> = {
  RegisterMarked: {
    journeyId: 'open',
    participantId: 'open',
    outcome: 'open',
    minutes: 'open',
    engagement: 'open',
    note: 'personal',
  },
  RegisterCorrected: {
    journeyId: 'open',
    participantId: 'open',
    outcome: 'open',
    minutes: 'open',
    engagement: 'open',
    was: 'open',
    corrects: 'open',
    because: 'personal',
  },
}

/** One man’s row as it was filled in. The codes are what was written, checked by the rule. */
export interface RegisterMark {
  readonly journeyId: string
  readonly participantId: string
  readonly outcome: string
  /** Where nobody says: as long as the session for who was there, none for who was not. */
  readonly minutes?: number
  readonly engagement?: string
  readonly note?: string
}

export type RegisterCommand = CommandContext &
  (
    | { type: 'MarkRegister'; data: { register: readonly RegisterMark[] } }
    | { type: 'CorrectRegister'; data: Omit<RegisterMark, 'note' | 'participantId'> & { because: string } }
  )

/** What is believed of one man at this session, and the event that said so last. */
export interface RegisterBelief {
  readonly participantId: string
  readonly outcome: Outcome
  readonly minutes: number
  readonly engagement: Engagement
  readonly saidBy: string
  readonly corrections: number
}

/** Of a register only some rows may be filled in: whoever is left out can be marked later. */
export function decideRegister(
  register: ReadonlyMap<string, RegisterBelief>,
  sessionMinutes: number,
  command: RegisterCommand,
): readonly RegisterEvent[] {
  if (command.type === 'CorrectRegister') {
    const { data } = command
    const known = register.get(data.journeyId)
    if (!known)
      throw new Refusal(
        'not_marked',
        'Nothing is recorded of him at this session yet. Mark him in the register instead.',
      )
    const row = checked(data, sessionMinutes)
    if (known.outcome === row.outcome && known.minutes === row.minutes && known.engagement === row.engagement)
      throw new Refusal('nothing_to_correct', 'That is what the register already says. There is nothing to correct.')
    if (data.because.trim() === '')
      throw new Refusal('no_reason', 'Say why the register was wrong. The reason stands beside the correction.')
    const { participantId, outcome: was, saidBy: corrects } = known
    return [{ type: 'RegisterCorrected', data: { ...row, participantId, was, corrects, because: data.because } }]
  }
  const marks = command.data.register
  if (marks.length === 0)
    throw new Refusal('nobody_marked', 'Nobody is marked in the register. Mark at least one person.')
  const men = new Set(marks.map(({ participantId }) => participantId))
  if (men.size < marks.length || new Set(marks.map(({ journeyId }) => journeyId)).size < marks.length)
    throw new Refusal('marked_twice', 'Somebody is marked twice. Mark each person once.')
  return marks.map((mark) => {
    if (register.has(mark.journeyId))
      throw new Refusal('already_marked', 'Somebody in this register is marked already. Correct that mark instead.')
    const { participantId, note } = mark
    return { type: 'RegisterMarked', data: { ...checked(mark, sessionMinutes), participantId, ...(note && { note }) } }
  })
}

/** @throws Refusal where a code or the minutes are none that there are */
function checked({ journeyId, outcome, ...row }: Omit<RegisterMark, 'participantId' | 'note'>, sessionMinutes: number) {
  if (!isOutcome(outcome))
    throw new Refusal(
      'unknown_outcome',
      'That is not one of the attendance outcome codes. Choose an outcome from the list.',
    )
  const category = attendanceCategoryOf(outcome)
  const { minutes = category === 'attended' ? sessionMinutes : 0, engagement = 'not_stated' } = row
  if (!(Number.isInteger(minutes) && minutes >= 0 && minutes <= longestSession))
    throw new Refusal(
      'unknown_minutes',
      `Somebody is in a session for 0 to ${longestSession} minutes. Correct the minutes.`,
    )
  if (!isEngagement(engagement))
    throw new Refusal('unknown_engagement', 'That is not one of the ways of taking part. Choose one from the list.')
  return { journeyId, outcome, minutes, engagement }
}

const isEngagement = (code: string): code is Engagement => Object.hasOwn(engagements, code)
