/** Each question of an inspector: its words, the fields of its threshold, and its answers as rows of a table. */
import { Injectable } from '@nestjs/common'
import { dayOf, type Day } from '../../domain/calendar.ts'
import { lateAfterDays } from '../../domain/journey/replay.ts'
import { Questions, type Answers, type Gap } from '../../queries/questions.ts'
import { sayCount, sayDayShort } from '../layout/dates.ts'
import { registerAddress, dayIn, numberIn } from './asked.ts'

export const questionNames = [
  'recording-bursts',
  'corrections-before-inspection',
  'recategorised-by-one-person',
  'man-in-two-places',
  'facilitator-in-two-places',
  'delivered-untrained',
  'gaps',
] as const
export type QuestionName = (typeof questionNames)[number]

export const questionWords: Readonly<Record<QuestionName, { readonly title: string; readonly definition: string }>> = {
  'recording-bursts': {
    title: 'Many late records in one day',
    definition:
      'Days on which one person recorded many things that had happened long before. It may be a backlog that was worked off, or a history that was made up.',
  },
  'corrections-before-inspection': {
    title: 'Corrections before an inspection',
    definition:
      'People who corrected or withdrew many records in the days before an inspection, beside what they correct in as many days otherwise, over the 52 weeks before.',
  },
  'recategorised-by-one-person': {
    title: 'Outcomes recategorised by one person',
    definition:
      'People who changed the reason on record for somebody’s leaving, and how many of all such changes are theirs.',
  },
  'man-in-two-places': {
    title: 'One man in two places',
    definition:
      'Days on which two groups or more have a record that the same man came, by what is believed now. A man who moved to another group that day stands here as well.',
  },
  'facilitator-in-two-places': {
    title: 'One facilitator in two places',
    definition:
      'Two sessions that were held at the same time and that one facilitator is recorded as having delivered. Only sessions that were kept in this service have times of day: those from contact logs cannot be compared.',
  },
  'delivered-untrained': {
    title: 'Sessions delivered by someone untrained',
    definition:
      'Facilitators who are recorded as having delivered sessions on days on which no training of theirs for that programme was in force: none was completed by then, or the last had lapsed. What counts is the day of the session and not today. Somebody who is not on the list of facilitators has no training on record.',
  },
  gaps: {
    title: 'Times in which nothing was recorded',
    definition:
      'Journeys that were open and on which nothing was recorded for a long time, each once, with its longest such time. The days on which it was recorded count, not the days on which it happened.',
  },
}

/** A field of a threshold, as the form shows it. */
interface Field {
  readonly id: string
  readonly label: string
  readonly value: string | number
  readonly type: 'number' | 'date'
}

export interface AnswerTable {
  readonly caption: string
  readonly columns: readonly string[]
  readonly total: number
  readonly rows: readonly {
    /** The journey that its first cell names; null where `subject` does. */
    readonly journeyId: string | null
    readonly subject: string
    readonly href: string
    readonly cells: readonly string[]
    /** Further ways to the events. */
    readonly links: readonly { readonly text: string; readonly href: string }[]
  }[]
}

export interface AnsweredQuestion {
  readonly fields: readonly Field[]
  /** The thresholds as they stand in the address. */
  readonly asked: Readonly<Record<string, string | number>>
  readonly tables: readonly AnswerTable[]
}

type Query = Readonly<Record<string, unknown>>

@Injectable()
export class InspectorQuestions {
  constructor(private readonly questions: Questions) {}

  /** @throws BadAddress where a threshold cannot be used */
  answer(name: QuestionName, query: Query): Promise<AnsweredQuestion> {
    switch (name) {
      case 'recording-bursts':
        return this.bursts(query)
      case 'corrections-before-inspection':
        return this.beforeInspection(query)
      case 'recategorised-by-one-person':
        return this.recategorised(query)
      case 'man-in-two-places':
        return this.menInTwoPlaces(query)
      case 'facilitator-in-two-places':
        return this.facilitatorsInTwoPlaces(query)
      case 'delivered-untrained':
        return this.untrained(query)
      case 'gaps':
        return this.gaps(query)
    }
  }

