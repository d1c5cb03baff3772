import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { Registry } from 'prom-client'
import { expect, it, onTestFinished } from 'vitest'
import { registerProjectionMetrics } from '../../src/operations/projection-metrics.ts'
import { StatusOfReadModels } from '../../src/operations/status.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

it('the projection runner gives its state, lag, throughput, checkpoints and parked streams', async () => {
  const runtime = await temporaryWorkplace()
  const { runner, vault, eventStoreUrl } = runtime
  const registry = new Registry()
  registerProjectionMetrics(registry, runner, new StatusOfReadModels(runtime))
  expect(await registry.metrics()).toContain('throughline_projection_runner_state{state="stopped"} 1')
  runner!.start()
  const log = simulateContactLog({ seed: 5, journeys: 5, from: '2023-01-01', until: '2024-12-31', messy: false })
  await importText(runtime, csvOf(log))
  const client = EventStoreDBClient.connectionString(eventStoreUrl)
  onTestFinished(() => client.dispose())
  const stream = `journey-${vault.find('reference', 'R-01-00001-1')}`
  await client.appendToStream(stream, jsonEvent({ type: 'SomethingElse', data: {} }))
  await waitUntilCaughtUp(runtime)
  const told = await registry.metrics()
  expect(told).toContain('throughline_projection_runner_state{state="projecting"} 1')
  expect(told).toContain('throughline_log_up 1')
  expect(told).toContain('throughline_read_models_up 1')
  expect(told).toContain('throughline_projection_lag_seconds{projection="timeline"} 0')
  expect(told).toContain('throughline_parked_streams{projection="caseload"} 1')
  expect(told).toMatch(/throughline_projection_position\{projection="timeline",table_set="live"\} [1-9]/)
  expect(Number(/^throughline_projection_events_total (\d+)$/m.exec(told)![1])).toBeGreaterThan(50)
  expect(Number(/^throughline_projection_visible_seconds_count (\d+)$/m.exec(told)![1])).toBeGreaterThan(0)
  expect(told).not.toMatch(/^throughline_rebuild_progress_ratio\{/m)
  // Nothing in it tells whose journeys they are.
  expect(told).not.toContain(stream)
})
