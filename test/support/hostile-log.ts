/**
 * Small contact logs that try to catch an import out: few journeys, few people, few days, so that everything collides.
 *
 * Most records are plausible, or the deeper rules would never be reached; then moments later they are repeated, reordered,
 * misattributed or misspelt. Seeded and shrinkable by fast-check. All synthetic.
 */
import fc from 'fast-check'
import { contactLogColumns, csvOf, type ContactRecord } from '../../src/simulator/contact-log.ts'

/** A log as records. They come roughly in order of recording, but not always. */
export function hostileLog(options: { maxRecords?: number } = {}): fc.Arbitrary<ContactRecord[]> {
  const { maxRecords = 60 } = options
  return fc
    .record({
      openings: fc.tuple(...refs.map((_, journey) => opening(journey))),
      turns: fc.array(
        fc.oneof({ weight: 12, arbitrary: turn.map((one) => [one]) }, { weight: 1, arbitrary: toAndFro }),
        {
          minLength: 1,
          maxLength: Math.max(1, maxRecords - 12),
          size: 'max',
        },
      ),
      spoilt: fc.array(fc.record({ at: anywhere, how: spoiling }), { maxLength: 8 }),
      repeated: fc.array(fc.record({ from: anywhere, to: anywhere }), { maxLength: 6 }),
      moved: fc.array(fc.record({ from: anywhere, to: anywhere }), { maxLength: 4 }),
      order: fc.oneof(
        { weight: 3, arbitrary: fc.constant('as told') },
        { weight: 2, arbitrary: fc.constant('as recorded') },
      ),
    })
    .map(({ openings, turns, spoilt, repeated, moved, order }) => {
      const log = [...openings.flat(), ...turns.flat()].slice(0, maxRecords)
      if (log.length === 0) return log
      const place = (at: number) => at % log.length
      for (const { at, how } of spoilt) log[place(at)] = { ...log[place(at)]!, ...how(log[place(at)]!) }
      for (const { from, to } of repeated) log.splice(to % (log.length + 1), 0, { ...log[place(from)]! })
      for (const { from, to } of moved) log.splice(place(to), 0, ...log.splice(place(from), 1))
      if (order === 'as recorded')
        log.sort((one, other) => compare(sortable(one.recorded_at), sortable(other.recorded_at)))
      return log
    })
}

/** The same log as the text of a file: with or without byte-order mark, either line ending, blank lines, short rows. */
export function hostileCsv(options: { maxRecords?: number } = {}): fc.Arbitrary<string> {
  return fc
    .record({
      log: hostileLog(options),
      mark: fc.boolean(),
      newline: fc.constantFrom('\r\n', '\n'),
      blankAfter: fc.array(anywhere, { maxLength: 3 }),
      trimmed: fc.array(anywhere, { maxLength: 10 }),
      finalNewline: fc.boolean(),
    })
    .map(({ log, mark, newline, blankAfter, trimmed, finalNewline }) => {
      const place = (at: number) => (log.length === 0 ? 0 : at % log.length)
      const short = new Set(trimmed.map(place))
      const blank = new Set(blankAfter.map(place))
      const lines = [contactLogColumns.join(',')]
      log.forEach((record, index) => {
        const line = csvOf([record]).split('\r\n').slice(1).join('\r\n').replace(/\r\n$/, '')
        // Empty columns at the end need not be sent; one comma stays, so that the line is still a record. A record that goes over
        // several lines has every field: a shorter one is taken for a quote that was never closed (docs/decisions/0030).
        lines.push(short.has(index) && !/[\r\n]/.test(line) ? line.replace(/(?<!^),+$/, '') : line)
        if (blank.has(index)) lines.push('')
      })
      return (mark ? '\uFEFF' : '') + lines.join(newline) + (finalNewline ? newline : '')
    })
}

/** Hostile logs without a property: the same seed always gives the same ones. */
export function sampleHostileLogs(seed: number, count: number): ContactRecord[][] {
  return fc.sample(hostileLog(), { seed, numRuns: count })
}

const refs = ['R-1', 'R-2', 'r-1']
const crns = ['A000001', 'B000002']
/** Two journeys are the same man's. */
const crnOf = [crns[0]!, crns[1]!, crns[0]!]

const anywhere = fc.nat({ max: 9973 })
const mostly = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>, weight = 15) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: unusual })

