import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { CheckpointConflict, type AcquiredCheckpoint } from '../../projections/runner/checkpoint-store.ts'
import { idOf, ignoring, type Projection, type Row, type Table } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import type { ReadModels } from '../../projections/runner/read-models.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { ShadowTables } from '../../projections/rebuild/shadow-tables.ts'
import { isEventType, type DomainEvent } from '../../src/domain/events.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { appenderOf, importText, temporaryWorkplace } from '../support/runtime.ts'
import storedWarning from '../stored-events/WarningIssued.v1.json' with { type: 'json' }

const log = csvOf(simulateContactLog({ seed: 8, journeys: 20, from: '2023-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()
const forEver = new AbortController().signal

/** A journey's last event: a row that each of its events replaces. */
const last: Table = {
  name: 'last_event',
  columns: { journey_id: 'text', revision: 'integer', said: 'blob' },
  key: ['journey_id'],
  kind: 'document',
}

const types = Object.keys(projections[0]!.on).filter(isEventType)
const ofParticipants = ['ParticipantRegistered', 'ParticipantDetailsCorrected', 'ContactRefused'] as const
const replaced = (event: { stream: string; revision: number; id: string }) => [
  {
    table: last,
    key: [idOf(event.stream)],
    apply: () => ({ journey_id: idOf(event.stream), revision: event.revision, said: Buffer.from(event.id) }),
  },
]
const lastEvents: Projection = {
  name: 'last_event',
  version: 1,
  question: 'What happened last?',
  tables: [last],
  on: {
    ...(Object.fromEntries(types.map((type) => [type, replaced])) as unknown as Record<DomainEvent['type'], 'ignored'>),
    ...ignoring(...ofParticipants),
  },
}

const rowsOf = (readModels: ReadModels, name: string) =>
  readModels.snapshot((moment) => Array.fromAsync(moment.rows(last, name)))

const row = (id: number, revision: number): Row => ({ journey_id: `j${id}`, revision, said: Buffer.from([0, id, 255]) })

describe.each(databases)('rows that are only replaced, while they are rebuilt on %s,', (kind) => {
  const runtimeOfItsOwn = async () => temporaryWorkplace(await freshDatabase(kind))
  const written = async (readModels: ReadModels, checkpoint: AcquiredCheckpoint, rows: Row[]) => {
    const upTo = (checkpoint.position ?? 0n) + 1n
    const target = (await new ShadowTables(readModels.database).targets(checkpoint)).get(last)!
    const [next] = await readModels.checkpointStore.commit([
      { checkpoint, upTo, lastEvent: null, rows: new Map([[target, rows]]), parked: [] },
    ])
    return next!
  }
  const targetName = async (shadow: ShadowTables, checkpoint: AcquiredCheckpoint) =>
    (await shadow.targets(checkpoint)).get(last)!.name

  it('are put down as they come, and of several with one key the last counts', async () => {
    const { readModels } = await runtimeOfItsOwn()
    const shadow = new ShadowTables(readModels.database)
    let { checkpoint } = await shadow.acquire(lastEvents)
    expect(await targetName(shadow, checkpoint)).toBe('last_event__arrivals')
    checkpoint = await written(readModels, checkpoint, [row(3, 1), row(1, 1), row(3, 2), row(2, 9)])
    checkpoint = await written(readModels, checkpoint, [row(2, 4), row(3, 3), row(4, 1)])
    expect(await rowsOf(readModels, 'last_event__shadow')).toEqual([])
    await shadow.complete(checkpoint)
    expect(await targetName(shadow, checkpoint)).toBe('last_event__shadow')
    const inOrder = [row(1, 1), row(2, 4), row(3, 3), row(4, 1)]
    expect(await rowsOf(readModels, 'last_event__shadow')).toEqual(inOrder)
    // Again, as after a crash right behind it: nothing is lost.
    await shadow.complete(checkpoint)
    checkpoint = await written(readModels, checkpoint, [row(2, 5), row(0, 7)])
    expect(await shadow.promote(checkpoint)).toBe(true)
    expect(await rowsOf(readModels, 'last_event')).toEqual([row(0, 7), row(1, 1), row(2, 5), row(3, 3), row(4, 1)])
  })

  it('are not put in order by a process from which another has acquired it', async () => {
    const { readModels } = await runtimeOfItsOwn()
    const shadow = new ShadowTables(readModels.database)
    const { checkpoint: stale } = await shadow.acquire(lastEvents)
    let { checkpoint } = await shadow.acquire(lastEvents)
    await expect(shadow.complete(stale)).rejects.toThrow(CheckpointConflict)
    checkpoint = await written(readModels, checkpoint, [row(1, 1)])
    await shadow.complete(checkpoint)
    expect(await rowsOf(readModels, 'last_event__shadow')).toEqual([row(1, 1)])
  })

  it('come out as they were heard one by one, cut short wherever it may be', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, log)
    const { readModels, store } = runtime
    const expected = new Map<string, Row>()
    const truth = async () => {
      for await (const event of store.readAll(['journey'])) {
        const [{ apply }] = replaced(event) as [ReturnType<typeof replaced>[number]]
        expected.set(idOf(event.stream), apply())
      }
      return [...expected.values()].toSorted((a, b) => (a.journey_id! < b.journey_id! ? -1 : 1))
    }
    const rebuilt = (options: object) =>
      rebuildReadModels({ ...runtime, log: silent }, [lastEvents], { signal: forEver, ...options })

    const stop = new AbortController()
    expect(await rebuilt({ signal: stop.signal, batchSize: 30, onProgress: () => stop.abort() })).toBe(false)
    const promote = vi.spyOn(ShadowTables.prototype, 'promote').mockRejectedValue(new Error('the power is gone'))
    onTestFinished(() => promote.mockRestore())
    await expect(rebuilt({ batchSize: 30 })).rejects.toThrow('the power is gone')
    promote.mockRestore()
    // It is completed now, and processes more before it can be promoted.
    const journey = (await truth())[0]!
    const { type, data, metadata } = storedWarning
    const stream = `journey-${String(journey.journey_id)}`
    await appenderOf(runtime).append(stream, journey.revision as number, [
      { id: crypto.randomUUID(), type, data, metadata },
    ])
    expect(await rebuilt({ batchSize: 30 })).toBe(true)
    expect(await rowsOf(readModels, 'last_event')).toEqual(await truth())
    expect((await everything(readModels)).caseload, 'and others are left alone').toHaveLength(expected.size)
  })
})
