/** The projector as seen from outside: figures for Prometheus, nothing personal in any of them. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Projector } from './projector.ts'
import type { ReadModels } from './read-models.ts'

/** Adds the projector's figures to a registry. What the database knows is asked when somebody looks. */
export function registerProjectorMetrics(
  registry: Registry,
  projector: Projector | null,
  readModels: ReadModels,
): void {
  const registers = [registry]
  new Gauge({
    name: 'throughline_projector_state',
    help: '1 for the state the projector of this process is in.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset()
      this.set({ state: projector?.health.state ?? 'stopped' }, 1)
    },
  })
  new Gauge({
    name: 'throughline_projector_caught_up',
    help: '1 where the projector of this process was level with the log when it last heard of it.',
    registers,
    collect() {
      this.set(projector?.health.caughtUp ? 1 : 0)
    },
  })
  new Gauge({
    name: 'throughline_projection_position',
    help: 'The place in the log each projection has heard up to; beside: one that is being built anew.',
    labelNames: ['projection', 'place'],
    registers,
    async collect() {
      this.reset()
      for (const { projection, place, position } of await readModels.builds.checkpoints())
        this.set({ projection, place }, position === '' ? 0 : Number(position))
    },
  })
  new Gauge({
    name: 'throughline_histories_held',
    help: 'Histories held at an event that cannot be understood, by projection.',
    labelNames: ['projection'],
    registers,
    async collect() {
      this.reset()
      for (const { projection } of await readModels.builds.checkpoints()) this.set({ projection }, 0)
      for (const { projection } of await readModels.held()) this.inc({ projection })
    },
  })
  const events = new Counter({
    name: 'throughline_projector_events_total',
    help: 'Events this process has projected.',
    registers,
  })
  const lag = new Gauge({
    name: 'throughline_projector_lag_seconds',
    help: 'From when the log received the last event projected by this process until it was visible.',
    registers,
  })
  projector?.progress.subscribe((batch) => {
    events.inc(batch.events)
    if (batch.receivedAt !== null) lag.set(Math.max(0, Date.now() - Date.parse(batch.receivedAt)) / 1_000)
  })
}
