/** The REST API: everything under /api. */
import { Module } from '@nestjs/common'
import { TerminusModule } from '@nestjs/terminus'
import { AccessModule } from '../../access/access.module.ts'
import { CommandsModule } from '../../commands/commands.module.ts'
import { ProcessModule } from '../../process/process.module.ts'
import { OperationsModule } from '../../operations/operations.module.ts'
import { QueriesModule } from '../../queries/queries.module.ts'
import { Exports } from '../exports.ts'
import { Looking } from '../looking.ts'
import { ApiCalendarsController } from './calendars.controller.ts'
import { CommandsController } from './commands.controller.ts'
import { ApiFacilitatorsController } from './facilitators.controller.ts'
import { ApiGroupsController, ApiSessionsController } from './groups.controller.ts'
import { HealthController } from './health.controller.ts'
import { CaseloadController, JourneysController } from './journeys.controller.ts'
import { LiveStreams } from './live.ts'
import { ProblemFilter } from './problem.filter.ts'
import { ProblemsController, ProgrammesController } from './reference.controller.ts'
import { ApiTodayController } from './today.controller.ts'
import { IdempotentCommands } from './idempotent-commands.ts'

@Module({
  imports: [
    AccessModule,
    CommandsModule,
    OperationsModule,
    ProcessModule,
    QueriesModule,
    // What is down is answered, and counted in the metrics; a log line for each question would say no more.
    TerminusModule.forRoot({ logger: false }),
  ],
  controllers: [
    CommandsController,
    CaseloadController,
    JourneysController,
    ApiGroupsController,
    ApiSessionsController,
    ApiFacilitatorsController,
    ApiTodayController,
    ApiCalendarsController,
    ProgrammesController,
    ProblemsController,
    HealthController,
  ],
  providers: [IdempotentCommands, LiveStreams, Exports, Looking, ProblemFilter],
})
export class ApiModule {}
