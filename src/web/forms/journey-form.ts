/** What one form of a journey consists of. Everything else (checking, check your answers, recording) is the same for all. */
import type { Day } from '../../domain/calendar.ts'
import type { JourneyCommand, JourneyEvent } from '../../domain/journey/journey.ts'
import type { JourneyHeader, TimelineEntry } from '../../queries/journeys.ts'
import type { RecordCorrection } from '../../commands/journey-command-handler.ts'
import type { FormError } from './date.ts'
import type { CommandFields, FormValues } from './form-fields.ts'

export interface Answer {
  /** The field of the command or event. */
  readonly field: string
  /** The control of the form that asks for it. */
  readonly control: string
  readonly label: string
  /** What the record said until now, where that is changed. */
  readonly was?: string
  readonly text: string
}

/** What decides whether a form can be offered: the journey as the read model has it. */
export interface JourneyRecord {
  readonly header: JourneyHeader
  readonly entries: readonly TimelineEntry[]
}

/** What a form is filled in and checked with. */
export interface JourneySituation extends JourneyRecord {
  /** The groups to choose from; null where one has to be typed. */
  readonly groups: readonly string[] | null
  readonly today: Day
}

/** A command as a form makes it, and the event it adds. What a record said until now is read from the log, not from a form. */
export type FormCommand = {
  [T in JourneyCommand['type']]: {
    readonly type: T
    readonly event: JourneyEvent['type']
    readonly data: T extends 'CorrectRecord' ? RecordCorrection : Extract<JourneyCommand, { type: T }>['data']
    readonly occurredOn: Day
    /** What stands beside it when it is checked: what the record says until then. */
    readonly beside?: { readonly was?: string; readonly from?: string }
  }
}[JourneyCommand['type']]

export interface DateField {
  readonly legend: string
  /** How an error about it begins. */
  readonly subject: string
  /** Where the date may be later than the end of a journey that has ended. */
  readonly mayFollowTheEnd?: true
}

export interface JourneyForm<F extends CommandFields = CommandFields> {
  /** The last part of its address. */
  readonly path: string
  /** Its template, where that is not named like the address. */
  readonly template?: string
  readonly title: string
  /** On the button that records, and as the heading of what was recorded. */
  readonly confirm: string
  readonly recorded: string
  /** The heading of its check page: "Check your answers before …". */
  readonly doing: string
  readonly Fields: new () => F
  /** The controls from top to bottom. */
  readonly order: readonly string[]
  /** The date of what happened, where it is asked for. It is never later than the end of a journey that has ended. */
  readonly date?: DateField & { readonly name: string }
  /** The events it records. */
  readonly events: readonly JourneyEvent['type'][]
  /** The control to go to for a field of the command, where the two have different names. */
  readonly controls: Readonly<Record<string, string>>
  /** The control that puts a refusal right, by its code, and the one for all others. */
  readonly refusals: Readonly<Record<string, string>>
  readonly otherwise: string
  /** What an address may fill in: never anything personal. */
  readonly fromAddress?: readonly string[]
  /** Why it cannot be done as the journey stands, in one sentence; null where it can. */
  unavailable(record: JourneyRecord): string | null
  /** What it is filled in with before anybody types. */
  initial?(situation: JourneySituation): FormValues
  /** What is wrong only because of what is on this journey. */
  check?(fields: F, situation: JourneySituation): readonly FormError[]
  /** What is checked before it is recorded, where that is not simply what the command says. */
  answers?(recorded: { readonly data: object; readonly occurredOn: Day }, header: JourneyHeader): readonly Answer[]
  /** What its template shows beside the fields. */
  view(situation: JourneySituation, values: FormValues): object
  /** Called where every field is right. @param day the date of what happened, where it is asked for */
  command(fields: F, day: Day, situation: JourneySituation): FormCommand
}

/** The sentence for every form of a journey that has ended. */
export const endedAlready = ({ header }: JourneyRecord): string | null =>
  header.endedOn === null ? null : 'This journey has ended.'
