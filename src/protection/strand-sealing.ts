/** Opens and seals the events of the partner-safety strand, whole, under the key of the record they belong to. */
import type { Recorded } from '../domain/history.ts'
import type { PartnerSafetyEvent } from '../domain/partner-safety/partner-safety.ts'
import {
  sealedTextOf,
  strandContentOf,
  strandEventFrom,
  type StoredStrandEvent,
} from '../domain/partner-safety/sealed-strand.ts'
import { aboutEvent } from './sealing.ts'
import { KeyMissing, SealBroken, type Vault } from './vault.ts'

/** The key of a record has the id of its stream. */
export const strandIdOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1)

/** @throws KeyMissing */
export const sealedStrandEvent = (
  vault: Pick<Vault, 'seal'>,
  at: { readonly stream: string; readonly id: string },
  event: PartnerSafetyEvent,
  on: string,
): { readonly sealed: string } => ({
  sealed: vault.seal(strandIdOf(at.stream), aboutEvent(at), strandContentOf(event, on)),
})

/** @returns null where it cannot be read: its key is gone, it was altered or moved, or it is of a later release */
export function openedStrandEvent(
  vault: Pick<Vault, 'open'>,
  stored: StoredStrandEvent,
): Recorded<PartnerSafetyEvent> | null {
  const sealed = sealedTextOf(stored)
  if (sealed === null) return null
  try {
    return strandEventFrom(stored, vault.open(strandIdOf(stored.stream), aboutEvent(stored), sealed))
  } catch (error) {
    if (error instanceof KeyMissing || error instanceof SealBroken || error instanceof SyntaxError) return null
    throw error
  }
}
