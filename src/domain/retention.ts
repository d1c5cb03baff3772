/** How long records are kept: rules as data, each with its source. A deployment with a retention schedule of its own changes this table. */
import { yearsBefore, type Day } from './calendar.ts'

export interface RetentionRule {
  /** What it is about, as a page says it. */
  readonly what: string
  /** How many years a record is kept after the last of his journeys ended. */
  readonly years: number
  readonly source: string
}

/**
 * Six years after the end, in which claims about what was done or not done can be brought. While a journey is open a record is
 * kept, whatever its age; a hold keeps it for longer.
 */
export const retentionRule: RetentionRule = {
  what: 'A participant whose journeys have all ended',
  years: 6,
  source: 'Limitation Act 1980, sections 2 and 5: claims in tort and contract are brought within six years',
}

/** A record whose last journey ended on this day or before is due for review. */
export const dueUpTo = (today: Day, { years }: RetentionRule = retentionRule): Day => yearsBefore(today, years)
