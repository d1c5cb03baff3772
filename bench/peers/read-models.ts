/** The two read models of the peers, in the database of their events and in the transaction that writes these: the case load and the timeline. */
import type pg from 'pg'
import type { Recorded } from '../../src/domain/history.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'

export const readModelTables = `
  CREATE TABLE caseload (
    journey_id uuid PRIMARY KEY,
    provider text NOT NULL,
    status text NOT NULL,
    sessions_attended integer NOT NULL,
    last_on date NOT NULL,
    revision integer NOT NULL
  );
  CREATE TABLE timeline (
    journey_id uuid NOT NULL,
    revision integer NOT NULL,
    happened_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (journey_id, revision)
  );`

type NewEvent = Pick<Recorded<JourneyEvent>, 'type' | 'data' | 'metadata' | 'revision'>

const statusAfter: Partial<Record<JourneyEvent['type'], string>> = {
  PlacedOnWaitingList: 'waiting',
  AllocatedToGroup: 'on_programme',
  ProgrammeCompleted: 'completed',
  ParticipantDroppedOut: 'dropped_out',
}

export async function project(
  client: Pick<pg.ClientBase, 'query'>,
  journeyId: string,
  events: readonly NewEvent[],
): Promise<void> {
  await client.query({
    name: 'timeline',
    text: `
      INSERT INTO timeline (journey_id, revision, happened_on, recorded_at, type, data)
      SELECT $1, revision, (metadata->>'occurredAt')::date, (metadata->>'recordedAt')::timestamptz, type, data
      FROM jsonb_to_recordset($2) AS one (revision integer, type text, data jsonb, metadata jsonb)`,
    values: [journeyId, JSON.stringify(events)],
  })
  for (const event of events) {
    const { occurredAt } = event.metadata
    if (event.type === 'ReferralReceived')
      await client.query({
        name: 'caseload, referred',
        text: "INSERT INTO caseload VALUES ($1, $2, 'referred', 0, $3, $4)",
        values: [journeyId, (event.data as { provider: string }).provider, occurredAt, event.revision],
      })
    else
      await client.query({
        name: 'caseload',
        text: `
          UPDATE caseload SET status = coalesce($2, status), sessions_attended = sessions_attended + $3,
            last_on = $4, revision = $5 WHERE journey_id = $1`,
        values: [journeyId, statusAfter[event.type] ?? null, attendedMore(event), occurredAt, event.revision],
      })
  }
}

function attendedMore({ type, data }: NewEvent): number {
  if (type !== 'AttendanceRecorded' && type !== 'AttendanceCorrected') return 0
  const { outcome, was } = data as { readonly outcome: string; readonly was?: string }
  return Number(outcome === 'ATTC') - Number(was === 'ATTC')
}
