/** What goes on by itself beside what people ask for: registers are carried to journeys from start to stop. */
import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { CarryToJourney } from '../commands/carry-to-journey.ts'
import { RUNTIME, type Runtime } from '../runtime/runtime.ts'
import { CarryingJournal } from './carrying-journal.ts'
import { RegisterCarrier } from './register-carrier.ts'

@Module({
  providers: [
    {
      provide: CarryingJournal,
      useFactory: ({ config }: Runtime) => new CarryingJournal(config.dataDir),
      inject: [RUNTIME],
    },
    {
      provide: RegisterCarrier,
      useFactory: ({ store, vault, commands, log }: Runtime, journal: CarryingJournal) =>
        new RegisterCarrier(store, new CarryToJourney(commands.decideAndAppend, vault), journal, log),
      inject: [RUNTIME, CarryingJournal],
    },
  ],
  exports: [RegisterCarrier],
})
export class ProcessModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly carrier: RegisterCarrier,
    private readonly journal: CarryingJournal,
  ) {}

  onApplicationBootstrap(): void {
    this.carrier.start()
  }

  /** The journal is written to until the carrier has stopped. */
  async onApplicationShutdown(): Promise<void> {
    await this.carrier.stop()
    this.journal.close()
  }
}
