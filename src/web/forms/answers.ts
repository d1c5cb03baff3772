/** A command or an event as a list of answers: what is checked before it is recorded, and what was recorded. */
import type { Day } from '../../domain/calendar.ts'
import { wordsOf } from '../../domain/event-words.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { isOutcome, isReason, outcomes, reasons } from '../../domain/journey/outcomes.ts'
import {
  referralSourceNames,
  suitabilityNames,
  type ReferralSource,
  type Suitability,
} from '../../domain/journey/referral.ts'
import { programmeAt, sessionOf } from '../../domain/programme.ts'
import type { JourneyHeader } from '../../queries/journeys.ts'
import { sayDay } from '../layout/dates.ts'
import type { Answer, JourneyForm } from './journey-form.ts'

type Programme = Pick<JourneyHeader, 'programmeKey' | 'programmeVersion'>

const sayOutcome = (code: string) => (isOutcome(code) ? `${outcomes[code]} (${code})` : code)
const sayReason = (code: string) => (isReason(code) ? reasons[code] : code)
const asTyped = (text: string) => text

/** In the order in which they are listed. What an event holds beside these (what it corrects, columns as written) is on the timeline. */
const fields: Readonly<Record<string, readonly [label: string, say: (value: string, programme: Programme) => string]>> =
  {
    sessionId: ['Session', saySession],
    was: ['Recorded until now as', sayOutcome],
    outcome: ['Outcome', sayOutcome],
    plannedFacilitators: ['Facilitators planned', asTyped],
    actualFacilitators: ['Facilitators who delivered it', asTyped],
    startedAt: ['Began at', asTyped],
    endedAt: ['Ended at', asTyped],
    decision: ['Decision', (code) => suitabilityNames[code as Suitability]],
    result: ['Result', asTyped],
    groupId: ['Group', asTyped],
    provider: ['Provider', asTyped],
    source: ['Referred by', (code) => referralSourceNames[code as ReferralSource]],
    programme: ['Programme', asTyped],
    about: ['About', asTyped],
    reason: ['Reason', sayReason],
    from: ['Reason until now', sayReason],
    to: ['Reason', sayReason],
    because: ['Why the record was wrong', asTyped],
    note: ['Note', asTyped],
  }

/** One field in words. */
export function sayField(
  field: string,
  text: string,
  programme: Programme,
): { readonly label: string; readonly text: string } {
  const [label, say] = fields[field] ?? [field, asTyped]
  return { label, text: text === '' ? '' : say(text, programme) }
}

function saySession(id: string, { programmeKey, programmeVersion }: Programme): string {
  const programme = programmeAt(programmeKey, programmeVersion)
  const name = programme && sessionOf(programme, id)?.name
  return name ? `${id}: ${name}` : id
}

/** In the order in which the form asks for them. @param recorded a command or an event of that form */
export function answersOf(
  form: JourneyForm,
  recorded: { readonly event: JourneyEvent['type']; readonly data: object; readonly occurredOn: Day },
  programme: Programme,
): readonly Answer[] {
  const given = recorded.data as Readonly<Record<string, unknown>>
  const rows = Object.entries(fields).flatMap(([field, [label, say]]) => {
    const value: unknown = given[field]
    const text: unknown = Array.isArray(value) ? value.join(', ') : value
    return typeof text === 'string' && text !== '' ? [{ field, label, text: say(text, programme) }] : []
  })
  const answers: Answer[] = [
    ...(form.events.length > 1 ? [{ field: 'event', label: 'What happened', text: wordsOf(recorded.event).name }] : []),
    ...(form.date ? [{ field: 'occurredOn', label: 'Date', text: sayDay(recorded.occurredOn) }] : []),
    ...rows,
  ].map((answer) => ({ ...answer, control: form.controls[answer.field] ?? answer.field }))
  const place = ({ control }: Answer) => form.order.indexOf(control)
  return answers.toSorted((a, b) => place(a) - place(b))
}