/** Ten days round the end of a leap-year February: everything happens on the same day as something else. */
const day = fc.integer({ min: 0, max: 9 })
const date = (count: number) => {
  const [year, month, dd] = new Date(Date.UTC(2024, 1, 25 + count)).toISOString().slice(0, 10).split('-')
  return `${dd}/${month}/${year}`
}
/** Same day nine times in ten times; a late record; now and then one made before it happened. */
const lag = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 5, 9, -1)
const minute = fc.constantFrom('00:00', '09:30', '09:30', '14:05', '23:59')

const session = mostly(
  fc.constantFrom('PG1', 'PG1', 'F1', 'F1', 'MR'),
  fc.constantFrom('FR', 'IR', 'F9', 'f1', ' F1', 'PG4', '', 'bbr'),
)
const outcome = mostly(
  fc.constantFrom('ATTC', 'AFTC', 'UAAB', 'AAME', 'CO05', 'RSSR'),
  fc.constantFrom(
    'ATSH',
    'ATSS',
    'AAAA',
    'AARE',
    'AASD',
    'AAHO',
    'AAEM',
    'AAFC',
    'AACL',
    'AARC',
    'CO10',
    'RSOF',
    'IAPSD',
    'attc',
    'ATTC ',
    'ATT',
    '',
  ),
  5,
)
const reason = mostly(
  fc.constantFrom('motivation', 'died', 'other', 'entered_in_error'),
  fc.constantFrom('', 'Other', 'moved area', 'ATTC', 'toString'),
  8,
)
const facilitators = fc.constantFrom(
  'F001',
  'F001;F002',
  'F002;F001',
  'F003;F003',
  'F001;',
  ';',
  '',
  'f001',
  'Zoë;F001',
)
const name = fc.constantFrom(
  'Smith',
  'SMITH',
  'Müller',
  'Mu\u0308ller',
  "O'Neill",
  'O’Neill',
  '王',
  '',
  ' Smith',
  'Smith, "Jr"',
  '🙂',
)
const note = mostly(
  fc.constant(''),
  fc.constantFrom('a\nb', 'a\r\nb', '"', 'say "when", then stop', ',', '\t', '\u200b', '𝒳', 'é', 'e\u0301'),
  3,
)

const blank = {
  family_name: 'Smith',
  given_names: 'Lee',
  date_of_birth: '29/02/1992',
  programme: '',
  group: '',
  session: '',
  outcome: '',
  planned_facilitators: '',
  actual_facilitators: '',
  provider: '',
  recorded_by: 'F001',
  note: '',
}

interface Told {
  journey: number
  crn?: string | undefined
  occurred: number
  late: number
  minute: string
}

const tell = (
  { journey, crn, occurred, late, minute }: Told,
  what: Partial<ContactRecord> & { contact: string },
): ContactRecord => ({
  ...blank,
  journey_ref: refs[journey]!,
  crn: crn ?? crnOf[journey]!,
  recorded_at: `${date(occurred + late)} ${minute}`,
  occurred_on: date(occurred),
  ...what,
})

const told: fc.Arbitrary<Told> = fc.record({
  journey: fc.constantFrom(0, 0, 0, 1, 1, 2),
  /** Now and then the record belongs to someone else. */
  crn: mostly(fc.constant(undefined), fc.constantFrom(...crns), 12),
  occurred: day,
  late: lag,
  minute,
})
const toldEarly = (journey: number) =>
  fc.record({ journey: fc.constant(journey), occurred: fc.constantFrom(0, 0, 0, 4), late: fc.constant(0), minute })

const referral = { contact: 'Referral', programme: 'bbr', provider: 'North' }

/** Most journeys begin as they should; some begin with whatever comes. */
const opening = (journey: number): fc.Arbitrary<ContactRecord[]> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: toldEarly(journey).map((at) => [
        tell(at, referral),
        tell(at, { contact: 'Allocated to group', group: 'G1' }),
      ]),
    },
    { weight: 2, arbitrary: toldEarly(journey).map((at) => [tell(at, referral)]) },
    {
      weight: 1,
      arbitrary: toldEarly(journey).map((at) => [
        tell(at, { contact: 'Allocated to group', group: 'G1' }),
        tell(at, referral),
      ]),
    },
    { weight: 1, arbitrary: fc.constant<ContactRecord[]>([]) },
  )

