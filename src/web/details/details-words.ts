/** What is on record of who a man is, and what was, in words: each correction with what it changed. */
import type { Details } from '../../domain/participant.ts'
import type { DetailsVersion } from '../../queries/journeys.ts'
import { sayDay } from '../layout/dates.ts'

/** Each field of his details: what it is called, and the control that asks for it. */
export const detailsFields = {
  familyName: { label: 'Family name', control: 'familyName' },
  givenNames: { label: 'Given names', control: 'givenNames' },
  crn: { label: 'CRN', control: 'crn' },
  dateOfBirth: { label: 'Date of birth', control: 'dateOfBirth-day' },
} as const satisfies Readonly<Record<keyof Details, { readonly label: string; readonly control: string }>>

const fieldNames = Object.keys(detailsFields) as (keyof Details)[]

export interface DetailChange {
  readonly field: keyof Details
  readonly label: string
  readonly control: string
  readonly was: string
  readonly now: string
}

/** What differs between two tellings of who he is. */
export const changesBetween = (was: Details, now: Details): readonly DetailChange[] =>
  fieldNames
    .filter((field) => was[field] !== now[field])
    .map((field) => ({
      field,
      ...detailsFields[field],
      was: sayDetail(field, was[field]),
      now: sayDetail(field, now[field]),
    }))

export interface DetailsCorrectionSaid {
  readonly revision: number
  readonly changes: readonly DetailChange[]
  readonly recordedAt: string
  readonly recordedBy: string
  /** A person said it, and not another system. */
  readonly byPerson: boolean
  readonly because: string | null
}

/** Every correction of who he is, the newest first; none where his key is gone. */
export const correctionsOf = (told: readonly DetailsVersion[]): readonly DetailsCorrectionSaid[] =>
  told
    .slice(1)
    .map((version, n) => ({
      revision: version.revision,
      changes: changesBetween(told[n]!.details, version.details),
      recordedAt: version.recordedAt,
      recordedBy: version.recordedBy,
      byPerson: version.corrects !== null,
      because: version.because,
    }))
    .filter(({ changes }) => changes.length > 0)
    .reverse()

const sayDetail = (field: keyof Details, value: string | undefined): string =>
  !value ? 'Not recorded' : field === 'dateOfBirth' ? sayDay(value) : value
