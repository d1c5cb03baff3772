/** What the events of a pack come to, in words: read from the bytes that were verified, by the rules of the product itself. */
import { endOfDay, type Day, type Instant } from '../../domain/calendar.ts'
import { PoisonEvent, recordedFrom } from '../../domain/codec.ts'
import { detailOf, factSentenceOf, sentenceOf, wordsOf } from '../../domain/event-words.ts'
import type { DomainEvent } from '../../domain/events.ts'
import type { Recorded } from '../../domain/history.ts'
import { statuses } from '../../domain/journey/figures.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { outcomes, reasons } from '../../domain/journey/outcomes.ts'
import { daysLate, isLate, journeyAt, type ChangedBelief } from '../../domain/journey/replay.ts'
import { programmeAt, sessionOf } from '../../domain/programme.ts'
import type { EvidencePack, PackedEvent } from './pack-format.ts'

/** One event as a reader wants it. */
export interface EventInWords {
  /** Nothing where the event cannot be understood. */
  readonly name: string
  readonly sentence: string
  readonly detail: string
  readonly occurredOn: Day | null
  readonly recordedAt: Instant | null
  readonly who: string
  readonly source: string
  /** Whole days; 0 where it was in time. */
  readonly daysLate: number
  /** The revision of the event that this one corrects. */
  readonly corrects: number | null
  /** The revision of the last event that corrects this one. */
  readonly correctedBy: number | null
  /** What was sealed could not be opened when the pack was made: its key was missing. */
  readonly isKeyMissing: boolean
}

export interface JourneyAccount {
  readonly status: string
  readonly figures: readonly (readonly [what: string, value: string])[]
  readonly sessions: readonly {
    readonly session: string
    readonly heldOn: Day
    readonly outcome: string
    readonly revision: number
  }[]
  /** What was believed then and is no longer. */
  readonly changed: readonly {
    readonly about: string
    readonly then: string
    readonly now: string
    readonly revision: number
  }[]
  /** How many events had been recorded by then, of how many in the pack. */
  readonly events: { readonly counted: number; readonly all: number }
}

/** In words, in the order of the pack. */
export function toldEvents(pack: EvidencePack): EventInWords[] {
  const understood = pack.events.map(understoodEvent)
  const correctedBy = new Map<string, number>()
  for (const event of understood) {
    const corrects = event && correctedRevision(event)
    if (event && corrects !== null && corrects !== undefined)
      correctedBy.set(`${event.stream} ${corrects}`, event.revision)
  }
  return understood.map((event, n) => {
    const packed = pack.events[n]!
    if (!event) return { ...notUnderstood, sentence: `This release cannot read an event of type ${packed.type}.` }
    const { actor, occurredAt, recordedAt, source } = event.metadata
    return {
      name: wordsOf(event.type).name,
      sentence: sentenceOf(event),
      detail: detailOf(event),
      occurredOn: occurredAt,
      recordedAt,
      who: [
        actor.id,
        actor.role === 'not-stated' ? 'role not stated' : actor.role.replaceAll('_', ' '),
        actor.organisation,
      ]
        .filter(Boolean)
        .join(', '),
      source,
      daysLate: isLate(event) ? daysLate(event) : 0,
      corrects: correctedRevision(event),
      correctedBy: correctedBy.get(`${event.stream} ${event.revision}`) ?? null,
      isKeyMissing: pack.hasPersonalFields && packed.opened === null && 'sealed' in event.data,
    }
  })
}

/** @param knownOn counts what had been recorded by the end of that day; null counts everything */
export function journeyAccount(pack: EvidencePack, knownOn: Day | null): JourneyAccount | null {
  if (pack.scope.of !== 'journey') return null
  const events = pack.events.flatMap((one) => {
    const event = understoodEvent(one)
    return event ? [event as Recorded<JourneyEvent>] : []
  })
  const { status, facts, figures, included, changedSince } = journeyAt(events, {
    clock: 'known',
    by: knownOn === null ? endOfTime : endOfDay(knownOn),
  })
  const { key, version } = facts.programme ?? { key: '', version: 0 }
  const programme = programmeAt(key, version)
  const nameOf = (id: string) => (programme && sessionOf(programme, id)?.name) ?? id
  return {
    status: statuses[status],
    figures: [
      ['Sessions attended', String(figures.attended)],
      ['Acceptable absences', String(figures.acceptable_absences)],
      ['Unacceptable absences', String(figures.unacceptable_absences)],
      ['Corrections', String(figures.corrections)],
      ['Reasons for leaving recategorised', String(figures.recategorisations)],
      ['Facilitators met', String(figures.facilitators_met)],
      ...(figures.reason ? [['Reason for leaving', reasons[figures.reason]] as const] : []),
    ],
    sessions: [...facts.sessions].map(([id, { outcome, heldOn, revision }]) => ({
      session: nameOf(id),
      heldOn,
      outcome: outcomes[outcome],
      revision,
    })),
    changed: changedSince.map((change) => changedInWords(change, events, nameOf)),
    events: { counted: included.length, all: pack.events.length },
  }
}

function changedInWords(
  change: ChangedBelief,
  events: readonly Recorded<JourneyEvent>[],
  nameOf: (sessionId: string) => string,
): JourneyAccount['changed'][number] {
  const { revision } = change
  switch (change.about) {
    case 'session': {
      const now = change.now === null ? notOnRecord : outcomes[change.now]
      return { about: nameOf(change.sessionId), then: outcomes[change.then], now, revision }
    }
    case 'reason':
      return { about: 'Reason for leaving', then: reasons[change.then], now: reasons[change.now], revision }
    case 'record': {
      const said = (at: number) => {
        const event = events.find((one) => one.revision === at)
        return event ? factSentenceOf(event) : `Event ${at}`
      }
      const now = change.now === null ? 'Withdrawn' : said(change.now)
      return { about: wordsOf(change.type).name, then: said(change.then), now, revision }
    }
  }
}

const notOnRecord = 'Nothing on record any more'

/** After every instant that can be recorded. */
const endOfTime = '9999-12-31T23:59:59.999Z'

const notUnderstood: EventInWords = {
  name: '',
  sentence: '',
  detail: '',
  occurredOn: null,
  recordedAt: null,
  who: '',
  source: '',
  daysLate: 0,
  corrects: null,
  correctedBy: null,
  isKeyMissing: false,
}

function correctedRevision(event: Recorded<DomainEvent>): number | null {
  if (event.type === 'AttendanceCorrected' || event.type === 'RecordCorrected') return event.data.corrects
  return event.type === 'RecordWithdrawn' ? event.data.withdraws : null
}

function understoodEvent({ id, type, stream, revision, data, metadata }: PackedEvent): Recorded<DomainEvent> | null {
  if (data.form !== 'canonical' || metadata.form !== 'canonical') return null
  try {
    return recordedFrom({
      id,
      type,
      stream,
      revision,
      data: JSON.parse(data.text) as unknown,
      metadata: JSON.parse(metadata.text) as unknown,
    })
  } catch (error) {
    if (error instanceof PoisonEvent || error instanceof SyntaxError) return null
    throw error
  }
}
