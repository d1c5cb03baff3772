/** Follows the log once everything has been made, and stops when no request is served any more. */
import { Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { RUNTIME, type Runtime } from './runtime.ts'

@Module({})
export class ProjectionsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(RUNTIME) private readonly runtime: Runtime) {}

  onApplicationBootstrap(): void {
    this.runtime.runner?.start()
    this.runtime.commands.adultDays.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.runtime.commands.adultDays.stop()
    await this.runtime.runner?.stop()
  }
}
