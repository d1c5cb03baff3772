/** The record of an event: the same for the same event, whatever store it is in, and another for any other event. */
import canonicalize from 'canonicalize'
import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalForm, contentHash, parseRecord, recordOf, type RecordedFields } from '../../src/evidence/leaf.ts'

const event: RecordedFields = {
  id: '7f9b1b0c-3b5f-5c57-9f57-6f2f5a3d1c11',
  type: 'AttendanceRecorded',
  stream: 'journey-"é"',
  revision: 12,
  data: { outcome: 'attended', heldOn: '2026-03-03', sealed: 'v1.abc' },
  metadata: { recordedAt: '2026-03-04T09:00:00Z', actor: { role: 'facilitator', id: 'F1' } },
}

describe('the record of an event', () => {
  it('is canonical JSON of what it says', () => {
    const record = recordOf(event)
    expect(record.toString()).toBe(canonicalize(JSON.parse(record.toString())))
    expect(parseRecord(record)).toEqual({
      v: 1,
      id: event.id,
      type: event.type,
      stream: event.stream,
      revision: 12,
      data: sha256('{"heldOn":"2026-03-03","outcome":"attended","sealed":"v1.abc"}'),
      metadata: sha256('{"actor":{"id":"F1","role":"facilitator"},"recordedAt":"2026-03-04T09:00:00Z"}'),
    })
  })

  it('does not depend on the order in which a store writes members', () => {
    const { outcome, heldOn, sealed } = event.data as Record<string, string>
    expect(recordOf({ ...event, data: { sealed, heldOn, outcome } })).toEqual(recordOf(event))
  })

  it.each([
    { id: '7f9b1b0c-3b5f-5c57-9f57-6f2f5a3d1c12' },
    { type: 'AttendanceCorrected' },
    { stream: 'journey-other' },
    { revision: 13 },
    { data: { ...(event.data as object), outcome: 'acceptable_absence' } },
    { metadata: { ...(event.metadata as object), recordedAt: '2026-03-04T09:00:01Z' } },
  ])('is another with %j', (change) => expect(recordOf({ ...event, ...change })).not.toEqual(recordOf(event)))

  it('tells what is not JSON apart from JSON that reads the same', () => {
    const contents = [undefined, null, 'absent', '{"a":1}', { a: 1 }, Buffer.from('{"a":1}'), '\ud800', '\\ud800']
    expect(new Set(contents.map(contentHash)).size).toBe(contents.length)
  })

  it('has the canonical form of whatever a store can hold', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', '0', '10', '9', '01', 'toJSON', ''),
    )
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true, false, -0, '\\ud800', '\ud83d\ude00'),
        fc.array(tie('json')),
        fc.array(fc.tuple(name, tie('json'))).map((members) => Object.fromEntries(members)),
      ),
    }))
    fc.assert(
      fc.property(json, (value) => {
        const stored: unknown = JSON.parse(JSON.stringify(value))
        expect(canonicalForm(stored)).toBe(canonicalize(stored))
      }),
      { numRuns: 2_000 },
    )
    expect(() => canonicalForm({ a: '\ud800' })).toThrow()
  })

  it('is not read from anything else', () => {
    expect(() => parseRecord(Buffer.from('{"v":2}'))).toThrow(SyntaxError)
    expect(() => parseRecord(Buffer.from('null'))).toThrow(SyntaxError)
  })
})

const sha256 = (text: string) => hash('sha256', text, 'hex')