const turn: fc.Arbitrary<ContactRecord> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(
        told,
        fc.record({ session, outcome, planned_facilitators: facilitators, actual_facilitators: facilitators, note }),
      )
      .map(([at, what]) => tell(at, { contact: 'Session', group: 'G1', ...what })),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(told, session, outcome)
      .map(([at, session, outcome]) => tell(at, { contact: 'Session correction', session, outcome })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(told, reason).map(([at, outcome]) => tell(at, { contact: 'Dropped out', outcome })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(told, reason).map(([at, outcome]) => tell(at, { contact: 'Outcome recategorised', outcome })),
  },
  { weight: 2, arbitrary: told.map((at) => tell(at, { contact: 'Completed' })) },
  { weight: 2, arbitrary: fc.tuple(told, name).map(([at, family_name]) => tell(at, { ...referral, family_name })) },
  { weight: 2, arbitrary: told.map((at) => tell(at, { contact: 'Allocated to group', group: 'G2' })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        told,
        mostly(
          fc.constantFrom(
            ...[
              'Eligibility assessed',
              'Suitability decided',
              'Placed on waiting list',
              'Three-way meeting',
              'Programme review',
            ],
            ...['Warning', 'Breach initiated', 'Breach resolved', 'Recall', 'Provider transfer'],
          ),
          fc.constantFrom('', 'session', 'Session ', 'Home visit', 'constructor', 'Referral\u00a0'),
          4,
        ),
        note,
      )
      .map(([at, contact, note]) => tell(at, { contact, note })),
  },
)

/** Corrected, corrected back, corrected again; told twice on the way. */
const toAndFro: fc.Arbitrary<ContactRecord[]> = fc
  .tuple(told, fc.constantFrom('PG1', 'F1'), fc.constantFrom('ATTC', 'UAAB'), fc.constantFrom('AAME', 'AFTC'))
  .map(([at, session, first, second]) =>
    [first, second, first, first, second].map((outcome, index) =>
      tell(at, {
        contact: index === 0 ? 'Session' : 'Session correction',
        session,
        outcome,
        note: index > 2 ? 'again' : '',
      }),
    ),
  )

/** One column made wrong, or merely different. */
const spoiling: fc.Arbitrary<(record: ContactRecord) => Partial<ContactRecord>> = fc.oneof(
  fc
    .constantFrom(
      ...crns,
      'C000003',
      'a000001',
      'A00001',
      'A0000011',
      ' A000001',
      'A000001\n',
      'Á000001',
      'A٠٠٠٠٠١',
      '',
    )
    .map((crn) => () => ({ crn })),
  fc.constantFrom(...refs, 'R-1 ', ' R-1', 'R-9', '__proto__', '').map((journey_ref) => () => ({ journey_ref })),
  fc
    .constantFrom(
      '',
      '30/02/2024',
      '29/02/2023',
      '1/3/2024',
      '2024-03-01',
      '01/03/24',
      '00/03/2024',
      '01/13/2024',
      '01/03/2024 ',
      '31/04/2024',
      '29/02/1900',
      '٠١/٠٣/٢٠٢٤',
    )
    .chain((written) =>
      fc.constantFrom(...(['occurred_on', 'date_of_birth'] as const)).map((column) => () => ({ [column]: written })),
    ),
  fc
    .constantFrom(
      '',
      '01/03/2024',
      '01/03/2024 24:00',
      '01/03/2024 09:60',
      '01/03/2024 9:30',
      '01/03/2024 09:30:00',
      '01/03/2024T09:30',
      '30/02/2024 09:30',
      '01/03/2024  09:30',
    )
    .map((recorded_at) => () => ({ recorded_at })),
  name.map((family_name) => () => ({ family_name })),
  name.map((given_names) => () => ({ given_names })),
  note.map((note) => () => ({ note })),
  facilitators.map((actual_facilitators) => () => ({ actual_facilitators })),
  fc.constantFrom(...contactLogColumns).map((column) => () => ({ [column]: '' })),
  fc
    .constantFrom(...contactLogColumns)
    .map((column) => (record: ContactRecord) => ({ [column]: ` ${record[column]}` })),
  fc
    .constantFrom(...contactLogColumns)
    .map((column) => (record: ContactRecord) => ({ [column]: `${record[column]} ` })),
  fc
    .constantFrom(...contactLogColumns)
    .map((column) => (record: ContactRecord) => ({ [column]: record[column].toLowerCase() })),
  fc
    .constantFrom(...contactLogColumns)
    .map((column) => (record: ContactRecord) => ({ [column]: record[column].toUpperCase() })),
)

const sortable = (ukTimestamp: string) => ukTimestamp.replace(/^(\d\d)\/(\d\d)\/(\d{4})/, '$3$2$1')
const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
