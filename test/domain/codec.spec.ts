import { describe, expect, it } from 'vitest'
import { sentenceOf } from '../../src/domain/event-words.ts'
import { eventTypes, sealedFieldsOf, type EventType } from '../../src/domain/events.ts'
import { PoisonEvent, recordedFrom } from '../../src/domain/codec.ts'
import { exampleOf } from './examples.ts'

/** Fields that came after the first events of their type were written, or that not every record has. */
const mayBeAbsent = new Set([
  'AttendanceRecorded.startedAt',
  'AttendanceRecorded.endedAt',
  'EvidencePackMade.reason',
  'ParticipantDetailsCorrected.corrects',
  'TrainingCompleted.validUntil',
])

describe('what the log holds', () => {
  for (const type of eventTypes) {
    it(`${type} is understood with its personal fields still sealed`, () => {
      const event = recordedFrom(stored(type))
      expect(event).toEqual(stored(type))
      expect(sentenceOf(event)).toBe(sentenceOf(exampleOf(type)))
    })
    it(`${type} is understood with fields that were added to it later`, () => {
      const later = stored(type)
      expect(recordedFrom({ ...later, data: { ...later.data, addedLater: true } }).type).toBe(type)
    })
    for (const field of Object.keys(stored(type).data).filter((field) => field !== 'sealed')) {
      const may = mayBeAbsent.has(`${type}.${field}`)
      it(
        may
          ? `${type} with nonsense as its ${field} is poison`
          : `${type} without its ${field} is poison, and so is one with nonsense there`,
        () => {
          for (const value of [...(may ? [] : [undefined]), null, 5.5, [1], { not: 'this' }]) {
            expect(whyOf({ ...stored(type), data: { ...stored(type).data, [field]: value } }), String(value)).toContain(
              field,
            )
          }
        },
      )
    }
  }
  it('an event without a field that may be absent is understood', () => {
    for (const field of mayBeAbsent) {
      const [type, name] = field.split('.') as [EventType, string]
      const { [name]: _absent, ...data } = stored(type).data as Record<string, unknown>
      expect(recordedFrom({ ...stored(type), data }).type).toBe(type)
    }
  })
})

describe('poison', () => {
  const good = stored('AttendanceRecorded')
  it('names the stream and the revision that cannot be understood', () => {
    const poison = thrownBy({ ...good, type: 'AttendanceEdited' })
    expect([poison.stream, poison.revision, poison.why]).toEqual([
      good.stream,
      good.revision,
      'unknown event type AttendanceEdited',
    ])
    expect(poison.message).toContain(`${good.stream} revision ${good.revision}`)
  })
  it('is never shown with what it held', () =>
    expect(thrownBy({ ...good, data: { ...good.data, outcome: 'SECRET' } }).message).not.toContain('SECRET'))
  for (const type of ['AttendanceEdited', '', 'constructor', '__proto__', 'toString']) {
    it(`is an event of type ${JSON.stringify(type)}`, () =>
      expect(whyOf({ ...good, type })).toContain('unknown event type'))
  }
  // The client hands back text, without a word, where the JSON is malformed.
  for (const [name, value] of [
    ['text', '{"sessionId":'],
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['a number', 7],
  ] as const) {
    it(`is data that is ${name}`, () => expect(whyOf({ ...good, data: value })).toBe('its data is not a JSON object'))
    it(`is metadata that is ${name}`, () =>
      expect(whyOf({ ...good, metadata: value })).toBe('its metadata is not a JSON object'))
  }
  for (const field of [
    'commandId',
    'actor',
    'occurredAt',
    'recordedAt',
    'source',
    'correlationId',
    'causationId',
    'schemaVersion',
  ]) {
    it(`is metadata without its ${field}, or with nonsense there`, () => {
      for (const value of [undefined, null, 5, ['a']]) {
        expect(whyOf({ ...good, metadata: { ...good.metadata, [field]: value } }), String(value)).toMatch(
          field === 'schemaVersion' ? /unknown schema version/ : new RegExp(field),
        )
      }
    })
  }
  it('is metadata with oddities that are no list of codes; without any, it is understood', () => {
    for (const oddities of [null, 5, 'weekend', [1]])
      expect(whyOf({ ...good, metadata: { ...good.metadata, oddities } }), String(oddities)).toContain('oddities')
    expect(recordedFrom({ ...good, metadata: { ...good.metadata, oddities: ['weekend'] } }).type).toBe(good.type)
  })
  it('is a day or an instant written so that it would sort into the wrong place', () => {
    for (const occurredAt of ['03/03/2025', '2025-3-3', '2025-03-03T00:00:00.000Z', ' 2025-03-03', '']) {
      expect(whyOf({ ...good, metadata: { ...good.metadata, occurredAt } }), occurredAt).toContain('occurredAt')
    }
    for (const recordedAt of ['2025-03-03', '2025-03-03T20:15:00Z', '2025-03-03T20:15:00.000+01:00', '']) {
      expect(whyOf({ ...good, metadata: { ...good.metadata, recordedAt } }), recordedAt).toContain('recordedAt')
    }
  })
  it('is a version nobody here has written yet', () =>
    expect(whyOf({ ...good, metadata: { ...good.metadata, schemaVersion: 2 } })).toBe('unknown schema version 2'))
  it('is a code nobody knows', () => {
    const wrong: [EventType, string][] = [
      ['AttendanceRecorded', 'outcome'],
      ['AttendanceCorrected', 'outcome'],
      ['AttendanceCorrected', 'was'],
      ['ParticipantDroppedOut', 'reason'],
      ['OutcomeRecategorised', 'from'],
      ['OutcomeRecategorised', 'to'],
      ['SuitabilityDecided', 'decision'],
    ]
    for (const [type, field] of wrong) {
      for (const code of ['XXXX', '', 'toString', '__proto__']) {
        expect(whyOf({ ...stored(type), data: { ...stored(type).data, [field]: code } }), `${type}.${field}`).toContain(
          field,
        )
      }
    }
  })
  it('is a list of facilitators that is not one, and a programme without a version', () => {
    expect(whyOf({ ...good, data: { ...good.data, actualFacilitators: 'S01' } })).toContain('actualFacilitators')
    for (const staff of [[7], ['S01', 7], [null, 'S01']])
      expect(whyOf({ ...good, data: { ...good.data, plannedFacilitators: staff } })).toContain('plannedFacilitators')
    const referral = stored('ReferralReceived')
    for (const programme of ['bbr', { key: 'bbr' }, { key: 'bbr', version: '1' }, { version: 1 }]) {
      expect(whyOf({ ...referral, data: { ...referral.data, programme } })).toContain('programme')
    }
  })
})

/** The example as it lies in the log: what is personal is one sealed text. */
function stored(type: EventType) {
  const { data, ...event } = exampleOf(type)
  const open: Record<string, unknown> = { ...data }
  for (const field of sealedFieldsOf(type)) delete open[field]
  if (sealedFieldsOf(type).length > 0) open.sealed = 'c2VhbGVk'
  return { ...event, data: open }
}

function thrownBy(event: Parameters<typeof recordedFrom>[0]): PoisonEvent {
  try {
    recordedFrom(event)
  } catch (error) {
    if (error instanceof PoisonEvent) return error
    throw error
  }
  throw new Error('This was understood.')
}

const whyOf = (event: Parameters<typeof recordedFrom>[0]): string => thrownBy(event).why