  private async bursts(query: Query): Promise<AnsweredQuestion> {
    const late = numberIn(query, 'late', lateAfterDays, 3_650) ?? lateAfterDays
    const records = numberIn(query, 'records', 2, 10_000) ?? 10
    const { answers, total } = await this.questions.recordingBursts(late, records)
    return {
      fields: [
        number('late', 'Recorded more than so many days late', late),
        number('records', 'At least so many in one day', records),
      ],
      asked: { late, records },
      tables: [
        {
          caption: 'Days with many late records',
          columns: ['Person', 'Day', 'Late records', 'Journeys', 'Latest'],
          total,
          rows: answers.map(({ by, on, records, journeys, longestDays }) => ({
            ...person(by, registerAddress('/registers/late-recording', { from: on, to: on, by })),
            cells: [sayDayShort(on), String(records), String(journeys), `${sayCount(longestDays, 'day')} late`],
          })),
        },
      ],
    }
  }

  private async beforeInspection(query: Query): Promise<AnsweredQuestion> {
    const inspection = dayIn(query, 'inspection') ?? today()
    const days = numberIn(query, 'days', 1, 364) ?? 14
    const corrections = numberIn(query, 'corrections', 1, 10_000) ?? 5
    const { answers, total } = await this.questions.correctionsBefore(inspection, days, corrections)
    return {
      fields: [
        { id: 'inspection', label: 'First day of the inspection', value: inspection, type: 'date' },
        number('days', 'In so many days before it', days),
        number('corrections', 'At least so many by one person', corrections),
      ],
      asked: { inspection, days, corrections },
      tables: [
        {
          caption: `Corrections in the ${sayCount(days, 'day')} before ${sayDayShort(inspection)}`,
          columns: ['Person', 'Corrections', `Otherwise in ${sayCount(days, 'day')}`],
          total,
          rows: answers.map(({ by, corrections, usually, from, to }) => ({
            ...person(by, registerAddress('/registers/corrections', { from, to, by })),
            cells: [String(corrections), usually.toFixed(1)],
          })),
        },
      ],
    }
  }

  private async recategorised(query: Query): Promise<AnsweredQuestion> {
    const outcomes = numberIn(query, 'outcomes', 1, 10_000) ?? 3
    const { answers, total, of } = await this.questions.recategorisers(outcomes)
    return {
      fields: [number('outcomes', 'At least so many by one person', outcomes)],
      asked: { outcomes },
      tables: [
        {
          caption: 'People who recategorised outcomes',
          columns: ['Person', 'Recategorised', 'Journeys', 'Share of all'],
          total,
          rows: answers.map(({ by, outcomes, journeys }) => ({
            ...person(by, registerAddress('/registers/recategorised-outcomes', { by })),
            cells: [`${outcomes} of ${of}`, String(journeys), `${Math.round((100 * outcomes) / of)}%`],
          })),
        },
      ],
    }
  }

  private async menInTwoPlaces(query: Query): Promise<AnsweredQuestion> {
    const days = numberIn(query, 'days', 1, 1_000) ?? 1
    const { answers, total } = await this.questions.menInTwoPlaces(days)
    return {
      fields: [number('days', 'On at least so many days', days)],
      asked: { days },
      tables: [
        {
          caption: 'Days in two groups',
          columns: ['Journey', 'Day', 'Groups and sessions'],
          total,
          rows: answers.map(({ journeyId, on, presences }) => ({
            journeyId,
            subject: '',
            href: `/journeys/${journeyId}`,
            cells: [sayDayShort(on), presences.map(({ group, session }) => `${group} (${session})`).join(', ')],
            links: presences.map(({ revision }) => eventLink(journeyId, revision)),
          })),
        },
      ],
    }
  }

