/** Events in emmett's PostgreSQL store, a stream folded and appended to, projections inline. */
import {
  inlineProjections,
  isExpectedVersionConflictError,
  STREAM_DOES_NOT_EXIST,
  type Event,
} from '@event-driven-io/emmett'
import {
  getPostgreSQLEventStore,
  postgreSQLProjection,
  type PostgresEventStore,
} from '@event-driven-io/emmett-postgresql'
import pg from 'pg'
import { v5 as uuidv5 } from 'uuid'
import type { Day } from '../../src/domain/calendar.ts'
import { adultOn } from '../../src/domain/dates.ts'
import type { DomainEvent } from '../../src/domain/events.ts'
import type { CommandContext, Growing, History, Metadata, Recorded } from '../../src/domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { participantHistory } from '../../src/domain/participant.ts'
import { versionInForce } from '../../src/domain/programme.ts'
import { contextOf, fingerprintOf, metadataOf, type PeerEvents } from './peer-events.ts'
import { project, readModelTables } from './read-models.ts'
import type { ReferralWork, StepCommand } from './work.ts'

type EmmettEvent = Event<string, Record<string, unknown>, Record<string, unknown>>

/** Told by its stream and place, which emmett keeps in the metadata of what it reads. */
const recordedFrom = <E>({ type, data, metadata }: EmmettEvent): Recorded<E> => {
  const { streamName, streamPosition, globalPosition: _, messageId, ...ours } = metadata
  const revision = Number(streamPosition ?? 0) - 1
  return { type, data, id: messageId, stream: streamName, revision, metadata: ours } as unknown as Recorded<E>
}

/** How often a command is decided again because another was appended first. */
const attempts = 5

const withMetadata = (events: readonly DomainEvent[], metadata: Metadata): EmmettEvent[] =>
  events.map(({ type, data }) => ({ type, data, metadata: { ...metadata } }) as unknown as EmmettEvent)

const journeyEvents = [
  'ReferralReceived',
  'EligibilityAssessed',
  'SuitabilityDecided',
  'PlacedOnWaitingList',
  'AllocatedToGroup',
  'ThreeWayMeetingHeld',
  'AttendanceRecorded',
  'AttendanceCorrected',
  'WarningIssued',
  'ProgrammeCompleted',
] as const satisfies readonly JourneyEvent['type'][]

const readModels = postgreSQLProjection<EmmettEvent>({
  name: 'caseload-and-timeline',
  canHandle: [...journeyEvents],
  handle: async (events, { connection: { client } }) => {
    const recorded = events.map((event) => recordedFrom<JourneyEvent>(event as EmmettEvent))
    const journeyId = recorded[0]!.stream.slice('journey-'.length)
    await project(client as unknown as pg.ClientBase, journeyId, recorded)
  },
})

/** Emmett has no look-up of its own: the ids are worked out from what people know. */
const namespace = '6f1d1a52-4f0b-4a53-9d0c-6d5f3f1e6a11'
const idOf = (kind: string, known: string): string => uuidv5(`${kind} ${known}`, namespace)

export class EmmettEvents implements PeerEvents {
  private constructor(private readonly store: PostgresEventStore) {}

  static async in(url: string, options: { readModels: boolean }): Promise<EmmettEvents> {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(readModelTables).finally(() => client.end())
    const store = getPostgreSQLEventStore(url, {
      projections: options.readModels ? inlineProjections([readModels]) : [],
    })
    await store.schema.migrate()
    return new EmmettEvents(store)
  }

  async refer(referral: ReferralWork, commandId: string): Promise<{ journeyId: string; revision: number }> {
    const { crn, familyName, givenNames, dateOfBirth, reference, provider, occurredOn } = referral
    const participantId = idOf('crn', crn)
    const journeyId = idOf('reference', reference)
    const context = { ...contextOf(commandId, occurredOn), adultFrom: adultOn(dateOfBirth) }
    const metadata = metadataOf(context)
    const details = { crn, familyName, givenNames, dateOfBirth }
    const fingerprint = fingerprintOf(details)
    await this.handle(participantHistory, participantId, metadata, (state) =>
      participantHistory.decide(state, { type: 'TellDetails', ...context, data: { ...details, fingerprint } }),
    )
    const programme = { key: referral.programme, version: versionInForce(referral.programme) }
    const data = { participantId, programme, source: referral.referralSource, provider, reference }
    const revision = await this.handle(journeyHistory, journeyId, metadata, (state) =>
      journeyHistory.decide(state, { type: 'Refer', ...context, data }),
    )
    return { journeyId, revision }
  }

  async execute(
    journeyId: string,
    { type, data, occurredOn }: StepCommand,
    commandId: string,
  ): Promise<{ revision: number }> {
    const context = contextOf(commandId, occurredOn)
    const revision = await this.handle(journeyHistory, journeyId, metadataOf(context), async (state) => {
      const adultFrom = await this.adultFrom(state.participantId)
      return journeyHistory.decide(state, { type, data, ...context, adultFrom } as JourneyCommand)
    })
    return { revision }
  }

  /**
   * What emmett's own command handler does, without the connection that it keeps while it decides: a decision that reads another
   * stream needs a second one, and as many callers as the pool has connections would wait for each other for ever.
   */
  private async handle<S, C extends CommandContext, E extends DomainEvent>(
    history: History<S, C, E>,
    id: string,
    metadata: Metadata,
    decide: (state: S) => readonly E[] | Promise<readonly E[]>,
  ): Promise<number> {
    const stream = `${history.category}-${id}`
    for (let attempt = 1; ; attempt++) {
      const { state, currentStreamVersion, streamExists } = await this.store.aggregateStream<
        Growing<S, E>,
        EmmettEvent
      >(stream, {
        initialState: () => history.growing(history.initial),
        evolve: (growing: Growing<S, E>, event: EmmettEvent) => {
          growing.add(recordedFrom(event))
          return growing
        },
      })
      const events = await decide(state.state)
      if (events.length === 0) return Number(currentStreamVersion) - 1
      const expectedStreamVersion = streamExists ? currentStreamVersion : STREAM_DOES_NOT_EXIST
      try {
        const appended = await this.store.appendToStream(stream, withMetadata(events, metadata), {
          expectedStreamVersion,
        })
        return Number(appended.nextExpectedStreamVersion) - 1
      } catch (error) {
        if (!isExpectedVersionConflictError(error) || attempt === attempts) throw error
      }
    }
  }

  private async adultFrom(participantId: string | null): Promise<Day | undefined> {
    if (participantId === null) return undefined
    const { events } = await this.store.readStream<EmmettEvent>(`participant-${participantId}`)
    const { dateOfBirth } = (events.at(-1)?.data ?? {}) as { dateOfBirth?: string }
    return dateOfBirth === undefined ? undefined : adultOn(dateOfBirth)
  }

  close(): Promise<void> {
    return this.store.close()
  }
}
