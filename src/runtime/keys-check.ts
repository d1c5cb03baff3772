/**
 * Whether the keys are as new as the log: each participant in it has a key. With an older copy of the keys those who came later
 * could not be read, and would be recorded a second time. Up to where the log was checked is kept with the keys, so that a start
 * reads only what came after, and an older copy of the keys is checked from where it was taken.
 */
import type { Observable } from 'rxjs'
import type { EventStore } from '../event-store/event-store.ts'
import type { EventPlace } from '../event-store/stored-event.ts'
import type { Vault } from '../protection/vault.ts'

/** Who has no key, and since when. */
export interface Keyless {
  readonly ids: ReadonlySet<string>
  /** When the log received the first event of one of them. */
  readonly since: Date
}

const category = 'participant'

/**
 * Reads the participants that came after what was checked before, or all where that is not known.
 * @returns null where each has a key, or is known to have lost it: up to where is then kept with the keys
 * @throws StoreUnavailable
 */
export async function participantsWithoutKey(store: EventStore, vault: Vault): Promise<Keyless | null> {
  const known = vault.checkedUpTo
  const from = known && (await standsIn(store, known)) ? BigInt(known.position) : null
  const keyless = new Set<string>()
  let since: Date | undefined
  let last: EventPlace | undefined
  for await (const { id, stream, revision, position, receivedAt } of store.readAll([category], from)) {
    last = { id, stream, revision, position: String(position) }
    const participantId = stream.slice(category.length + 1)
    if (vault.hasKey(participantId) || vault.hasLost(participantId)) continue
    keyless.add(participantId)
    since ??= receivedAt
  }
  if (since) return { ids: keyless, since }
  if (last && last.id !== known?.id) await vault.whenFree(() => (vault.checkedUpTo = last))
  return null
}

/** A log that was copied into another store, or put back from an older copy, has other events at the same positions. */
async function standsIn(store: EventStore, { id, stream, revision, position }: EventPlace): Promise<boolean> {
  for await (const event of store.read(stream, revision))
    return event.id === id && (event.position === null || String(event.position) === position)
  return false
}

/** How often what this process has appended is written down, in milliseconds: about as much is read at a start after a crash. */
const everyMs = 10_000

/** Moves the checked place on with what this process appends, since no event is appended before the keys of those in it are kept. */
export class CheckedPlace {
  private appended: EventPlace | undefined
  private readonly following
  private readonly timer: NodeJS.Timeout

  constructor(
    private readonly vault: Vault,
    appends: Observable<{ readonly upTo?: EventPlace }>,
  ) {
    this.following = appends.subscribe(({ upTo }) => {
      if (upTo) this.appended = upTo
    })
    this.timer = setInterval(() => this.write(), everyMs).unref()
  }

  close(): void {
    clearInterval(this.timer)
    this.following.unsubscribe()
    this.write()
  }

  private write(): void {
    const { appended } = this
    if (!appended) return
    this.appended = undefined
    try {
      this.vault.checkedUpTo = appended
    } catch {
      // Another process holds the keys: the next start reads a little more of the log.
      this.appended ??= appended
    }
  }
}
