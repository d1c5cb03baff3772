/** What an auditor asks of the log, as it stands in an address and as it is typed into a form. Nothing in it names anybody. */
import type { DayRange, SearchFilter, IndexClock } from '../../audit/event-search.ts'
import { isStreamName } from '../../audit/cases.ts'
import { isDay, type Day } from '../../domain/calendar.ts'
import { eventTypes, isEventType, privacyOf, type EventType } from '../../domain/events.ts'
import { wordsOf } from '../../domain/event-words.ts'
import type { Source } from '../../domain/history.ts'
import { sourceNames } from '../history/history.ts'
import { sayDay } from '../layout/dates.ts'

export type AskedFields = Readonly<Record<string, unknown>>

/** The parts of a question that are the same wherever events are looked for. */
export interface AskedFilter {
  readonly actor: string
  readonly type: EventType | ''
  readonly source: Source | ''
  readonly recorded: DayRange
  readonly happened: DayRange
}

const isSource = (text: string): text is Source => Object.hasOwn(sourceNames, text)

/** Of who records: an opaque id or a staff code, as the log has it. */
const actorShape = /^[\w.:@-]{1,100}$/

const textIn = (fields: AskedFields, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value.trim() : ''
}

const dayIn = (fields: AskedFields, name: string): Day | undefined => {
  const text = textIn(fields, name)
  return isDay(text) ? text : undefined
}

/** What is not understood is not asked: an address that somebody changed by hand shows more, never something else. */
export function filterAsked(query: AskedFields): AskedFilter {
  const [actor, type, source] = [textIn(query, 'actor'), textIn(query, 'type'), textIn(query, 'source')]
  return {
    actor: actorShape.test(actor) ? actor : '',
    type: isEventType(type) ? type : '',
    source: isSource(source) ? source : '',
    recorded: { from: dayIn(query, 'recorded-from'), to: dayIn(query, 'recorded-to') },
    happened: { from: dayIn(query, 'happened-from'), to: dayIn(query, 'happened-to') },
  }
}

/** The stream that an address names; null for none. */
export function readStream(query: AskedFields, name: string): string | null {
  const text = textIn(query, name)
  return isStreamName(text) ? text : null
}

export const filterOf = ({ actor, type, source, recorded, happened }: AskedFilter): Omit<SearchFilter, 'streams'> => ({
  actor: actor || undefined,
  types: type ? [type] : undefined,
  source: source || undefined,
  recorded,
  happened,
})

export const isFiltered = ({ actor, type, source, recorded, happened }: AskedFilter): boolean =>
  [actor, type, source, recorded.from, recorded.to, happened.from, happened.to].some(Boolean)

/** What is asked for, in words; empty where everything is. */
export function askedInWords({ actor, type, source, recorded, happened }: AskedFilter): string {
  const parts = [
    type && `“${wordsOf(type).name}”`,
    actor && `recorded by ${actor}`,
    source && `source: ${sourceNames[source].toLowerCase()}`,
    rangeInWords('recorded', recorded),
    rangeInWords('happened', happened),
  ]
  return parts.filter(Boolean).join(', ')
}

const rangeInWords = (what: string, { from, to }: DayRange): string =>
  [(from ?? to) && what, from && `from ${sayDay(from)}`, to && `to ${sayDay(to)}`].filter(Boolean).join(' ')

/** The clock that a search goes along: the one that dates are given for, or when things were recorded. */
export const clockOf = (query: AskedFields, { recorded, happened }: AskedFilter): IndexClock => {
  const order = textIn(query, 'order')
  if (order === 'recorded' || order === 'happened') return order
  return (happened.from ?? happened.to) && !(recorded.from ?? recorded.to) ? 'happened' : 'recorded'
}

/** The parameters of an address that asks the same again. */
export function parametersOf({ actor, type, source, recorded, happened }: AskedFilter): Record<string, string> {
  const all = {
    actor,
    type,
    source,
    'recorded-from': recorded.from,
    'recorded-to': recorded.to,
    'happened-from': happened.from,
    'happened-to': happened.to,
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => Boolean(entry[1])))
}

export const addressWith = (path: string, parameters: Readonly<Record<string, string>>, place = ''): string => {
  const query = new URLSearchParams(parameters).toString()
  return `${path}${query && '?'}${query}${place && `#${place}`}`
}

export interface TypedProblem {
  readonly href: string
  readonly text: string
}

const dateFields = {
  'recorded-from': 'Recorded from',
  'recorded-to': 'Recorded to',
  'happened-from': 'Happened from',
  'happened-to': 'Happened to',
} as const

/** A form's dates as days, as far as they are; `17/5/2024` and `2024-05-17` are the same. */
export function typedDates(body: AskedFields): {
  readonly fields: Record<string, string>
  readonly problems: TypedProblem[]
} {
  const fields: Record<string, string> = {}
  const problems: TypedProblem[] = []
  for (const [name, label] of Object.entries(dateFields)) {
    const text = textIn(body, name)
    if (!text) continue
    const day = typedDay(text)
    if (day) fields[name] = day
    else problems.push({ href: `#${name}`, text: `“${label}” must be a real date, like 17/5/2024` })
  }
  for (const clock of ['recorded', 'happened'] as const) {
    const [from, to] = [fields[`${clock}-from`], fields[`${clock}-to`]]
    if (from && to && from > to)
      problems.push({
        href: `#${clock}-to`,
        text: `“${dateFields[`${clock}-to`]}” must be the same as or after “${dateFields[`${clock}-from`]}”`,
      })
  }
  return { fields, problems }
}

/** @returns null for what is no day */
export function typedDay(text: string): Day | null {
  if (isDay(text)) return text
  const [, day = '', month = '', year = ''] = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text) ?? []
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  return isDay(iso) ? iso : null
}

/** A day as it is typed: `17/5/2024`. */
export const dayAsTyped = (day: Day | undefined): string =>
  day ? `${Number(day.slice(8))}/${Number(day.slice(5, 7))}/${day.slice(0, 4)}` : ''

const byName = eventTypes
  .map((type) => ({ type, name: wordsOf(type).name }))
  .toSorted((a, b) => a.name.localeCompare(b.name, 'en'))

export const typeItems = (chosen: string) => [
  { value: '', text: 'Any', selected: chosen === '' },
  ...byName.map(({ type, name }) => ({ value: type, text: name, selected: chosen === type })),
]

export const sourceItems = (chosen: string) => [
  { value: '', text: 'Any', selected: chosen === '' },
  ...Object.entries(sourceNames).map(([value, text]) => ({ value, text, selected: chosen === value })),
]

/** Every field that an event can have. */
const allFields = [...new Set(Object.values(privacyOf).flatMap((fields) => Object.keys(fields)))].toSorted()

export const isField = (text: string): boolean => allFields.includes(text)

/** A correction may say any field anew. */
export const typesWithField = (field: string): readonly EventType[] =>
  eventTypes.filter((type) => Object.hasOwn(privacyOf[type], field) || type === 'RecordCorrected')

export const fieldItems = (chosen: string) => [
  { value: '', text: 'Any', selected: chosen === '' },
  ...allFields.map((field) => ({ value: field, text: field, selected: chosen === field })),
]
