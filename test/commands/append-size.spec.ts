/** What goes to the log in one append stays under EventStoreDB's limit, which counts metadata and types too. */
import { expect, it, vi } from 'vitest'
import type { NewEvent } from '../../src/event-store/stored-event.ts'
import { appenderOf, importText, temporaryWorkplace } from '../support/runtime.ts'
import { referral, writtenLog, type WrittenRow } from '../support/written-log.ts'

/** What EventStoreDB takes in one append, in bytes, unless it is set otherwise. */
const limit = 1024 * 1024

const rowOf = (contact: WrittenRow): WrittenRow => ({ ...referral, ...contact })

/** As EventStoreDB counts an event: its type in UTF-16, data and metadata. */
const sizeOf = ({ type, data, metadata }: NewEvent): number =>
  2 * type.length + Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata))

it('stays under the limit where many records of one journey come together', async () => {
  const runtime = await temporaryWorkplace()
  const append = vi.spyOn(appenderOf(runtime), 'append')
  const warnings = Array.from({ length: 999 }, (_, n) => rowOf({ contact: 'Warning', note: `${n} ${'x'.repeat(450)}` }))
  const { totals } = await importText(runtime, writtenLog([rowOf({ contact: 'Referral' }), ...warnings]))
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
      writtenLog([rowOf({ contact: 'Referral' }), rowOf({ contact: 'Warning', note: `late ${text}` })]),
    )
    expect(totals).toMatchObject({ accepted: 1, rejected_by_reason: { control_characters: 1 } })
  },
)
