/** The REST API: everything under /api. */
import { Module, type DynamicModule } from '@nestjs/common'
import { TerminusModule } from '@nestjs/terminus'
import { CommandsController } from './commands.controller.ts'
import { HealthController } from './health.controller.ts'
import { CaseloadController, JourneysController } from './journeys.controller.ts'
import { LiveStreams } from './live.ts'
import { FaultLog } from '../errors/faults.ts'
import { ProblemFilter } from './problem.filter.ts'
import { ProblemsController, ProgrammesController } from './reference.controller.ts'
import { IdempotentCommands } from './idempotent-commands.ts'

@Module({})
export class ApiModule {
  /** @param log takes faults: never a name, a body or an address that was requested */
  static on(log: FaultLog): DynamicModule {
    return {
      module: ApiModule,
      // What is down is answered, and counted in the metrics; a log line for each question would say no more.
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        CommandsController,
        CaseloadController,
        JourneysController,
        ProgrammesController,
        ProblemsController,
        HealthController,
      ],
      providers: [IdempotentCommands, LiveStreams, ProblemFilter, { provide: FaultLog, useValue: log }],
    }
  }
}
