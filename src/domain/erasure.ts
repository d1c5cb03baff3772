/**
 * Erasure of a participant's personal data: one person asks, another authorises, then his key is destroyed and nothing sealed under
 * it can be read again (Data Protection Act 2018, section 47). And what stands in its way: a hold, while the record is needed.
 * The events are in the participant's own stream.
 */
import { Refusal, type CommandContext, type Own, type Recorded } from './history.ts'
import type { Classified } from './privacy.ts'

/** Why personal data is erased: a list, so that no free text about anybody gets into the log unsealed. */
export const erasureReasons = {
  retention_ended: 'The retention period is over',
  subject_request: 'He asked for it, and it must be granted',
  unlawful: 'The data should not have been processed',
  legal_obligation: 'A court or the Information Commissioner ordered it',
} as const
export type ErasureReason = keyof typeof erasureReasons

/** Why an erasure that was asked for does not go ahead. */
export const decliningReasons = {
  still_needed: 'The record is still needed',
  not_he: 'It is not the person who was meant',
  evidence: 'The data must be kept as evidence: restrict its processing instead',
  withdrawn: 'The request was withdrawn',
} as const
export type DecliningReason = keyof typeof decliningReasons

/** Why a record is kept whatever its retention period says. */
export const holdReasons = {
  proceedings: 'Court proceedings',
  inquiry: 'A public inquiry',
  review: 'A serious further offence review, or a domestic homicide review',
  complaint: 'A complaint that is not closed',
  request: 'A request of his for his own data that is not answered',
} as const
export type HoldReason = keyof typeof holdReasons

/** Names and fields are the stored format: add to them, never rename them. */
export type ErasureEvent =
  /** Somebody asked that his personal data be erased. `journeys` are those it covers, whose references are forgotten as well. */
  | { type: 'ErasureRequested'; data: { reason: ErasureReason; journeys: readonly string[] } }
  /** The erasure does not go ahead. It can be asked for again. */
  | { type: 'ErasureDeclined'; data: { reason: DecliningReason } }
  /** Somebody else than who asked has authorised the erasure. From here on it is carried out, whatever fails meanwhile. */
  | { type: 'ErasureAuthorised'; data: { reason: ErasureReason; journeys: readonly string[] } }
  /** The key is gone. What was sealed under it stays in the log, unchanged, and can be read by nobody. */
  | { type: 'KeyDestroyed'; data: { kind: KeyKind } }
  /** His record is kept until further notice: it cannot be erased. */
  | { type: 'RetentionHoldPlaced'; data: { holdId: string; reason: HoldReason } }
  /** What his record was kept for is over. */
  | { type: 'RetentionHoldReleased'; data: { holdId: string; reason: HoldReason } }

/** What was sealed under the key: all personal fields of his own stream and of his journeys. */
export const keyKinds = ['participant'] as const
export type KeyKind = (typeof keyKinds)[number]

export const erasurePrivacy: Classified<ErasureEvent> = {
  ErasureRequested: { reason: 'open', journeys: 'open' },
  ErasureDeclined: { reason: 'open' },
  ErasureAuthorised: { reason: 'open', journeys: 'open' },
  KeyDestroyed: { kind: 'open' },
  RetentionHoldPlaced: { holdId: 'open', reason: 'open' },
  RetentionHoldReleased: { holdId: 'open', reason: 'open' },
}

export const erasureEventTypes = Object.keys(erasurePrivacy) as ErasureEvent['type'][]

/** `by` is the opaque id of who issues the command: the rule of two people compares it. */
export type ErasureCommand = CommandContext &
  (
    | { type: 'RequestErasure'; data: { by: string; reason: ErasureReason; journeys: readonly string[] } }
    | { type: 'DeclineErasure'; data: { reason: DecliningReason } }
    /** @see ErasureAuthorised: the journeys are those he has by then. */
    | { type: 'AuthoriseErasure'; data: { by: string; journeys: readonly string[] } }
    | { type: 'RecordKeyDestroyed'; data: { kind: KeyKind } }
    | { type: 'PlaceRetentionHold'; data: { holdId: string; reason: HoldReason } }
    | { type: 'ReleaseRetentionHold'; data: { holdId: string } }
  )

