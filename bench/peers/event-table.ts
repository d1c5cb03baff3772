/** Events in one table of PostgreSQL, as a team writes it that needs no event store: a stream's next revision is a unique key. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { adultOn } from '../../src/domain/dates.ts'
import type { Day } from '../../src/domain/calendar.ts'
import type { Metadata, Recorded } from '../../src/domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { participantHistory, type ParticipantEvent } from '../../src/domain/participant.ts'
import { versionInForce } from '../../src/domain/programme.ts'
import { contextOf, fingerprintOf, metadataOf, type PeerEvents } from './peer-events.ts'
import { project, readModelTables } from './read-models.ts'
import type { ReferralWork, StepCommand } from './work.ts'

const schema = `
  CREATE TABLE participant (id uuid PRIMARY KEY, crn text NOT NULL UNIQUE, date_of_birth date NOT NULL);
  CREATE TABLE journey (
    id uuid PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    participant_id uuid NOT NULL REFERENCES participant
  );
  CREATE TABLE event (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    revision integer NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    metadata jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (stream, revision)
  );
  ${readModelTables}`

type NewEvent = Pick<Recorded<JourneyEvent | ParticipantEvent>, 'id' | 'type' | 'data' | 'metadata' | 'revision'>

/** How often a command is decided again because another was written first. */
const attempts = 5

const uniqueViolation = '23505'

export class EventTable implements PeerEvents {
  private constructor(
    private readonly pool: pg.Pool,
    private readonly readModels: boolean,
  ) {}

  static async in(url: string, { readModels }: { readModels: boolean }): Promise<EventTable> {
    const pool = new pg.Pool({ connectionString: url, max: 16 })
    await pool.query(schema)
    return new EventTable(pool, readModels)
  }

  async refer(referral: ReferralWork, commandId: string): Promise<{ journeyId: string; revision: number }> {
    const { crn, dateOfBirth, reference, provider, referralSource: source, programme: key } = referral
    const programme = { key, version: versionInForce(key) }
    return this.transaction(async (client) => {
      const participantId = await idOf(client, 'participant', randomUUID(), crn, dateOfBirth)
      const journeyId = await idOf(client, 'journey', randomUUID(), reference, participantId)
      const context = { ...contextOf(commandId, referral.occurredOn), adultFrom: adultOn(dateOfBirth) }
      const metadata = metadataOf(context)
      const { familyName, givenNames } = referral
      const details = { crn, familyName, givenNames, dateOfBirth }
      const him = `participant-${participantId}`
      const participant = participantHistory.fold(participantHistory.initial, await read<ParticipantEvent>(client, him))
      const told = participantHistory.decide(participant, {
        type: 'TellDetails',
        ...context,
        data: { ...details, fingerprint: fingerprintOf(details) },
      })
      await append(client, him, numbered(told, metadata, (participant.toldBy ?? -1) + 1))
      const { state, revision } = await this.folded(client, journeyId)
      const data = { participantId, programme, source, provider, reference }
      const added = journeyHistory.decide(state, { type: 'Refer', ...context, data })
      const events = numbered(added, metadata, revision + 1)
      await append(client, `journey-${journeyId}`, events)
      if (this.readModels) await project(client, journeyId, events as Recorded<JourneyEvent>[])
      return { journeyId, revision: revision + events.length }
    })
  }

  async execute(
    journeyId: string,
    { type, data, occurredOn }: StepCommand,
    commandId: string,
  ): Promise<{ revision: number }> {
    for (let attempt = 1; ; attempt++) {
      const { state, revision, adultFrom } = await this.folded(this.pool, journeyId)
      const context = { ...contextOf(commandId, occurredOn), adultFrom }
      const added = journeyHistory.decide(state, { type, data, ...context } as JourneyCommand)
      if (added.length === 0) return { revision }
      const events = numbered(added, metadataOf(context), revision + 1)
      try {
        if (this.readModels)
          await this.transaction(async (client) => {
            await append(client, `journey-${journeyId}`, events)
            await project(client, journeyId, events as Recorded<JourneyEvent>[])
          })
        else await append(this.pool, `journey-${journeyId}`, events)
        return { revision: revision + events.length }
      } catch (error) {
        if ((error as { code?: string }).code !== uniqueViolation || attempt === attempts) throw error
      }
    }
  }

  async close(): Promise<void> {
    await this.pool.end()
  }

  /** A journey as the table has it, and from which day on the man was an adult. */
  private async folded(client: pg.Pool | pg.ClientBase, journeyId: string) {
    const { rows } = await client.query<Row & { date_of_birth: Day }>({
      name: 'journey',
      text: `
        SELECT event.*, participant.date_of_birth::text
        FROM event, journey JOIN participant ON participant.id = journey.participant_id
        WHERE event.stream = $1 AND journey.id = $2 ORDER BY event.revision`,
      values: [`journey-${journeyId}`, journeyId],
    })
    const state = journeyHistory.fold(journeyHistory.initial, rows as unknown as Recorded<JourneyEvent>[])
    const born = rows[0]?.date_of_birth
    return { state, revision: rows.length - 1, adultFrom: born && adultOn(born) }
  }

  private async transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect()
    try {
      await client.query('BEGIN')
      const done = await work(client)
      await client.query('COMMIT')
      return done
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }
}

type Row = Pick<Recorded<JourneyEvent | ParticipantEvent>, 'id' | 'type' | 'stream' | 'revision' | 'data' | 'metadata'>

async function read<E>(client: pg.ClientBase, stream: string): Promise<Recorded<E>[]> {
  const text = 'SELECT * FROM event WHERE stream = $1 ORDER BY revision'
  const { rows } = await client.query<Row>({ name: 'read', text, values: [stream] })
  return rows as unknown as Recorded<E>[]
}

/** @returns the id under which it is known, the given one where it was not known */
async function idOf(
  client: pg.ClientBase,
  table: 'participant' | 'journey',
  id: string,
  ...values: readonly string[]
): Promise<string> {
  const [key, other] = table === 'participant' ? ['crn', 'date_of_birth'] : ['reference', 'participant_id']
  const { rows } = await client.query<{ id: string }>({
    name: `id of ${table}`,
    text: `
      INSERT INTO ${table} (id, ${key}, ${other}) VALUES ($1, $2, $3)
      ON CONFLICT (${key}) DO UPDATE SET ${key} = excluded.${key} RETURNING id`,
    values: [id, ...values],
  })
  return rows[0]!.id
}

const numbered = (events: readonly (JourneyEvent | ParticipantEvent)[], metadata: Metadata, from: number) =>
  events.map(({ type, data }, n) => ({ id: randomUUID(), type, data, metadata, revision: from + n }) as NewEvent)

async function append(client: pg.Pool | pg.ClientBase, stream: string, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return
  await client.query({
    name: 'append',
    text: `
      INSERT INTO event (stream, revision, id, type, data, metadata)
      SELECT $1, revision, id, type, data, metadata
      FROM jsonb_to_recordset($2) AS one (revision integer, id uuid, type text, data jsonb, metadata jsonb)`,
    values: [stream, JSON.stringify(events)],
  })
}
