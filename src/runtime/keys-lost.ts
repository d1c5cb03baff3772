/** Going on without keys that are gone for good: a person says so, with his code and a reason, and the log keeps it. */
import type { ErasureCommandHandler } from '../commands/erasure-command-handler.ts'
import type { InstallationCommandHandler } from '../commands/installation-command-handler.ts'
import { keyLossReasons, type KeyLossReason, type KeysLost } from '../domain/installation.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { Vault } from '../protection/vault.ts'
import type { Config } from './config.ts'
import { InstallationMismatch } from './installation-check.ts'
import { participantsWithoutKey } from './keys-check.ts'

/** Who says that the keys are lost, and why they are. */
export type LossOfKeys = Pick<KeysLost['data'], 'by' | 'reason'>

/** The codes of the reasons there may be. */
export const lossReasons = Object.keys(keyLossReasons) as readonly KeyLossReason[]

/** The reason in words, as in “because the disk that held them failed”. */
export const whyLost = (reason: KeyLossReason): string => keyLossReasons[reason]

/**
 * Writes into the log that keys were lost, then into the keys whose they were: from then on a start no longer asks for them.
 * Where every participant has a key nothing is written.
 * @returns how many participants have no key
 * @throws InstallationMismatch where the keys' file is another installation's; KeysBusy; StoreUnavailable
 */
export async function acceptLossOfKeys(
  {
    config,
    store,
    vault,
    installation,
    erasures,
  }: {
    config: Config
    store: EventStore
    vault: Vault
    installation: InstallationCommandHandler
    erasures: ErasureCommandHandler
  },
  loss: LossOfKeys,
): Promise<number> {
  const isUnderOthers = (await installation.isUnderOurKeys()) === false
  if (isUnderOthers && !vault.isNew)
    throw new InstallationMismatch(
      `${config.keysDir} holds the keys of another installation. Nothing was changed. Set KEYS_DIR to the directory of this log's keys; where they are gone, to an empty one.`,
    )
  const keyless = await participantsWithoutKey(store, vault, erasures)
  if (!keyless && !isUnderOthers) return 0
  const ids = keyless?.ids ?? new Set()
  // The log first: where this ends in between, the next start still refuses, and the loss can be recorded again.
  await installation.recordLoss({ ...loss, participants: ids.size })
  await vault.whenFree(() => vault.acceptLoss(ids))
  return ids.size
}
