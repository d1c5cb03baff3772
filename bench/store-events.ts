/** Events of the size the product writes. */
import { randomUUID } from 'node:crypto'
import { jsonEvent } from '@eventstore/db-client'

export const anEvent = (i: number) =>
  jsonEvent({
    id: randomUUID(),
    type: 'AttendanceRecorded',
    data: { sessionId: randomUUID(), heldOn: '2026-03-02', outcome: 'attended', number: i, note: 'x'.repeat(120) },
    metadata: { $correlationId: randomUUID(), recordedAt: '2026-03-02T10:00:00.000Z', by: 'case-manager' },
  })
