import { describe, expect, it } from 'vitest'
import {
  dayNumbered,
  dayNumberOf,
  dayOf,
  daysBetween,
  endOfDay,
  isDay,
  isRecordableDay,
  isWrittenInstant,
} from '../../src/domain/calendar.ts'

describe('a day', () => {
  it('exists on the calendar, in leap years too', () => {
    for (const day of ['2024-02-29', '2000-02-29', '2023-12-31', '1900-01-01', '0224-05-05', '0001-01-01'])
      expect(isDay(day), day).toBe(true)
    for (const day of [
      '2023-02-29',
      '1900-02-29',
      '2024-04-31',
      '2024-00-10',
      '2024-13-01',
      '2024-01-00',
      '0000-01-01',
    ])
      expect(isDay(day), day).toBe(false)
  })
  it('is written year, month, day, and nothing else is a day', () => {
    for (const other of [
      '01/02/2024',
      '2024-2-1',
      '2024-02-01T00:00:00Z',
      ' 2024-02-01',
      '2024-02-01\n',
      '',
      null,
      20240201,
    ])
      expect(isDay(other), String(other)).toBe(false)
  })
  it('can be recorded from 1900 on', () => {
    expect(isRecordableDay('1900-01-01')).toBe(true)
    expect(isRecordableDay('1899-12-31')).toBe(false)
    expect(isRecordableDay('0224-05-05')).toBe(false)
    expect(isRecordableDay('2024-02-30')).toBe(false)
  })
  it('is the one on which an instant falls in the service’s own time zone', () => {
    expect(dayOf('2024-01-15T23:59:59.999Z')).toBe('2024-01-15')
    expect(dayOf('2024-07-15T23:00:00.000Z')).toBe('2024-07-16')
    expect(dayOf('0224-05-05T12:00:00.000Z')).toBe('0224-05-05')
  })
  it('ends one hour earlier in UTC in summer', () => {
    expect(endOfDay('2024-01-15')).toBe('2024-01-15T23:59:59.999Z')
    expect(endOfDay('2024-07-15')).toBe('2024-07-15T22:59:59.999Z')
    for (const day of ['2024-03-30', '2024-03-31', '2024-10-26', '2024-10-27']) {
      expect(dayOf(endOfDay(day))).toBe(day)
      expect(dayOf(new Date(Date.parse(endOfDay(day)) + 1).toISOString())).toBe(dayNumbered(dayNumberOf(day) + 1))
    }
  })
  it('can be counted from: days between two, over leap days and the change of clocks', () => {
    expect(daysBetween('2024-02-28', '2024-03-01')).toBe(2)
    expect(daysBetween('2024-03-30', '2024-04-01')).toBe(2)
    expect(daysBetween('2024-03-01', '2024-02-28')).toBe(-2)
    expect(dayNumberOf('1970-01-02')).toBe(1)
    expect(dayNumbered(dayNumberOf('1899-12-31'))).toBe('1899-12-31')
  })
})

describe('an instant', () => {
  it('is written with its offset, to the minute or finer', () => {
    for (const instant of [
      '2024-03-12T16:52Z',
      '2024-03-12T16:52:00Z',
      '2024-03-12T16:52:00.123Z',
      '2024-03-12T16:52:00+01:00',
    ])
      expect(isWrittenInstant(instant), instant).toBe(true)
    for (const other of ['2024-03-12', '2024-02-30T16:52:00Z', '2024-03-12T16:52:00', '2024-03-12T25:00:00Z', 7])
      expect(isWrittenInstant(other), String(other)).toBe(false)
  })
})
