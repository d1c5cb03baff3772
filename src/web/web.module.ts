/** The pages. */
import { Module } from '@nestjs/common'
import { AccessModule } from '../access/access.module.ts'
import { CommandsModule } from '../commands/commands.module.ts'
import { OperationsModule } from '../operations/operations.module.ts'
import { QueriesModule } from '../queries/queries.module.ts'
import { CaseloadPageController } from './caseload/caseload.controller.ts'
import { ConsultationController } from './consultation/consultation.controller.ts'
import { Looking } from './consultation/looking.ts'
import { JourneyFormController } from './forms/journey-form.controller.ts'
import { HistoryController } from './history/history.controller.ts'
import { RecordedController } from './forms/recorded.controller.ts'
import { JourneyPages } from './layout/journey-page.ts'
import { LiveController } from './live/live.controller.ts'
import { MetricsController } from './operations/metrics.controller.ts'
import { OperationsController } from './operations/operations.controller.ts'
import { ReplayController } from './replay/replay.controller.ts'
import { SignInController } from './sign-in/sign-in.controller.ts'
import { TimelineController } from './timeline/timeline.controller.ts'

@Module({
  imports: [AccessModule, CommandsModule, OperationsModule, QueriesModule],
  controllers: [
    CaseloadPageController,
    ConsultationController,
    TimelineController,
    ReplayController,
    HistoryController,
    LiveController,
    RecordedController,
    JourneyFormController,
    OperationsController,
    MetricsController,
    SignInController,
  ],
  providers: [JourneyPages, Looking],
})
export class WebModule {}