/** Where an erasure stands. */
export type Erasure =
  | { readonly state: 'none' }
  | {
      readonly state: 'asked' | 'authorised' | 'destroyed'
      readonly askedBy: string
      readonly reason: ErasureReason
      readonly journeys: readonly string[]
    }

/** What the rules of erasure know of a participant. */
export interface Protection {
  readonly erasure: Erasure
  /** The holds that are in force, by id. */
  readonly holds: ReadonlyMap<string, HoldReason>
}

export const unprotected: Protection = { erasure: { state: 'none' }, holds: new Map() }

/** Changes the state in place. */
export function applyErasure(own: Own<Protection>, event: Recorded<ErasureEvent>): void {
  switch (event.type) {
    case 'ErasureRequested':
      own.erasure = { state: 'asked', askedBy: event.metadata.actor.id, ...event.data }
      return
    case 'ErasureDeclined':
      own.erasure = { state: 'none' }
      return
    case 'ErasureAuthorised': {
      const askedBy = own.erasure.state === 'none' ? '' : own.erasure.askedBy
      own.erasure = { state: 'authorised', askedBy, ...event.data }
      return
    }
    case 'KeyDestroyed':
      if (own.erasure.state !== 'none') own.erasure = { ...own.erasure, state: 'destroyed' }
      return
    case 'RetentionHoldPlaced':
      own.holds.set(event.data.holdId, event.data.reason)
      return
    case 'RetentionHoldReleased':
      own.holds.delete(event.data.holdId)
  }
}

export function decideErasure({ erasure, holds }: Protection, command: ErasureCommand): readonly ErasureEvent[] {
  switch (command.type) {
    case 'RequestErasure': {
      refuseErased(erasure)
      if (erasure.state !== 'none') throw new Refusal('erasure_asked', 'His erasure has been asked for already.')
      refuseHeld(holds)
      const { reason, journeys } = command.data
      return [{ type: 'ErasureRequested', data: { reason, journeys } }]
    }
    case 'DeclineErasure':
      refuseErased(erasure)
      if (erasure.state === 'none') throw nothingAsked()
      return [{ type: 'ErasureDeclined', data: command.data }]
    case 'AuthoriseErasure': {
      refuseErased(erasure)
      if (erasure.state === 'none') throw nothingAsked()
      if (erasure.askedBy === command.data.by)
        throw new Refusal('own_request', 'Whoever asked for an erasure cannot authorise it. Somebody else must.')
      refuseHeld(holds)
      return [{ type: 'ErasureAuthorised', data: { reason: erasure.reason, journeys: command.data.journeys } }]
    }
    case 'RecordKeyDestroyed':
      if (erasure.state === 'destroyed') return []
      if (erasure.state !== 'authorised')
        throw new Refusal('not_authorised', 'Nobody has authorised his erasure, so his key is kept.')
      return [{ type: 'KeyDestroyed', data: command.data }]
    case 'PlaceRetentionHold':
      refuseErased(erasure)
      return holds.has(command.data.holdId) ? [] : [{ type: 'RetentionHoldPlaced', data: command.data }]
    case 'ReleaseRetentionHold': {
      const reason = holds.get(command.data.holdId)
      if (!reason) throw new Refusal('no_hold', 'This hold is not in force, or never was.')
      return [{ type: 'RetentionHoldReleased', data: { holdId: command.data.holdId, reason } }]
    }
  }
}

/** Once it is authorised it is carried out: nothing can be put in its way any more. */
export function refuseErased({ state }: Erasure): void {
  if (state === 'authorised' || state === 'destroyed')
    throw new Refusal('erased', 'His personal data was erased. Nothing more can be kept under his key.')
}

function refuseHeld(holds: ReadonlyMap<string, HoldReason>): void {
  const [reason] = holds.values()
  if (reason === undefined) return
  throw new Refusal(
    'retention_hold',
    `His record is on hold (${holdReasons[reason].toLowerCase()}). Release the hold first.`,
  )
}

const nothingAsked = () => new Refusal('no_erasure_asked', 'Nobody has asked for his erasure.')
