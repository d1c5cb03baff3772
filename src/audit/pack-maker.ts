/** Makes evidence packs for pages: each is kept in memory, for who asked for it, until it has been fetched or some time is over. */
import { LRUCache } from 'lru-cache'
import type { EventStore } from '../event-store/event-store.ts'
import type { EvidenceFile } from '../evidence/evidence-file.ts'
import { coveredCategories } from '../evidence/evidence-follower.ts'
import { makePack, type PackMaking, type PackOrder } from '../evidence/pack/make-pack.ts'
import { PackRefused, type EvidencePack } from '../evidence/pack/pack-format.ts'
import { untilLevel } from '../evidence/pack/until-level.ts'

/** How long a pack waits to be fetched, in milliseconds. */
const keptMs = 15 * 60_000
/** How many bytes of packs are kept at most; the ones that were asked for least lately go first. */
const mostBytes = 200_000_000

/** A pack that waits to be fetched. */
export interface MadePack {
  /** Without its events, which are in its bytes. */
  readonly pack: Omit<EvidencePack, 'events'>
  readonly events: number
  /** How many of them no signed head covers yet. */
  readonly uncovered: number
  readonly journeyIds: readonly string[]
  readonly bytes: Uint8Array
  readonly madeBy: string
}

export class PackMaker {
  private readonly making: PackMaking & { readonly store: Pick<EventStore, 'headPositionOf'> }
  private readonly file: EvidenceFile | null
  private readonly made = new LRUCache<string, MadePack>({
    ttl: keptMs,
    maxSize: mostBytes,
    sizeCalculation: ({ bytes }) => bytes.length,
  })

  constructor(making: PackMaking & { readonly store: Pick<EventStore, 'headPositionOf'> }, file: EvidenceFile | null) {
    this.making = making
    this.file = file
    // With personal details opened in it a pack would outlive the key.
    making.vault.onDestroyed.add(() => this.made.clear())
  }

  /**
   * That it was made is recorded before it can be fetched.
   * @throws PackRefused, and StoreUnavailable where its making could not be recorded
   */
  async make(order: PackOrder): Promise<MadePack> {
    const { store, config } = this.making
    if (!this.file) throw new PackRefused('The evidence log is not open, so nothing can be proved from it.')
    await untilLevel(this.file, await store.headPositionOf(coveredCategories), config.witness?.key)
    const { bytes, pack } = await makePack(this.making, this.file, order)
    const { events, ...rest } = pack
    const journeys = events.filter(({ stream }) => stream.startsWith('journey-'))
    const made: MadePack = {
      pack: rest,
      events: events.length,
      uncovered: events.filter(({ proof }) => proof === null).length,
      journeyIds: [...new Set(journeys.map(({ stream }) => stream.slice('journey-'.length)))],
      bytes,
      madeBy: order.by.id,
    }
    this.made.set(pack.id, made)
    return made
  }

  /** A pack for who had it made; null for anybody else, and once it is kept no longer. */
  madeFor(actorId: string, packId: string): MadePack | null {
    const made = this.made.get(packId)
    return made?.madeBy === actorId ? made : null
  }
}
