/** An event of the log in the words and figures in which an auditor is shown it. */
import type { EventLinks } from '../../audit/event-search.ts'
import type { InspectedEvent, LeafVerdict } from '../../audit/event-reader.ts'
import { sentenceOf, wordsOf } from '../../domain/event-words.ts'
import { isEventType } from '../../domain/events.ts'
import { daysLate, isLate } from '../../domain/journey/replay.ts'
import { recorderInWords, sourceInWords, valueInWords } from '../history/history.ts'
import { pathDrawing } from './path-drawing.ts'

export const verdictNames: Readonly<Record<LeafVerdict, { readonly name: string; readonly says: string }>> = {
  ok: { name: 'Proven', says: 'What the store has is what was recorded: its record is a leaf of the signed log.' },
  altered: {
    name: 'Altered',
    says: 'What the store has is not what was recorded: its record is not that of its leaf.',
  },
  missing: { name: 'Missing', says: 'The signed log has this event, and the store has it no more.' },
  extra: {
    name: 'Never recorded',
    says: 'The store has this event among others that were recorded, and the log has no leaf for it.',
  },
  'not-yet-covered': {
    name: 'Not yet signed',
    says: 'No signed head covers it yet. One is signed every second in which something is recorded.',
  },
  'no-log': { name: 'Not compared', says: 'The evidence log is not open, so nothing can be compared with it.' },
}

interface Tag {
  readonly text: string
  readonly colour: 'orange' | 'red' | 'purple' | 'blue' | 'grey'
}

interface LinkInWords {
  readonly says: string
  readonly revision: number
}

/** What stands in a list of events. */
export interface EventInShort {
  readonly stream: string
  readonly revision: number
  readonly type: string
  readonly name: string
  readonly sentence: string
  readonly occurredOn: string | null
  readonly recordedAt: string | null
  readonly actor: string | null
  readonly source: string | null
  readonly tags: readonly Tag[]
  readonly verdict: LeafVerdict
  readonly verdictName: string
  readonly href: string
}

export const streamAddress = (stream: string): string => `/audit/streams/${stream}`

export const eventAddress = ({ stream, revision }: { readonly stream: string; readonly revision: number }): string =>
  `${streamAddress(stream)}?at=${revision}#event-${revision}`

export function eventInShort(one: InspectedEvent, links: EventLinks): EventInShort {
  const { event, stored, verdict } = one
  return {
    stream: one.stream,
    revision: one.revision,
    type: stored?.type ?? '',
    name: stored && isEventType(stored.type) ? wordsOf(stored.type).name : (stored?.type ?? 'Not in the store'),
    sentence: sentenceFor(one),
    occurredOn: event?.metadata.occurredAt ?? null,
    recordedAt: event?.metadata.recordedAt ?? stored?.receivedAt.toISOString() ?? null,
    actor: event ? recorderInWords(event.metadata) : null,
    source: event ? sourceInWords(event.metadata) : null,
    tags: tagsOf(one, links),
    verdict,
    verdictName: verdictNames[verdict].name,
    href: eventAddress(one),
  }
}

function sentenceFor({ event, stored, unreadable }: InspectedEvent): string {
  if (event) return sentenceOf(event)
  return stored ? `This event cannot be understood: ${unreadable}.` : 'The store has nothing at this revision.'
}

const isWithdrawal = (type: string) => type === 'RecordWithdrawn'

function tagsOf({ event, sealed }: InspectedEvent, { by }: EventLinks): Tag[] {
  const tags: Tag[] = []
  if (by.some(({ type }) => isWithdrawal(type))) tags.push({ text: 'Withdrawn', colour: 'red' })
  if (by.some(({ type }) => !isWithdrawal(type))) tags.push({ text: 'Corrected', colour: 'orange' })
  if (event && isLate(event)) tags.push({ text: `Recorded ${daysLate(event)} days late`, colour: 'orange' })
  if (event?.metadata.source === 'import') tags.push({ text: 'Imported', colour: 'blue' })
  if (event?.metadata.source === 'simulator') tags.push({ text: 'Demonstration', colour: 'purple' })
  if (sealed.isKeyMissing) tags.push({ text: 'Key missing', colour: 'grey' })
  return tags
}

/** How it puts others right, and others put it right. */
export function linksInWords({ target, by }: EventLinks, type: string): readonly LinkInWords[] {
  const links: LinkInWords[] = target === null ? [] : [{ says: doesInWords(type), revision: target }]
  return [...links, ...by.map((one) => ({ says: doneInWords(one.type), revision: one.revision }))]
}

const doesInWords = (type: string): string =>
  isWithdrawal(type) ? 'Withdraws' : type === 'OutcomeRecategorised' ? 'Recategorises' : 'Corrects'

const doneInWords = (type: string): string =>
  isWithdrawal(type) ? 'Withdrawn by' : type === 'OutcomeRecategorised' ? 'Recategorised by' : 'Corrected by'

/** Everything there is to see of one event. @param field the field that was asked for; it is marked */
export function wholeEvent(one: InspectedEvent, links: EventLinks, field: string) {
  const { event, stored, sealed, data, metadata, record, leafIndex, leafInLog, path, verdict } = one
  return {
    ...eventInShort(one, links),
    links: linksInWords(links, stored?.type ?? ''),
    verdictSays: verdictNames[verdict].says,
    receivedAt: stored?.receivedAt.toISOString() ?? null,
    eventId: stored?.id ?? null,
    position: stored?.position == null ? null : String(stored.position),
    payload: event
      ? Object.entries(event.data)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => ({
            field: name,
            text: valueInWords(value),
            isSealed: sealed.fields.includes(name),
            isAsked: name === field,
          }))
      : [],
    metadataRows: event
      ? Object.entries(event.metadata).map(([name, value]) => ({ field: name, text: valueInWords(value) }))
      : [],
    stored: stored && JSON.stringify({ type: stored.type, data: stored.data, metadata: stored.metadata }, null, 2),
    data,
    metadata,
    record,
    recordBytes: record === null ? 0 : Buffer.byteLength(record),
    leafIndex,
    leafInLog,
    path,
    drawing: path && pathDrawing(path),
  }
}
