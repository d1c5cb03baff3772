/** The file of refused records: in the file's own columns, with why each was refused, so that it can be mended and imported as it is. */
import { createWriteStream, existsSync, openSync, renameSync, rmSync, statSync, type WriteStream } from 'node:fs'
import { once } from 'node:events'
import { outcomeCodes, reasonCodes } from '../domain/journey/outcomes.ts'
import { programmes } from '../domain/programme.ts'
import { contactNames, dayFrom, NotAContactLog, type Column, type NumberedRow } from './contact-log.ts'
import { addedColumns } from './reading/contact-log-file.ts'
import { csvLine } from './reading/csv.ts'

/** Written under another name and given its own when it is whole, readable by its owner only: it holds what the file held. */
export class RejectsFile {
  private readonly part: string
  private readonly out: WriteStream
  private failed: Error | undefined

  constructor(
    private readonly path: string,
    private readonly header: readonly string[],
    private readonly delimiter: string,
  ) {
    this.part = `${path}.part`
    try {
      if (existsSync(path) && !statSync(path).isFile()) throw new Error('it is not a file')
      rmSync(this.part, { force: true })
      this.out = createWriteStream(this.part, { fd: openSync(this.part, 'wx', 0o600) })
    } catch (error) {
      throw new NotAContactLog(
        `The rejects cannot be written to ${path}: ${(error as Error).message}. Say where with --rejects.`,
      )
    }
    this.out.on('error', (error) => (this.failed ??= error))
    // Without the byte-order mark a spreadsheet would take it for another encoding.
    this.out.write(`\uFEFF${csvLine([...header, ...addedColumns], delimiter)}`)
  }

  async add(numbered: NumberedRow, reason: string): Promise<void> {
    if (this.failed) throw this.failed
    const { column, expected } = explanationOf(numbered.row, reason)
    const width = this.header.length
    const own = Array.from({ length: width }, (_, at) => numbered.cells[at] ?? '')
    // Cells that the header has no column for come last: in front, they would push the added ones out of theirs.
    const beyond = numbered.cells.slice(width)
    const line = csvLine([...own, String(numbered.line), reason, column, expected, ...beyond], this.delimiter)
    if (!this.out.write(line)) await once(this.out, 'drain')
  }

  async finish(): Promise<void> {
    this.out.end()
    await once(this.out, 'close')
    if (this.failed) throw this.failed
    renameSync(this.part, this.path)
  }

  abandon(): void {
    this.out.destroy()
    rmSync(this.part, { force: true })
  }
}

export interface Explanation {
  /** Where to mend it; empty where it is not in one column. */
  readonly column: Column | ''
  /** What would have been taken there. */
  readonly expected: string
}

const reasonsForLeaving = `one of ${reasonCodes.join(', ')}`
const dates = {
  recorded_at: 'a real date and time as dd/mm/yyyy HH:MM, like 01/05/2023 14:30',
  occurred_on: 'a real date as dd/mm/yyyy, like 01/05/2023',
  date_of_birth: 'a real date as dd/mm/yyyy, like 23/11/1985',
}

/** For each reason that a record can be refused for, which column to look at and what would have been taken there. */
const explanations: Readonly<Record<string, (row: NumberedRow['row']) => Explanation>> = {
  too_many_columns: () => ({
    column: '',
    expected: 'no more cells than the header has columns: a cell with a separator in it must be in quotation marks',
  }),
  bad_crn: () => ({ column: 'crn', expected: 'a capital letter and six digits, like X123456' }),
  bad_date: (row) => {
    const column = wrongDateIn(row)
    return { column, expected: dates[column] }
  },
  bad_reference: () => ({
    column: 'journey_ref',
    expected: 'a reference on one line, without tabs or control characters',
  }),
  unknown_contact: () => ({ column: 'contact', expected: `one of ${contactNames.join(', ')}` }),
  recorded_before_occurred: ({ recorded_at }) => ({
    column: 'occurred_on',
    expected: `${recorded_at.slice(0, 10)} or earlier: the day on which it was recorded`,
  }),
  already_referred: () => ({ column: 'contact', expected: 'one Referral for each journey_ref: this journey has one' }),
  no_referral: () => ({
    column: 'journey_ref',
    expected: 'a journey_ref that has a Referral before this record. Once it has, import with --reconsider',
  }),
  wrong_participant: () => ({ column: 'crn', expected: 'the CRN of this journey’s Referral' }),
  journey_ended: () => ({
    column: 'occurred_on',
    expected: 'a day up to the end of the journey, and one ending for each journey',
  }),
  unknown_session: () => ({
    column: 'session',
    expected: programmes
      .map(({ key, sessions }) => `for ${key} one of ${sessions.map(({ id }) => id).join(', ')}`)
      .join('; '),
  }),
  unknown_outcome: () => ({ column: 'outcome', expected: `one of ${outcomeCodes.join(', ')}` }),
  not_allocated: () => ({
    column: 'contact',
    expected: 'an Allocated to group of this journey before its first Session',
  }),
  already_recorded: () => ({
    column: 'session',
    expected: 'a session that is not recorded yet: what is recorded is changed by a Session correction',
  }),
  nothing_to_correct: () => ({
    column: 'outcome',
    expected: 'another outcome than the session has, of a session that is recorded',
  }),
  unknown_reason: () => ({ column: 'outcome', expected: reasonsForLeaving }),
  nothing_to_recategorise: () => ({ column: 'contact', expected: 'a Dropped out of this journey before it' }),
  not_started: () => ({ column: 'contact', expected: 'a session attended before the journey is completed' }),
}

/** A reason that is not listed here is explained in docs/contact-log.md. */
export const explanationOf = (row: NumberedRow['row'], reason: string): Explanation =>
  Object.hasOwn(explanations, reason)
    ? explanations[reason]!(row)
    : { column: '', expected: 'see the reason in docs/contact-log.md' }

function wrongDateIn({
  recorded_at,
  occurred_on,
}: NumberedRow['row']): 'recorded_at' | 'occurred_on' | 'date_of_birth' {
  const isMoment = /^.{10} ([01]\d|2[0-3]):[0-5]\d$/s.test(recorded_at) && dayFrom(recorded_at.slice(0, 10)) !== null
  if (!isMoment) return 'recorded_at'
  return dayFrom(occurred_on) === null ? 'occurred_on' : 'date_of_birth'
}
