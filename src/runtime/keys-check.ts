/**
 * Whether the keys are as new as the log: each participant in it has a key. With an older copy of the keys those who came later
 * could not be read, and would be recorded a second time. Up to where the log was checked is kept with the keys, so that a start
 * reads only what came after, and an older copy of the keys is checked from where it was taken.
 */
import type { Observable } from 'rxjs'
import type { ErasureCommandHandler } from '../commands/erasure-command-handler.ts'
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
 * Reads the participants that came after what was checked before, or all where that is not known. On the way each erasure that the
 * log authorises is carried out where it was not: a crash may have come first, or the keys are an older copy with his still in it.
 * @returns null where each has a key, is known to have lost it or was erased: up to where is then kept with the keys
 * @throws StoreUnavailable, KeysBusy
 */
export async function participantsWithoutKey(
  store: EventStore,
  vault: Vault,
  erasures: ErasureCommandHandler,
): Promise<Keyless | null> {
  const known = vault.checkedUpTo
  const from = known && (await standsIn(store, known)) ? BigInt(known.position) : null
  /** When the log received the first event read of each who has no key. */
  const keyless = new Map<string, Date>()
  const erased = new Set<string>()
  const toCarryOut = new Set(vault.toDestroy)
  let last: EventPlace | undefined
  for await (const { id, type, stream, revision, position, receivedAt } of store.readAll([category], from)) {
    last = { id, stream, revision, position: String(position) }
    const participantId = stream.slice(category.length + 1)
    const hasKey = vault.hasKey(participantId)
    if (type === 'ErasureAuthorised') toCarryOut.add(participantId)
    if (type === 'KeyDestroyed') {
      erased.add(participantId)
      if (!hasKey) toCarryOut.delete(participantId)
      else toCarryOut.add(participantId)
    }
    if (!hasKey && !keyless.has(participantId) && !vault.hasLost(participantId)) keyless.set(participantId, receivedAt)
  }
  for (const participantId of toCarryOut) await erasures.carryOut(participantId)
  for (const participantId of keyless.keys())
    if (erased.has(participantId) || (await erasures.isErased(participantId))) keyless.delete(participantId)
  const [since] = [...keyless.values()].toSorted((one, other) => one.getTime() - other.getTime())
  if (since) return { ids: new Set(keyless.keys()), since }
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
