/** The command that writes into the log which keys it is under, once and for good. */
import { v5 as uuidv5 } from 'uuid'
import {
  identifiedKeys,
  installationStream,
  type InstallationIdentified,
  type InstallationMetadata,
} from '../domain/installation.ts'
import type { EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { ConcurrencyConflict } from '../event-store/store-errors.ts'
import type { Vault } from '../protection/vault.ts'

/** The ids of these events are worked out below it: the same keys always give the same event. */
const namespace = '0f3c2f0e-5d0a-5b6e-9c5c-6f1d0a7b1e90'

export class InstallationCommandHandler {
  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    private readonly appender: Pick<EventAppender, 'append'>,
    private readonly vault: Pick<Vault, 'identity'>,
  ) {}

  /**
   * Whether the log is under the keys of this process; null where the log does not say yet.
   * @throws StoreUnavailable
   */
  async isUnderOurKeys(): Promise<boolean | null> {
    for await (const event of this.store.read(installationStream)) return identifiedKeys(event) === this.vault.identity
    return null
  }

  /**
   * Writes that the log is under the keys of this process. Of several that start at once on an empty log, one is the first.
   * @returns whether the log is under our keys now
   * @throws StoreUnavailable
   */
  async identify(): Promise<boolean> {
    const { identity } = this.vault
    const event: Omit<InstallationIdentified, 'type'> = { data: { keys: identity } }
    const metadata: InstallationMetadata = { recordedAt: new Date().toISOString(), schemaVersion: 1 }
    const id = uuidv5(identity, namespace)
    try {
      await this.appender.append(installationStream, -1, [{ id, type: 'InstallationIdentified', ...event, metadata }])
      return true
    } catch (error) {
      if (!(error instanceof ConcurrencyConflict)) throw error
      return (await this.isUnderOurKeys()) ?? false
    }
  }
}
