/** What this process counts and times, for Prometheus. No label says who anybody is: patterns, outcomes and names of ours only. */
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { registerProjectionMetrics } from './projection-metrics.ts'
import type { StatusOfReadModels } from './status.ts'
import type { Runtime } from '../runtime/runtime.ts'

export function metricsOf({ appends: measured, runner }: Runtime, status: StatusOfReadModels): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registerProjectionMetrics(registry, runner, status)
  const appends = new Histogram({
    name: 'throughline_append_duration_seconds',
    help: 'Appends to the log, by how they ended: written, conflict (somebody else was first), unavailable, failed.',
    labelNames: ['outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers: [registry],
  })
  measured.subscribe(({ outcome, seconds }) => appends.observe({ outcome }, seconds))
  return registry
}
