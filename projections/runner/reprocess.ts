/** After a fix: one held history told again from its first event, its rows written anew in one transaction. */
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { BatchProcessor } from './batch-processor.ts'
import type { Projection } from '../projection.ts'
import { CheckpointConflict } from './checkpoint-store.ts'
import type { Sources } from '../rebuild/partition.ts'

const tries = 20

/** @returns the projections that still hold it, and why: none where it is healed */
export async function reprocess(
  { store, readModels, vault, log }: Sources,
  projections: readonly Projection[],
  stream: string,
): Promise<readonly { projection: string; revision: number; why: string }[]> {
  const stillHeld = []
  for (const projection of projections) {
    for (let attempt = 1; ; attempt++) {
      const build = await readModels.checkpointStore.current(projection)
      if (!build) break // it is being built anew, and will have heard the history then
      const history: (StoredEvent & { position: bigint })[] = []
      for await (const event of store.read(stream)) {
        // What the projection has not come to yet it will hear in its turn.
        if (event.position === null || event.position > (build.position ?? -1n)) continue
        history.push(event as StoredEvent & { position: bigint })
      }
      if (history.length === 0) {
        // A name no database keeps is listed under another, under which the log knows nothing that could be told again.
        const held = (await readModels.held()).filter((one) => one.projection === projection.name)
        const mine = held.filter((one) => one.stream === stream)
        stillHeld.push(...mine.map(({ revision, why }) => ({ projection: projection.name, revision, why })))
        break
      }
      const retold = await BatchProcessor.retold(readModels, vault, log, build, history)
      try {
        await readModels.mend(stream, { ...retold, build })
        stillHeld.push(...retold.held.map(({ revision, why }) => ({ projection: projection.name, revision, why })))
        break
      } catch (error) {
        // The projector wrote something meanwhile: worked out again for where it stands now.
        if (!(error instanceof CheckpointConflict) || attempt === tries) throw error
      }
    }
  }
  return stillHeld
}
