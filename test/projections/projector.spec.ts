import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Projector, projections } from '../../projections/projector.ts'
import { CheckpointMoved, ReadModels } from '../../projections/read-models.ts'
import { whoIsAsking } from '../../src/access/session.ts'
import { Journeys } from '../../src/reading/journeys.ts'
import { heardEverything, type Workplace } from '../../src/workplace.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { importText, temporaryWorkplace } from '../support/workplace.ts'

const smallLog = csvOf(
  simulateContactLog({ seed: 5, journeys: 25, from: '2023-01-01', until: '2024-12-31', messy: false }),
)

/** Every row of every table that a projection keeps, in the order of its key. */
function everything({ config }: Workplace): Record<string, unknown[]> {
  const db = new Database(join(config.dataDir, 'read-models.sqlite'), { readonly: true })
  const tables = projections.flatMap(({ tables }) => tables)
  const rows = Object.fromEntries(
    tables.map(({ name, key }) => [name, db.prepare(`SELECT * FROM "${name}" ORDER BY ${key.join(', ')}`).all()]),
  )
  db.close()
  return rows
}

const silent = { warn: () => undefined }

describe('the projector', () => {
  it('built again from the first event says the same, row for row', async () => {
    const workplace = await temporaryWorkplace()
    await importText(workplace, smallLog)
    const live = everything(workplace)
    expect(live.timeline!.length).toBeGreaterThan(100)
    for (const projection of projections) workplace.readModels.startOver(projection)
    await heardEverything(workplace)
    expect(everything(workplace)).toEqual(live)
  })

  it('heard in many small batches says the same as heard in large ones', async () => {
    const workplace = await temporaryWorkplace()
    await importText(workplace, smallLog)
    const whole = everything(workplace)
    for (const projection of projections) workplace.readModels.startOver(projection)
    // Stopped after every batch and started again: what is left to hear is taken up at the checkpoint.
    for (let stops = 0; stops < 500; stops++) {
      const caughtUp = await new Promise<boolean>((resolve, reject) => {
        const subscription = workplace.projector!.catchUp().subscribe({
          next: (progress) => {
            resolve(progress.caughtUp)
            queueMicrotask(() => subscription.unsubscribe())
          },
          error: reject,
        })
      })
      if (caughtUp) break
    }
    expect(everything(workplace)).toEqual(whole)
  })

  it('that is stale commits nothing', async () => {
    const workplace = await temporaryWorkplace()
    await importText(workplace, smallLog)
    const { readModels, config } = workplace
    const [projection] = projections
    const other = new ReadModels(config.dataDir)
    onTestFinished(() => other.close())
    const before = other.prepare(projection!)
    readModels.advance(projection!, before, before! + 1n, () => undefined)
    let ran = false
    expect(() => other.advance(projection!, before, before! + 1n, () => (ran = true))).toThrow(CheckpointMoved)
    expect(ran).toBe(false)
  })

  it('leaves no effect without its checkpoint, and no checkpoint without its effect', async () => {
    const workplace = await temporaryWorkplace()
    await importText(workplace, smallLog)
    const { readModels } = workplace
    const [projection] = projections
    const table = projection!.tables[0]!
    const at = readModels.prepare(projection!)!
    const failing = () =>
      readModels.advance(projection!, at, at + 1n, () => {
        readModels.put(table, { participant_id: 'x', event_id: 'x', sealed: null })
        throw new Error('power cut')
      })
    expect(failing).toThrow('power cut')
    expect(readModels.prepare(projection!)).toBe(at)
    expect(readModels.row(table, ['x'])).toBeUndefined()
  })

  it.each([
    ['malformed JSON', { type: 'WarningIssued', data: 'not an object' }, /not a JSON object/],
    ['an unknown type', { type: 'SomethingElse', data: {} }, /unknown event type SomethingElse/],
    ['an unknown schema version', { type: 'WarningIssued', data: {}, schemaVersion: 99 }, /unknown schema version 99/],
    ['a missing field', { type: 'ParticipantDroppedOut', data: {} }, /it has no reason/],
  ])(
    'holds a journey at %s, shows it held, and goes on with all others',
    async (_what, poison: { type: string; data: unknown; schemaVersion?: number }, why) => {
      const workplace = await temporaryWorkplace()
      await importText(workplace, smallLog)
      const { store, vault, readModels, eventStoreUrl } = workplace
      const [heldId, otherId] = ['R-01-00001-1', 'R-01-00002-1'].map((reference) => vault.find('reference', reference))
      const client = EventStoreDBClient.connectionString(eventStoreUrl)
      onTestFinished(() => client.dispose())
      const good = (await Array.fromAsync(store.read(`journey-${heldId}`))).at(-1)!
      const metadata = { ...(good.metadata as object), schemaVersion: poison.schemaVersion ?? 1 }
      await client.appendToStream(
        `journey-${heldId}`,
        jsonEvent({ type: poison.type, data: poison.data as never, metadata }),
      )
      const warning = jsonEvent({ type: 'WarningIssued', data: {}, metadata: good.metadata as never })
      await client.appendToStream(`journey-${heldId}`, warning)
      await client.appendToStream(
        `journey-${otherId}`,
        jsonEvent({ type: 'WarningIssued', data: {}, metadata: good.metadata as never }),
      )
      await new Promise<void>((resolve, reject) => {
        new Projector(store, readModels, vault, silent).catchUp().subscribe({ complete: resolve, error: reject })
      })
      const journeys = new Journeys(store, readModels, vault)
      const asking = whoIsAsking({})
      const held = await journeys.header(heldId!, asking)
      expect(held!.held).toEqual({ revision: good.revision + 1, why: expect.stringMatching(why) as string })
      expect(held!.revision).toBe(good.revision)
      const other = await journeys.timeline(otherId!, asking)
      expect(other.toSorted((one, next) => one.revision - next.revision).at(-1)!.type).toBe('WarningIssued')
      expect((await journeys.header(otherId!, asking))!.held).toBeNull()
    },
  )
})
