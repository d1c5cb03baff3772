/** Sessions as an iCalendar file (RFC 5545), for a calendar that somebody keeps elsewhere. Nobody is named in it. */
import { TZDate } from '@date-fns/tz'
import type { FastifyReply, FastifyRequest } from 'fastify'
import ical, { ICalEventStatus } from 'ical-generator'
import { timeZone } from '../../domain/calendar.ts'
import type { CalendarEntry } from '../../queries/calendars.ts'

/** The rules of British time since 1996, without which a calendar elsewhere may not know the zone by its name. */
const londonTime = `BEGIN:VTIMEZONE
TZID:${timeZone}
BEGIN:DAYLIGHT
TZNAME:BST
TZOFFSETFROM:+0000
TZOFFSETTO:+0100
DTSTART:19960331T010000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:GMT
TZOFFSETFROM:+0100
TZOFFSETTO:+0000
DTSTART:19961027T020000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE`

/**
 * A calendar that has the file already takes a session with a higher sequence for the same one, changed: one that was moved
 * moves, and one that was called off is struck out.
 * @param origin where the pages of the sessions are, such as `https://throughline.example`
 */
export function calendarFile(entries: readonly CalendarEntry[], name: string, origin: string): string {
  const calendar = ical({
    name,
    prodId: { company: 'Throughline', product: 'Sessions', language: 'EN' },
    // Of the events alone: a zone of the whole calendar would take the stamps, which are to be in UTC, with it.
    timezone: { name: null, generator: () => londonTime },
  })
  for (const { sessionId, groupCode, programmeSession, place, isCancelled, changes, ...when } of entries) {
    const [year, month, day] = when.on.split('-').map(Number) as [number, number, number]
    const [hour, minute] = when.startsAt.split(':').map(Number) as [number, number]
    const start = new TZDate(year, month - 1, day, hour, minute, timeZone)
    calendar.createEvent({
      id: `session-${sessionId}@throughline`,
      sequence: changes,
      status: isCancelled ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
      timezone: timeZone,
      start,
      end: new TZDate(start.getTime() + when.minutes * 60_000, timeZone),
      summary: `${groupCode}, ${programmeSession}${isCancelled ? ' (called off)' : ''}`,
      location: place,
      url: `${origin}/sessions/${sessionId}`,
    })
  }
  return calendar.toString()
}

/** Sent as a file to be opened by a calendar. */
export const replyCalendar = (
  request: FastifyRequest,
  reply: FastifyReply,
  entries: readonly CalendarEntry[],
  { name, file }: { readonly name: string; readonly file: string },
) =>
  reply
    .type('text/calendar; charset=utf-8')
    .header('content-disposition', `attachment; filename="${file}.ics"`)
    .send(calendarFile(entries, name, `${request.protocol}://${request.host}`))
