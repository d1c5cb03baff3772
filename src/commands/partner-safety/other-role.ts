/** Whether somebody has recorded something about a man himself: then the strand about his partner is not for him, nor her. */
import type { Metadata } from '../../domain/history.ts'
import type { EventStore } from '../../event-store/event-store.ts'

interface Known {
  readonly revision: number
  readonly actors: ReadonlySet<string>
}

/** Streams whose actors are kept; each is read on from where it was read. */
const mostKept = 2_000

export class OtherRole {
  private readonly known = new Map<string, Known>()

  constructor(private readonly store: Pick<EventStore, 'read'>) {}

  /** @throws StoreUnavailable */
  async isHeldBy(
    actorId: string,
    { journeyId, participantId }: { readonly journeyId: string | null; readonly participantId: string | null },
  ): Promise<boolean> {
    for (const stream of [`journey-${journeyId}`, `participant-${participantId}`])
      if ((await this.actorsOf(stream)).has(actorId)) return true
    return false
  }

  private async actorsOf(stream: string): Promise<ReadonlySet<string>> {
    const known = this.known.get(stream)
    const actors = new Set(known?.actors)
    let revision = known?.revision ?? -1
    for await (const { metadata, revision: at } of this.store.read(stream, revision + 1)) {
      const { actor, importedBy } = (metadata ?? {}) as Partial<Metadata>
      for (const one of [actor, importedBy]) if (one) actors.add(one.id)
      revision = at
    }
    if (this.known.size >= mostKept) this.known.clear()
    this.known.set(stream, { revision, actors })
    return actors
  }
}
