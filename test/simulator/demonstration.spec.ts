import { expect, it } from 'vitest'
import { seedDemonstration } from '../../src/simulator/demonstration.ts'
import { temporaryWorkplace } from '../support/runtime.ts'

it('the demonstration fills an empty case load, once, with nothing that is still to come', async () => {
  const runtime = await temporaryWorkplace()
  expect(await seedDemonstration(runtime)).toBeGreaterThan(30)
  const now = new Date().toISOString()
  const told = await Array.fromAsync(runtime.store.readAll(['journey']))
  const recorded = told.map(({ metadata }) => (metadata as { recordedAt: string }).recordedAt)
  expect(recorded.filter((at) => at > now)).toEqual([])
  expect(await seedDemonstration(runtime)).toBe(0)
})
