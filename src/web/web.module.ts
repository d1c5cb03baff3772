/** The pages. */
import { Module } from '@nestjs/common'
import { AccessModule } from '../access/access.module.ts'
import { CommandsModule } from '../commands/commands.module.ts'
import { EvidenceModule } from '../evidence/evidence.module.ts'
import { OperationsModule } from '../operations/operations.module.ts'
import { QueriesModule } from '../queries/queries.module.ts'
import { CaseloadPageController } from './caseload/caseload.controller.ts'
import { EvidenceLogController } from './evidence/evidence-log.controller.ts'
import { JourneyFormController } from './forms/journey-form.controller.ts'
import { HistoryController } from './history/history.controller.ts'
import { JourneyPages } from './layout/journey-page.ts'
import { LiveController } from './live/live.controller.ts'
import { MetricsController } from './operations/metrics.controller.ts'
import { OperationsController } from './operations/operations.controller.ts'
import { ReplayController } from './replay/replay.controller.ts'
import { TimelineController } from './timeline/timeline.controller.ts'

@Module({
  imports: [AccessModule, CommandsModule, EvidenceModule, OperationsModule, QueriesModule],
  controllers: [
    CaseloadPageController,
    TimelineController,
    ReplayController,
    HistoryController,
    LiveController,
    JourneyFormController,
    OperationsController,
    MetricsController,
    EvidenceLogController,
  ],
  providers: [JourneyPages],
})
export class WebModule {}
