/** Which keys a log is under. Stream `installation`: the first start on an empty log begins it, and only a loss of keys adds to it. */
import type { Instant } from './calendar.ts'

/** The stream is the only one of its kind, so its name has no id. */
export const installationStream = 'installation'

/** Why keys are gone for good, and what that is called. A code and not a text: nothing here can name a participant. */
export const keyLossReasons = {
  disk_failed: 'the disk that held them failed',
  deleted: 'they were deleted',
  stolen: 'they were stolen',
  unreadable: 'the file is damaged',
  older_copy_only: 'only an older copy of them is left',
} as const

export type KeyLossReason = keyof typeof keyLossReasons

/** Names and fields are the stored format: add to them, never rename them. */
export interface InstallationIdentified {
  readonly type: 'InstallationIdentified'
  readonly data: {
    /** A keyed digest of a fixed text, in base64url: tells whether keys are the same, not what they are. */
    readonly keys: string
  }
}

/** Keys of participants are gone for good, and the installation goes on without them. Nobody was erased by it: no authority asked for it. */
export interface KeysLost {
  readonly type: 'KeysLost'
  readonly data: {
    /** The digest of the keys that the log is under from now on: others, or an older copy of the same. */
    readonly keys: string
    /** How many participants of the log had no key. */
    readonly participants: number
    /** The staff code of who said so. */
    readonly by: string
    readonly reason: KeyLossReason
  }
}

export type InstallationEvent = InstallationIdentified | KeysLost

export interface InstallationMetadata {
  readonly recordedAt: Instant
  readonly schemaVersion: 1
}

const identifying: ReadonlySet<string> = new Set<InstallationEvent['type']>(['InstallationIdentified', 'KeysLost'])

/** @returns the digest of the keys that the log is under from this event on; null for an event that does not say */
export function identifiedKeys({ type, data }: { readonly type: string; readonly data: unknown }): string | null {
  if (!identifying.has(type)) return null
  const keys = (data as Partial<InstallationEvent['data']> | null)?.keys
  return typeof keys === 'string' ? keys : null
}
