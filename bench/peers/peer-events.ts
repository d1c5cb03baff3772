/** What the peers have in common: the product's own rules, the facts and the metadata it keeps, without its sealing of personal fields. */
import { createHmac } from 'node:crypto'
import { dayOf } from '../../src/domain/calendar.ts'
import type { CommandContext, Metadata } from '../../src/domain/history.ts'
import type { Details } from '../../src/domain/participant.ts'
import { issuer, type ReferralWork, type StepCommand } from './work.ts'

/** Where a peer keeps its events. Each command is durable before it is answered. */
export interface PeerEvents {
  refer(referral: ReferralWork, commandId: string): Promise<{ readonly journeyId: string; readonly revision: number }>
  execute(journeyId: string, step: StepCommand, commandId: string): Promise<{ readonly revision: number }>
  close(): Promise<void>
}

export const contextOf = (commandId: string, occurredOn: string): CommandContext => ({
  commandId,
  occurredOn,
  recordedOn: dayOf(new Date().toISOString()),
})

export const metadataOf = ({ commandId, occurredOn }: CommandContext): Metadata => ({
  commandId,
  actor: issuer,
  occurredAt: occurredOn,
  recordedAt: new Date().toISOString(),
  schemaVersion: 1,
  correlationId: commandId,
  causationId: commandId,
  source: 'api',
})

export const fingerprintOf = ({ crn, familyName, givenNames, dateOfBirth }: Details): string =>
  createHmac('sha256', 'a bench needs no secret')
    .update(JSON.stringify([crn, familyName, givenNames, dateOfBirth]))
    .digest('base64url')
