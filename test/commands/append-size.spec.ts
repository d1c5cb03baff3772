/** What goes to the log in one append stays under EventStoreDB's limit, which counts metadata and types too. */
import { expect, it, vi } from 'vitest'
import { columns } from '../../src/exchange/contact-log.ts'
import type { NewEvent } from '../../src/event-store/stored-event.ts'
import { appenderOf, importText, temporaryWorkplace } from '../support/runtime.ts'

/** What EventStoreDB takes in one append, in bytes, unless it is set otherwise. */
const limit = 1024 * 1024

const rowOf = (contact: Record<string, string>) => ({
  journey_ref: 'R-1',
  crn: 'X000001',
  family_name: 'Example',
  given_names: 'Sam',
  date_of_birth: '01/02/1980',
  recorded_at: '01/05/2023 10:00',
  occurred_on: '01/05/2023',
  programme: 'bbr',
  provider: 'North',
  recorded_by: 'F001',
  ...contact,
})
const csvOf = (rows: Record<string, string>[]) =>
  [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))].map((fields) => fields.join()).join('\n')

/** As EventStoreDB counts an event: its type in UTF-16, data and metadata. */
const sizeOf = ({ type, data, metadata }: NewEvent): number =>
  2 * type.length + Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata))

it('stays under the limit where many records of one journey come together', async () => {
  const runtime = await temporaryWorkplace()
  const append = vi.spyOn(appenderOf(runtime), 'append')
  const warnings = Array.from({ length: 999 }, (_, n) => rowOf({ contact: 'Warning', note: `${n} ${'x'.repeat(450)}` }))
  const { totals } = await importText(runtime, csvOf([rowOf({ contact: 'Referral' }), ...warnings]))
  expect(totals).toMatchObject({ accepted: 1_000, rejected: 0 })
  const sizes = append.mock.calls.map(([, , events]) => events.reduce((sum, event) => sum + sizeOf(event), 0))
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(limit)
  expect(Math.max(...sizes)).toBeLessThan(limit)
})

it.each(['\u0080', '\u0085', '\u009b31m', '\u009f'])(
  'of a text with the control character %j is refused',
  async (text) => {
    const runtime = await temporaryWorkplace()
    const { totals } = await importText(
      runtime,
      csvOf([rowOf({ contact: 'Referral' }), rowOf({ contact: 'Warning', note: `late ${text}` })]),
    )
    expect(totals).toMatchObject({ accepted: 1, rejected_by_reason: { control_characters: 1 } })
  },
)
