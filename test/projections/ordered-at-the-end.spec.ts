import { describe, expect, it } from 'vitest'
import { CheckpointConflict, type AcquiredCheckpoint } from '../../projections/runner/checkpoint-store.ts'
import { idOf, ignoring, type Projection, type Row, type Table } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import type { ReadModels } from '../../projections/storage/read-models.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
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
  onlyReplaced: true,
}

const types = Object.keys(projections[0]!.on).filter(isEventType)
const ofParticipants = ['ParticipantRegistered', 'ParticipantDetailsCorrected', 'ContactRefused'] as const
const replaced = (event: { stream: string; revision: number; id: string }) => [
  {
    table: last,
    key: [idOf(event.stream)],
    whole: true as const,
    become: () => ({ journey_id: idOf(event.stream), revision: event.revision, said: Buffer.from(event.id) }),
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
  const written = async (readModels: ReadModels, build: AcquiredCheckpoint, rows: Row[], isInOrder: boolean) => {
    const to = (build.position ?? 0n) + 1n
    const [next] = await readModels.commit([{ build, to, rows: new Map([[last, rows]]), isInOrder, held: [] }])
    return next!
  }

  it('are put down as they come, and of several with one key the last counts', async () => {
    const { readModels } = await runtimeOfItsOwn()
    let { build } = await readModels.checkpointStore.acquireShadow(lastEvents)
    expect(await readModels.checkpointStore.isInOrder(build)).toBe(false)
    build = await written(readModels, build, [row(3, 1), row(1, 1), row(3, 2), row(2, 9)], false)
    build = await written(readModels, build, [row(2, 4), row(3, 3), row(4, 1)], false)
    expect(await rowsOf(readModels, 'last_event__beside')).toEqual([])
    await readModels.checkpointStore.complete(build)
    expect(await readModels.checkpointStore.isInOrder(build)).toBe(true)
    const inOrder = [row(1, 1), row(2, 4), row(3, 3), row(4, 1)]
    expect(await rowsOf(readModels, 'last_event__beside')).toEqual(inOrder)
    // Again, as after a crash right behind it: nothing is lost.
    await readModels.checkpointStore.complete(build)
    build = await written(readModels, build, [row(2, 5), row(0, 7)], true)
    expect(await readModels.checkpointStore.promote(build)).toBe(true)
    expect(await rowsOf(readModels, 'last_event')).toEqual([row(0, 7), row(1, 1), row(2, 5), row(3, 3), row(4, 1)])
  })

  it('are not put in order by one whom another has taken over from', async () => {
    const { readModels } = await runtimeOfItsOwn()
    const { build: stale } = await readModels.checkpointStore.acquireShadow(lastEvents)
    let { build } = await readModels.checkpointStore.acquireShadow(lastEvents)
    await expect(readModels.checkpointStore.complete(stale)).rejects.toThrow(CheckpointConflict)
    build = await written(readModels, build, [row(1, 1)], false)
    await readModels.checkpointStore.complete(build)
    expect(await rowsOf(readModels, 'last_event__beside')).toEqual([row(1, 1)])
  })

  it('come out as they were heard one by one, cut short wherever it may be', async () => {
    const runtime = await runtimeOfItsOwn()
    await importText(runtime, log)
    const { readModels, store } = runtime
    const expected = new Map<string, Row>()
    const truth = async () => {
      for await (const event of store.readAll(['journey'])) {
        const [{ become }] = replaced(event) as [ReturnType<typeof replaced>[number]]
        expected.set(idOf(event.stream), become())
      }
      return [...expected.values()].toSorted((a, b) => (a.journey_id! < b.journey_id! ? -1 : 1))
    }
    const rebuilt = (options: object) =>
      rebuildReadModels({ ...runtime, log: silent }, [lastEvents], { signal: forEver, ...options })

    const stop = new AbortController()
    expect(await rebuilt({ signal: stop.signal, most: 30, onProgress: () => stop.abort() })).toBe(false)
    const { checkpointStore: builds } = readModels
    const swapIn = builds.promote.bind(builds)
    builds.promote = () => Promise.reject(new Error('the power is gone'))
    await expect(rebuilt({ most: 30 })).rejects.toThrow('the power is gone')
    builds.promote = swapIn
    // It is in order now, and hears more before it can be swapped in.
    const journey = (await truth())[0]!
    const { type, data, metadata } = storedWarning
    const stream = `journey-${String(journey.journey_id)}`
    await appenderOf(runtime).append(stream, journey.revision as number, [
      { id: crypto.randomUUID(), type, data, metadata },
    ])
    expect(await rebuilt({ most: 30 })).toBe(true)
    expect(await rowsOf(readModels, 'last_event')).toEqual(await truth())
    expect((await everything(readModels)).caseload, 'and others are left alone').toHaveLength(expected.size)
  })
})
