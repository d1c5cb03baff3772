/** What operators are shown: status, throughput, metrics, traces. */
import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { Registry } from 'prom-client'
import { RUNTIME, type Runtime } from '../runtime/runtime.ts'
import { FaultLog } from './fault-log.ts'
import { metricsOf } from './metrics.ts'
import { Operations } from './operations.ts'
import { Staleness } from './staleness.ts'
import { StatusOfReadModels } from './status.ts'
import { startTracing, type Tracing } from './tracing.ts'

@Module({
  providers: [
    {
      provide: StatusOfReadModels,
      useFactory: (runtime: Runtime) => new StatusOfReadModels(runtime),
      inject: [RUNTIME],
    },
    {
      provide: Operations,
      useFactory: (runtime: Runtime, status: StatusOfReadModels) => new Operations(runtime, status),
      inject: [RUNTIME, StatusOfReadModels],
    },
    { provide: Registry, useFactory: metricsOf, inject: [RUNTIME, StatusOfReadModels] },
    { provide: FaultLog, useFactory: ({ log }: Runtime) => log, inject: [RUNTIME] },
    Staleness,
  ],
  exports: [StatusOfReadModels, Operations, Registry, FaultLog, Staleness],
})
export class OperationsModule implements OnModuleInit, OnApplicationShutdown {
  private tracing: Tracing | null = null

  constructor(@Inject(RUNTIME) private readonly runtime: Runtime) {}

  onModuleInit(): void {
    const { config, runner } = this.runtime
    if (config.tracesTo) this.tracing = startTracing(runner)
  }

  /** Sends what is left, the last spans of the projection runner included: it stops before this. */
  async onApplicationShutdown(): Promise<void> {
    await this.tracing?.stop()
  }
}
