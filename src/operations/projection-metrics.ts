/** The read models as seen from outside: figures for Prometheus, nothing personal in any of them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ProjectionRunner } from '../../projections/runner/projection-runner.ts'
import type { ReadModelStatus, StatusOfReadModels } from './status.ts'

/** Adds the figures of the projector and of every projection to a registry. They are asked for when somebody looks. */
export function registerProjectionMetrics(
  registry: Registry,
  runner: ProjectionRunner | null,
  readModels: StatusOfReadModels,
): void {
  const registers = [registry]
  let looking: Promise<ReadModelStatus | null> | undefined
  /** One look serves all figures of a scrape: they are asked for together. */
  const look = () =>
    // Whatever the database says, the figures that do not depend on it are still told.
    (looking ??= readModels
      .look()
      .catch(() => null)
      .finally(() => (looking = undefined)))
  const gauge = (
    name: string,
    help: string,
    label: string | null,
    collect: (gauge: Gauge, standing: ReadModelStatus) => void,
  ) =>
    new Gauge({
      name: `throughline_${name}`,
      help,
      labelNames: label === null ? [] : label.split(' '),
      registers,
      async collect() {
        this.reset()
        const standing = await look()
        if (standing) collect(this, standing)
        // Without a label there is a nought where nothing was set, which would be a figure.
        else if (label === null) this.remove()
      },
    })

  new Gauge({
    name: 'throughline_projector_state',
    help: '1 for the state the projector of this process is in.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset()
      this.set({ state: readModels.health.state }, 1)
    },
  })
  new Gauge({
    name: 'throughline_read_models_up',
    help: '1 where the database of the read models answered this scrape.',
    registers,
    async collect() {
      this.set((await look()) ? 1 : 0)
    },
  })
  gauge('log_up', '1 where the event store answered this scrape.', null, (it, { log }) =>
    it.set(log === 'answers' ? 1 : 0),
  )
  gauge(
    'projection_lag_seconds',
    'How long ago the log received the first event the projection has not heard; 0 where it has heard all, absent while the log is away.',
    'projection',
    (it, { projections }) => {
      for (const { name, lagSeconds } of projections) if (lagSeconds !== null) it.set({ projection: name }, lagSeconds)
    },
  )
  gauge(
    'projection_position',
    'The place in the log each projection has heard up to; beside: one that is being built anew.',
    'projection place',
    (it, { projections }) => {
      for (const { name, position, rebuild } of projections) {
        it.set({ projection: name, place: 'live' }, Number(position))
        if (rebuild) it.set({ projection: name, place: 'beside' }, Number(rebuild.position))
      }
    },
  )
  gauge(
    'projection_written_timestamp_seconds',
    'When the projection last wrote what it had heard, seconds since 1970.',
    'projection',
    (it, { projections }) => {
      for (const { name, at } of projections) it.set({ projection: name }, Date.parse(at) / 1_000)
    },
  )
  gauge(
    'rebuild_progress_ratio',
    'How much of the log a rebuild has heard, 0 to 1; absent where there is none.',
    'projection',
    (it, { projections }) => {
      for (const { name, rebuild } of projections) if (rebuild) it.set({ projection: name }, rebuild.share)
    },
  )
  gauge(
    'rebuild_left_seconds',
    'How long a rebuild still takes at its pace of the last half minute; absent where that is not known.',
    'projection',
    (it, { projections }) => {
      for (const { name, rebuild } of projections)
        if (rebuild?.secondsLeft != null) it.set({ projection: name }, rebuild.secondsLeft)
    },
  )
  gauge(
    'histories_held',
    'Histories held at an event that cannot be understood, by projection.',
    'projection',
    (it, { projections }) => {
      for (const { name, held } of projections) it.set({ projection: name }, held)
    },
  )
  const events = new Counter({
    name: 'throughline_projector_events_total',
    help: 'Events this process has projected.',
    registers,
  })
  const visible = new Histogram({
    name: 'throughline_projector_visible_seconds',
    help: 'From when the log received the last event of a batch until it could be seen, while following the log.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  runner?.progress.subscribe((batch) => {
    events.inc(batch.events)
    if (batch.receivedAt !== null && batch.caughtUp)
      visible.observe(Math.max(0, Date.now() - batch.receivedAt.getTime()) / 1_000)
  })
}
