/** Calendars taken away as a file: read by another implementation of iCalendar, on both days on which the clocks change. */
import ICAL from 'ical.js'
import { describe, expect, it } from 'vitest'
import type { CalendarEntry } from '../../src/queries/calendars.ts'
import { calendarFile } from '../../src/web/groups/calendar-file.ts'

const anEntry: CalendarEntry = {
  ...{
    sessionId: '3f0c0f0e-5b0a-4a53-9d2e-0c9c1f3b7a11',
    groupCode: 'G141',
    programmeSession: 'F1',
    place: 'Mill Lane',
  },
  ...{ on: '2025-03-28', startsAt: '18:30', minutes: 150, isCancelled: false, changes: 0 },
}

/** As another program reads the file: the first event of it, and the instants at which it begins and ends. */
function readBack(entry: CalendarEntry) {
  const text = calendarFile([entry], 'Sessions of a group', 'https://throughline.example')
  const calendar = new ICAL.Component(ICAL.parse(text) as unknown[])
  ICAL.TimezoneService.reset()
  const zone = new ICAL.Timezone(calendar.getFirstSubcomponent('vtimezone')!)
  const event = new ICAL.Event(calendar.getFirstSubcomponent('vevent')!)
  const instant = (time: ICAL.Time) => {
    time.zone = zone
    return new Date(time.toUnixTime() * 1_000).toISOString()
  }
  return { text, event, begins: instant(event.startDate), ends: instant(event.endDate) }
}

const held = (on: string, startsAt = '18:30', minutes = 150) => {
  const { begins, ends } = readBack({ ...anEntry, on, startsAt, minutes })
  return [begins, ends].map((instant) => instant.slice(0, 16))
}

describe('a calendar file', () => {
  it('says the times of London, before and after the clocks go forward', () => {
    expect(held('2025-03-29')).toEqual(['2025-03-29T18:30', '2025-03-29T21:00'])
    expect(held('2025-03-30')).toEqual(['2025-03-30T17:30', '2025-03-30T20:00'])
    // Over the hour that there is not.
    expect(held('2025-03-30', '00:30', 60)).toEqual(['2025-03-30T00:30', '2025-03-30T01:30'])
  })

  it('says the times of London, before and after the clocks go back', () => {
    expect(held('2025-10-25')).toEqual(['2025-10-25T17:30', '2025-10-25T20:00'])
    expect(held('2025-10-26')).toEqual(['2025-10-26T18:30', '2025-10-26T21:00'])
    // Over the hour that there is twice: two hours and a half, by whatever clock.
    expect(held('2025-10-26', '00:30', 150)).toEqual(['2025-10-25T23:30', '2025-10-26T02:00'])
  })

  it('says what is on and where, at an address that needs signing in, and names nobody', () => {
    const { text, event } = readBack(anEntry)
    expect(event.summary).toBe('G141, F1')
    expect(event.location).toBe('Mill Lane')
    expect(event.uid).toBe(`session-${anEntry.sessionId}@throughline`)
    expect(text).toContain('DTSTART;TZID=Europe/London:20250328T183000')
    expect(text).toMatch(/^DTSTAMP:\d{8}T\d{6}Z\r$/m)
    expect(text.replace(/\r\n /g, '')).toContain(`/sessions/${anEntry.sessionId}`)
    expect(text).not.toMatch(/ATTENDEE|ORGANIZER|DESCRIPTION|CONTACT|COMMENT/)
  })

  it('is the same session with a higher sequence once it was moved, and struck out once it was called off', () => {
    const { event } = readBack(anEntry)
    const moved = readBack({ ...anEntry, on: '2025-03-31', changes: 1 })
    const cancelled = readBack({ ...anEntry, on: '2025-03-31', changes: 2, isCancelled: true })
    expect([event, moved.event, cancelled.event].map(({ uid }) => uid)).toEqual(Array(3).fill(event.uid))
    expect([event, moved.event, cancelled.event].map(({ sequence }) => sequence)).toEqual([0, 1, 2])
    const statusOf = (one: ICAL.Event) => one.component.getFirstPropertyValue('status')
    expect([event, moved.event, cancelled.event].map(statusOf)).toEqual(['CONFIRMED', 'CONFIRMED', 'CANCELLED'])
    expect(cancelled.event.summary).toBe('G141, F1 (called off)')
  })
})
