/** The contact log of one very long journey: every session of the programme, corrections, late records, and contacts all along. */
import { dayNumbered, dayNumberOf } from '../../src/domain/calendar.ts'
import { programmeAt } from '../../src/domain/programme.ts'

export const longSurname = 'Featherstonehaugh-Cholmondeley-Marjoribanks'

const columns =
  'journey_ref,crn,family_name,given_names,date_of_birth,recorded_at,occurred_on,contact,programme,group,session,outcome,' +
  'planned_facilitators,actual_facilitators,provider,recorded_by,note'

interface Line {
  readonly on: number
  readonly recordedOn: number
  readonly contact: string
  readonly session?: string
  readonly outcome?: string
  readonly room?: string
}

const begun = dayNumberOf('2024-01-08')

/** @param records how many lines the log has after its header */
export function longJourneyLog(records: number): string {
  const lines: Line[] = [
    { on: 0, recordedOn: 0, contact: 'Referral' },
    { on: 5, recordedOn: 5, contact: 'Eligibility assessed' },
    { on: 12, recordedOn: 12, contact: 'Suitability decided' },
    { on: 20, recordedOn: 20, contact: 'Placed on waiting list' },
    { on: 30, recordedOn: 30, contact: 'Allocated to group' },
  ]
  for (const [n, { id: session }] of programmeAt('bbr', 1)!.sessions.entries()) {
    const on = 37 + n * 7
    const outcome = n % 7 === 3 ? 'UAAB' : n % 11 === 5 ? 'AAME' : 'ATTC'
    const room = n % 8 === 2 ? 'F001;F009' : 'F001;F002'
    lines.push({ on, recordedOn: on + (n % 9 === 4 ? 21 : 0), contact: 'Session', session, outcome, room })
    const corrected = outcome === 'UAAB' ? 'ATTC' : 'UAAB'
    if (n % 6 === 1) lines.push({ on, recordedOn: on + 30, contact: 'Session correction', session, outcome: corrected })
  }
  const contacts = ['Three-way meeting', 'Programme review', 'Warning']
  for (let n = 0; lines.length < records; n++) {
    const on = 31 + ((n * 13) % 262)
    lines.push({ on, recordedOn: on + (n % 20 === 7 ? 15 : 0), contact: contacts[n % contacts.length]! })
  }
  const inOrder = lines.map((line, n) => ({ ...line, n })).sort((a, b) => a.recordedOn - b.recordedOn || a.n - b.n)
  return [columns, ...inOrder.map(written)].join('\n') + '\n'
}

function written({ on, recordedOn, contact, session, outcome, room }: Line, n: number): string {
  const day = (number: number) =>
    dayNumbered(begun + number)
      .split('-')
      .reverse()
      .join('/')
  const time = [9 + Math.floor((n % 480) / 60), n % 60].map((part) => String(part).padStart(2, '0')).join(':')
  const who = `LONG-1,L123456,${longSurname},Bartholomew,03/04/1981`
  const planned = session ? 'F001;F002' : ''
  return `${who},${day(recordedOn)} ${time},${day(on)},${contact},bbr,GL1,${session ?? ''},${outcome ?? ''},${planned},${room ?? ''},Longways,CM009,`
}
