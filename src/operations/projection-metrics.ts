/** The read models as seen from outside: figures for Prometheus, nothing personal in any of them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ProjectionRunner } from '../../projections/runner/projection-runner.ts'
import type { ReadModelStatus, StatusOfReadModels } from './status.ts'

/** Adds the figures of the projection runner and of every projection to a registry. They are computed at each scrape. */
export function registerProjectionMetrics(
  registry: Registry,
  runner: ProjectionRunner | null,
  readModels: StatusOfReadModels,
): void {
  const registers = [registry]
  let looking: Promise<ReadModelStatus | null> | undefined
  /** One look serves all figures of a scrape: they are asked for together. */
  const look = () =>
    // Whatever the database says, the figures that do not depend on it are still reported.
    (looking ??= readModels
      .look()
      .catch(() => null)
      .finally(() => (looking = undefined)))
  const gauge = (
    name: string,
    help: string,
    label: string | null,
    collect: (gauge: Gauge, status: ReadModelStatus) => void,
  ) =>
    new Gauge({
      name: `throughline_${name}`,
      help,
      labelNames: label === null ? [] : label.split(' '),
      registers,
      async collect() {
        this.reset()
        const status = await look()
        if (status) collect(this, status)
        // Without a label there is a nought where nothing was set, which would be a figure.
        else if (label === null) this.remove()
      },
    })

  new Gauge({
    name: 'throughline_projection_runner_state',
    help: '1 for the state of the projection runner of this process.',
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
    'Age of the first event that the projection has not processed; 0 where it has caught up, absent while the log is away.',
    'projection',
    (it, { projections }) => {
      for (const { name, lagSeconds } of projections) if (lagSeconds !== null) it.set({ projection: name }, lagSeconds)
    },
  )
  gauge(
    'projection_position',
    'The checkpoint of each projection in the log; shadow: that of its rebuild.',
    'projection table_set',
    (it, { projections }) => {
      for (const { name, position, rebuild } of projections) {
        it.set({ projection: name, table_set: 'live' }, Number(position))
        if (rebuild) it.set({ projection: name, table_set: 'shadow' }, Number(rebuild.position))
      }
    },
  )
  gauge(
    'projection_written_timestamp_seconds',
    'When the projection last wrote its checkpoint, seconds since 1970.',
    'projection',
    (it, { projections }) => {
      for (const { name, at } of projections) it.set({ projection: name }, Date.parse(at) / 1_000)
    },
  )
  gauge(
    'rebuild_progress_ratio',
    'Share of the log that a rebuild has processed, 0 to 1; absent where there is no rebuild.',
    'projection',
    (it, { projections }) => {
      for (const { name, rebuild } of projections) if (rebuild) it.set({ projection: name }, rebuild.share)
    },
  )
  gauge(
    'rebuild_left_seconds',
    'Time left of a rebuild at its throughput of the last half minute; absent where that is not known.',
    'projection',
    (it, { projections }) => {
      for (const { name, rebuild } of projections)
        if (rebuild?.secondsLeft != null) it.set({ projection: name }, rebuild.secondsLeft)
    },
  )
  gauge(
    'parked_streams',
    'Streams parked at an event that cannot be projected, by projection.',
    'projection',
    (it, { projections }) => {
      for (const { name, parked } of projections) it.set({ projection: name }, parked)
    },
  )
  const events = new Counter({
    name: 'throughline_projection_events_total',
    help: 'Events this process has projected.',
    registers,
  })
  const visible = new Histogram({
    name: 'throughline_projection_visible_seconds',
    help: 'From when the log received the last event of a batch until it could be seen, while following the log.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  runner?.progress.subscribe((batch) => {
    events.inc(batch.events.length)
    if (batch.receivedAt !== null && batch.caughtUp)
      visible.observe(Math.max(0, Date.now() - batch.receivedAt.getTime()) / 1_000)
  })
}
