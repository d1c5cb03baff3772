/** Specs as sentences: given what was told before, when this is told, then this is written, or refused, or nothing is new. */
import { expect } from 'vitest'
import type { DomainEvent } from '../../src/domain/events.ts'
import type { Day, Instant } from '../../src/domain/calendar.ts'
import { Refusal, type History, type Recorded, type CommandContext } from '../../src/domain/history.ts'
import { journeyHistory } from '../../src/domain/journey/journey.ts'
import { facilitatorHistory } from '../../src/domain/facilitator/facilitator.ts'
import { groupHistory } from '../../src/domain/group/group.ts'
import type { JourneyFacts } from '../../src/domain/journey/state.ts'
import { participantHistory } from '../../src/domain/participant.ts'
import { sessionHistory } from '../../src/domain/session/session.ts'

/** An event with both its clocks: the day it happened, and the instant we were told (that same evening, unless it says otherwise). */
export interface Fact<E extends DomainEvent = DomainEvent> {
  readonly event: E
  readonly on: Day
  readonly at?: Instant
  /** The command that said so, where a spec tells it twice. */
  readonly commandId?: string
}

/** The event as the log holds it, at its place in its stream. */
export const recordedAs = <E extends DomainEvent>(fact: Fact<E>, revision: number): Recorded<E> => {
  const commandId = fact.commandId ?? `command-${revision}`
  return {
    ...fact.event,
    id: `event-${revision}`,
    stream: 'journey-0',
    revision,
    metadata: {
      commandId,
      actor: { id: 'someone', role: 'facilitator', organisation: 'north' },
      occurredAt: fact.on,
      recordedAt: fact.at ?? `${fact.on}T17:00:00.000Z`,
      schemaVersion: 1,
      correlationId: commandId,
      causationId: commandId,
      source: 'ui',
    },
  }
}

/** One stream, in the order in which it was told. */
export const recorded = <E extends DomainEvent>(...facts: readonly Fact<E>[]): Recorded<E>[] => facts.map(recordedAs)

const givenIn =
  <S, C extends CommandContext, E extends DomainEvent>(history: History<S, C, E>) =>
  (...facts: readonly Fact<E>[]) => {
    const state = recorded(...facts).reduce((known, event) => history.evolve(known, event), history.initial)
    return {
      when: (command: C) => ({
        then: (...news: readonly Fact<E>[]) =>
          expect(history.decide(state, command)).toEqual(news.map(({ event }) => event)),
        thenRefused: (code: string) => expect(refusalOf(() => history.decide(state, command))).toBe(code),
        thenNothingNew: () => expect(history.decide(state, command)).toEqual([]),
      }),
    }
  }

export const given = givenIn(journeyHistory)

export const givenParticipant = givenIn(participantHistory)

export const givenGroup = givenIn(groupHistory)

export const givenFacilitator = givenIn(facilitatorHistory)

export const givenSession = givenIn(sessionHistory)

/** The code of the refusal; anything else that is thrown is a fault and stays one. */
export function refusalOf(decide: () => unknown): string | null {
  try {
    decide()
    return null
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

/** The facts without the places in the stream that said so: these differ where the same was recorded in another order. */
export const withoutRevisions = (facts: JourneyFacts) => ({
  ...facts,
  sessions: new Map([...facts.sessions].map(([id, { outcome, heldOn }]) => [id, { outcome, heldOn }])),
  ending: facts.ending && { ...facts.ending, revision: null },
  recorded: null,
})
