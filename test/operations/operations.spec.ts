import { describe, expect, it, onTestFinished } from 'vitest'
import { StatusOfReadModels } from '../../src/operations/status.ts'
import { Operations } from '../../src/operations/operations.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = [...simulateContactLog({ seed: 5, journeys: 5, from: '2023-01-01', until: '2024-12-31', messy: false })]

async function operated() {
  const runtime = await temporaryWorkplace()
  runtime.runner!.start()
  return { runtime, operations: new Operations(runtime, new StatusOfReadModels(runtime)) }
}

describe('operating', () => {
  it('shows nothing about anybody', async () => {
    const { runtime, operations } = await operated()
    await importText(runtime, csvOf(log))
    await waitUntilCaughtUp(runtime)
    const status = await operations.look()
    expect(status).not.toBeNull()
    const seen = JSON.stringify(status)
    for (const record of log.slice(0, 20))
      for (const text of [record.crn, record.family_name, record.journey_ref]) expect(seen).not.toContain(text)
  })

  it('is told of a change, and of nothing where nothing changes', async () => {
    const { runtime, operations } = await operated()
    const digests: string[] = []
    const watching = operations.changes().subscribe((digest) => digests.push(digest))
    onTestFinished(() => watching.unsubscribe())
    await expect.poll(() => digests.length, { timeout: 5_000 }).toBeGreaterThan(0)
    await importText(runtime, csvOf(log))
    await waitUntilCaughtUp(runtime)
    const before = digests.length
    await expect.poll(() => digests.length, { timeout: 5_000 }).toBeGreaterThan(before)
    // What was projected goes out of the rate of the last ten seconds; then nothing is told any more.
    await expect.poll(async () => (await operations.look())!.eventsPerSecond, { timeout: 15_000 }).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const settled = digests.length
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(digests.length).toBe(settled)
  })

  it('says that the database is away rather than fail with it', async () => {
    const { runtime, operations } = await operated()
    runtime.readModels.checkpoints = () =>
      Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' }))
    expect(await operations.look()).toBeNull()
    runtime.readModels.checkpoints = () => Promise.reject(new Error('another fault'))
    await expect(operations.look()).rejects.toThrow('another fault')
  })

  it('reprocesses nothing where no stream of that name is parked', async () => {
    const { operations } = await operated()
    expect(await operations.reprocess('journey-nobody')).toEqual({ repaired: 0, stillParked: 0, left: 0 })
  })
})
