/** After a repair: a parked stream is projected again from its first event, and its rows are written in one transaction. */
import type { PositionedEvent } from '../../src/event-store/stored-event.ts'
import type { Projection } from '../projection.ts'
import { BatchProcessor, type ProjectionSources } from './batch-processor.ts'
import { CheckpointConflict } from './checkpoint-store.ts'
import type { ReadModels } from './read-models.ts'

export interface StillParked {
  readonly projection: string
  readonly revision: number
  readonly why: string
}

/** The runner may move a checkpoint between reading and writing; so many times the stream is projected again. */
const mostAttempts = 20

/** @returns the projections in which the stream is parked still: none where it is repaired */
export async function reprocess(
  sources: ProjectionSources & { readonly readModels: ReadModels },
  projections: readonly Projection[],
  stream: string,
): Promise<readonly StillParked[]> {
  const { store, readModels } = sources
  const { checkpointStore, parkedStreams } = readModels
  const stillParked: StillParked[] = []
  for (const projection of projections) {
    for (let attempt = 1; ; attempt++) {
      const checkpoint = await checkpointStore.current(projection)
      if (!checkpoint) break // a rebuild is under way, which will project the stream
      const events: PositionedEvent[] = []
      for await (const event of store.read(stream)) {
        // Events beyond the checkpoint are left to the runner.
        if (event.position === null || event.position > (checkpoint.position ?? -1n)) continue
        events.push(event as PositionedEvent)
      }
      if (events.length === 0) {
        // A name that no database keeps is listed under another, under which the log has no stream.
        const parked = (await parkedStreams.list()).filter((one) => one.projection === projection.name)
        const same = parked.filter((one) => one.stream === stream)
        stillParked.push(...same.map(({ revision, why }) => ({ projection: projection.name, revision, why })))
        break
      }
      const write = await BatchProcessor.reprocessed(sources, checkpoint, events)
      try {
        await checkpointStore.rewriteStream(stream, write)
        stillParked.push(...write.parked.map(({ revision, why }) => ({ projection: projection.name, revision, why })))
        break
      } catch (error) {
        if (!(error instanceof CheckpointConflict) || attempt === mostAttempts) throw error
      }
    }
  }
  return stillParked
}