  private async facilitatorsInTwoPlaces(query: Query): Promise<AnsweredQuestion> {
    const minutes = numberIn(query, 'minutes', 1, 480) ?? 1
    const { answers, total } = await this.questions.facilitatorsInTwoPlaces(minutes)
    return {
      fields: [number('minutes', 'For at least so many minutes', minutes)],
      asked: { minutes },
      tables: [
        {
          caption: 'Sessions at the same time',
          columns: ['Facilitator', 'Day', 'Sessions', 'At the same time'],
          total,
          rows: answers.map(({ facilitator, on, overlapMinutes, sessions }) => ({
            journeyId: null,
            subject: facilitator,
            href: `/sessions/${sessions[0]!.sessionId}`,
            cells: [
              sayDayShort(on),
              sessions.map(({ group, session, startsAt }) => `${group} (${session}) from ${startsAt}`).join(', '),
              sayCount(overlapMinutes, 'minute'),
            ],
            links: sessions.map(({ group, session, sessionId }) => ({
              text: `${session} of ${group}`,
              href: `/sessions/${sessionId}`,
            })),
          })),
        },
      ],
    }
  }

  private async untrained(query: Query): Promise<AnsweredQuestion> {
    const grace = numberIn(query, 'grace', 0, 3_650) ?? 0
    const least = numberIn(query, 'sessions', 1, 10_000) ?? 1
    const { answers, total } = await this.questions.untrained(grace, least)
    return {
      fields: [
        number('grace', 'A training counts for so many days after it lapsed', grace),
        number('sessions', 'At least so many sessions', least),
      ],
      asked: { grace, sessions: least },
      tables: [
        {
          caption: 'Facilitators without a training in force',
          columns: ['Facilitator', 'Sessions', 'The last of them', 'Training for the programme'],
          total,
          rows: answers.map(({ facilitator, sessions, heldUntil }) => ({
            journeyId: null,
            subject: facilitator,
            href: `/sessions/${sessions[0]!.sessionId}`,
            cells: [
              String(sessions.length),
              sayDayShort(sessions[0]!.on),
              heldUntil === null ? 'None completed' : `Lapsed after ${sayDayShort(heldUntil)}`,
            ],
            links: sessions.slice(0, mostLinks).map(({ group, session, sessionId }) => ({
              text: `${session} of ${group}`,
              href: `/sessions/${sessionId}`,
            })),
          })),
        },
      ],
    }
  }

  private async gaps(query: Query): Promise<AnsweredQuestion> {
    const days = numberIn(query, 'days', 7, 3_650) ?? 42
    const { past, lasting } = await this.questions.gaps(days, today())
    return {
      fields: [number('days', 'Nothing for at least so many days', days)],
      asked: { days },
      tables: [gapTable('Nothing since', lasting), gapTable('Nothing for a time, and then again', past)],
    }
  }
}

/** Of one row, at most so many sessions are linked: the latest. */
const mostLinks = 5

const gapTable = (caption: string, { answers, total }: Answers<Gap>): AnswerTable => ({
  caption,
  columns: ['Journey', 'Nothing recorded after', 'Until', 'For'],
  total,
  rows: answers.map(({ journeyId, days, from, to, revision }) => ({
    journeyId,
    subject: '',
    href: `/journeys/${journeyId}`,
    cells: [sayDayShort(from), to === null ? 'It still lasts' : sayDayShort(to), sayCount(days, 'day')],
    links: revision === null ? [] : [eventLink(journeyId, revision)],
  })),
})

const number = (id: string, label: string, value: number): Field => ({ id, label, value, type: 'number' })

const today = (): Day => dayOf(new Date().toISOString())

const person = (by: string, href: string) => ({
  journeyId: null,
  subject: by,
  href,
  links: [{ text: 'The records', href }],
})

const eventLink = (journeyId: string, revision: number) => ({
  text: `Event ${revision}`,
  href: `/journeys/${journeyId}/history#event-${revision}`,
})
