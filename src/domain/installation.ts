/** Which keys a log is under. Stream `installation`: one event, which the first start on an empty log writes. */
import type { Instant } from './calendar.ts'

/** The stream is the only one of its kind, so its name has no id. */
export const installationStream = 'installation'

/** Names and fields are the stored format: add to them, never rename them. */
export interface InstallationIdentified {
  readonly type: 'InstallationIdentified'
  readonly data: {
    /** A keyed digest of a fixed text, in base64url: tells whether keys are the same, not what they are. */
    readonly keys: string
  }
}

export interface InstallationMetadata {
  readonly recordedAt: Instant
  readonly schemaVersion: 1
}

/** @returns the digest of the keys that the log is under; null for an event that does not say */
export function identifiedKeys({ type, data }: { readonly type: string; readonly data: unknown }): string | null {
  if (type !== ('InstallationIdentified' satisfies InstallationIdentified['type'])) return null
  const keys = (data as Partial<InstallationIdentified['data']> | null)?.keys
  return typeof keys === 'string' ? keys : null
}
