/** The commands that write into the log which keys it is under: once and for good, or until keys are lost. */
import { randomUUID } from 'node:crypto'
import { v5 as uuidv5 } from 'uuid'
import {
  identifiedKeys,
  installationStream,
  type InstallationIdentified,
  type InstallationMetadata,
  type KeysLost,
} from '../domain/installation.ts'
import type { EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { ConcurrencyConflict } from '../event-store/store-errors.ts'
import type { Vault } from '../protection/vault.ts'

/** The ids of these events are worked out below it: the same keys always give the same event. */
const namespace = '0f3c2f0e-5d0a-5b6e-9c5c-6f1d0a7b1e90'

const metadataNow = (): InstallationMetadata => ({ recordedAt: new Date().toISOString(), schemaVersion: 1 })

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
    const { keys, revision } = await this.lastIdentified()
    return revision < 0 ? null : keys === this.vault.identity
  }

  /**
   * Writes that the log is under the keys of this process. Of several that start at once on an empty log, one is the first.
   * @returns whether the log is under our keys now
   * @throws StoreUnavailable
   */
  async identify(): Promise<boolean> {
    const { identity } = this.vault
    const event: Omit<InstallationIdentified, 'type'> = { data: { keys: identity } }
    const id = uuidv5(identity, namespace)
    try {
      await this.append(-1, { id, type: 'InstallationIdentified', ...event })
      return true
    } catch (error) {
      if (!(error instanceof ConcurrencyConflict)) throw error
      return (await this.isUnderOurKeys()) ?? false
    }
  }

  /**
   * Writes that keys are gone for good, and that the log is under the keys of this process from now on.
   * @throws ConcurrencyConflict where somebody else wrote here meanwhile; StoreUnavailable
   */
  async recordLoss(loss: Omit<KeysLost['data'], 'keys'>): Promise<void> {
    const { revision } = await this.lastIdentified()
    const data: KeysLost['data'] = { keys: this.vault.identity, ...loss }
    await this.append(revision, { id: randomUUID(), type: 'KeysLost', data })
  }

  private append(
    expectedRevision: number,
    event: (InstallationIdentified | KeysLost) & { readonly id: string },
  ): Promise<unknown> {
    return this.appender.append(installationStream, expectedRevision, [{ ...event, metadata: metadataNow() }])
  }

  /** What the stream says last; its revision is -1 where there is none. */
  private async lastIdentified(): Promise<{ keys: string | null; revision: number }> {
    let last: { keys: string | null; revision: number } = { keys: null, revision: -1 }
    for await (const event of this.store.read(installationStream))
      last = { keys: identifiedKeys(event) ?? last.keys, revision: event.revision }
    return last
  }
}
