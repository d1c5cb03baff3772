import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sentenceOf } from '../../src/domain/event-words.ts'
import { eventTypes } from '../../src/domain/events.ts'
import { recordedFrom, schemaVersionOf, upcast, type Upcasters } from '../../src/domain/codec.ts'

const archive = new URL('../stored-events/', import.meta.url)

describe('the archive of stored events', () => {
  it('has one of every event in every version ever written', () => {
    const files = eventTypes.flatMap((type) =>
      Array.from({ length: schemaVersionOf(type) }, (_, n) => `${type}.v${n + 1}.json`),
    )
    // More than these would be an event that nobody can read any more: event types are never taken away.
    expect(readdirSync(archive).toSorted()).toEqual(files.toSorted())
  })

  it.each(readdirSync(archive))('%s is understood as it was when it was written', (file) => {
    const { says, ...stored } = JSON.parse(readFileSync(new URL(file, archive), 'utf8')) as {
      says: string
    } & Parameters<typeof recordedFrom>[0]
    expect(sentenceOf(recordedFrom(stored))).toBe(says)
  })
})

describe('an event written in an earlier version', () => {
  const steps: Upcasters = {
    WarningIssued: [
      (data) => ({ ...data, level: 'first' }),
      ({ level, ...data }) => ({ ...data, level: level === 'first' ? 1 : 2 }),
    ],
  }
  it('is brought to today’s one step at a time, what is sealed passing through', () => {
    expect(upcast('WarningIssued', 1, { sealed: 's' }, steps)).toEqual({ sealed: 's', level: 1 })
    expect(upcast('WarningIssued', 2, { level: 'final' }, steps)).toEqual({ level: 2 })
    expect(upcast('WarningIssued', 3, { level: 2 }, steps)).toEqual({ level: 2 })
  })
  it('is written in the version after the last step', () => {
    expect(schemaVersionOf('WarningIssued', steps)).toBe(3)
    expect(schemaVersionOf('RecallRecorded', steps)).toBe(1)
  })
  it('is not understood where the version is none we know', () => {
    for (const version of [4, 0, -1, 1.5, '1', null, undefined])
      expect(upcast('WarningIssued', version, {}, steps), String(version)).toBeNull()
  })
})
