/** What one form about the rights of a participant consists of. Checking, check your answers and recording are the same for all. */
import type { CommandResult } from '../../commands/decide-and-append.ts'
import type { ErasureCommandHandler, IssuedByOfficer } from '../../commands/erasure-command-handler.ts'
import type { JourneyHeader } from '../../queries/journeys.ts'
import type { PersonRights } from '../../queries/rights.ts'

export interface Choice {
  readonly value: string
  readonly text: string
  readonly hint?: string
  /** What parts it from the choice before. */
  readonly after?: string
}

/** What decides whether a form can be offered, and what it says. */
export interface RightsSituation {
  readonly header: JourneyHeader
  readonly rights: PersonRights
  /** What can be disputed on this journey: the revision of each event, and what it is called. */
  readonly records: readonly Choice[]
  /** Every journey of his; null where they are not all known yet. */
  readonly journeys: readonly string[] | null
  /** Whoever asks for the page. */
  readonly by: string
  /** What the address names beside the journey: a hold, for instance. */
  readonly item: string
}

/** What a form asks for: a choice, from a list where there are many, or a text. */
export type RightsQuestion = {
  readonly name: string
  readonly label: string
  readonly hint?: string
  /** Where nothing was chosen or written. */
  readonly missing: string
} & ({ readonly kind?: 'radios' | 'select'; readonly choices: readonly Choice[] } | { readonly kind: 'text' })

export type RightsAnswers = Readonly<Record<string, string>>

export interface RightsForm {
  /** Its address below `/journeys/:id/rights`. */
  readonly path: string
  readonly title: string
  readonly doing: string
  readonly confirm: string
  readonly recorded: string
  /** What stands above the questions and again where the answers are checked: its template. */
  readonly says: string
  readonly questions: (situation: RightsSituation) => readonly RightsQuestion[]
  /** Whether it must be confirmed by typing his CRN, because it cannot be undone. */
  readonly isTyped: (answers: RightsAnswers) => boolean
  /** Why it cannot be done as things stand, in one sentence; null where it can. */
  unavailable(situation: RightsSituation): string | null
  record(
    answers: RightsAnswers,
    situation: RightsSituation,
    erasures: ErasureCommandHandler,
    issued: IssuedByOfficer,
  ): Promise<CommandResult>
}

/** The entries of a table of codes, as choices. */
export const choicesOf = (table: Readonly<Record<string, string>>): readonly Choice[] =>
  Object.entries(table).map(([value, text]) => ({ value, text }))
