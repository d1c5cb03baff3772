/** Fills an empty case load at the start where the settings ask for it, before anything is projected or served. */
import { Inject, Module, type OnModuleInit } from '@nestjs/common'
import { RUNTIME, type Runtime } from '../runtime/runtime.ts'
import { seedDemonstration } from './demonstration.ts'

@Module({})
export class DemonstrationModule implements OnModuleInit {
  constructor(@Inject(RUNTIME) private readonly runtime: Runtime) {}

  async onModuleInit(): Promise<void> {
    if (this.runtime.config.seed !== 'demo') return
    const added = await seedDemonstration(this.runtime)
    if (added > 0)
      process.stdout.write(
        `The case load was empty: ${added} synthetic demonstration journeys were added (SEED=none leaves it empty).\n`,
      )
  }
}
