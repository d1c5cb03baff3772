/** Contact logs as specs write them: each row says what matters to the spec, the rest is left empty or taken from a referral. */
import { stringify } from 'csv-stringify/sync'
import { columns, type Column } from '../../src/exchange/contact-log.ts'

export type WrittenRow = Partial<Record<Column, string>>

/** A referral that an import accepts; the other contacts of his journey repeat what it says of him. */
export const referral = {
  journey_ref: 'R-1',
  crn: 'X000001',
  family_name: 'Example',
  given_names: 'Sam',
  date_of_birth: '01/02/1980',
  recorded_at: '01/05/2023 10:00',
  occurred_on: '01/05/2023',
  contact: 'Referral',
  programme: 'bbr',
  provider: 'North',
  recorded_by: 'F001',
} satisfies WrittenRow

/** A contact of another journey, numbered in six digits at most: R-7 of X000007. */
export const contactOf = (journey: number, contact: WrittenRow): WrittenRow => ({
  ...referral,
  journey_ref: `R-${journey}`,
  crn: `X${String(journey).padStart(6, '0')}`,
  ...contact,
})

/** The rows as a file of comma-separated values with its header; no line end after the last, as a program that appends would find it. */
export const writtenLog = (rows: readonly WrittenRow[]): string =>
  stringify([...rows], { columns: [...columns], header: true, eof: false })
