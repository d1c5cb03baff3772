/** The pages. */
import { Module, type OnApplicationShutdown } from '@nestjs/common'
import { AccessModule } from '../access/access.module.ts'
import { AuditModule } from '../audit/audit.module.ts'
import { CommandsModule } from '../commands/commands.module.ts'
import { ProcessModule } from '../process/process.module.ts'
import { EvidenceModule } from '../evidence/evidence.module.ts'
import { OperationsModule } from '../operations/operations.module.ts'
import { QueriesModule } from '../queries/queries.module.ts'
import { RUNTIME, type Runtime } from '../runtime/runtime.ts'
import { ChangesController } from './audit/changes.controller.ts'
import { DeskController } from './audit/desk.controller.ts'
import { PacksController } from './audit/packs.controller.ts'
import { PeopleController } from './audit/people.controller.ts'
import { ReachedStreams } from './audit/reached-streams.ts'
import { StreamController } from './audit/stream.controller.ts'
import { CaseloadPageController } from './caseload/caseload.controller.ts'
import { Searches } from './caseload/searches.ts'
import { ConsultationController } from './consultation/consultation.controller.ts'
import { Exports } from './exports.ts'
import { Looking } from './looking.ts'
import { CalendarsController } from './groups/calendars.controller.ts'
import { GroupFormController } from './groups/group-form.controller.ts'
import { FacilitatorsController } from './groups/facilitators.controller.ts'
import { GroupsController } from './groups/groups.controller.ts'
import { DetailsController } from './details/details.controller.ts'
import { EvidenceLogController } from './evidence/evidence-log.controller.ts'
import { JourneyFormController } from './recording/journey-form.controller.ts'
import { UploadedImports } from '../exchange/uploaded-imports.ts'
import { HistoryController } from './history/history.controller.ts'
import { RecordedController } from './recording/recorded.controller.ts'
import { ImportController } from './import/import.controller.ts'
import { JourneyPages } from './layout/journey-page.ts'
import { LimitedAccessController } from './limited-access/limited-access.controller.ts'
import { LiveController } from './live/live.controller.ts'
import { CompareController } from './moments/compare.controller.ts'
import { DrawnController } from './moments/drawn.controller.ts'
import { RecordController } from './moments/record.controller.ts'
import { MetricsController } from './operations/metrics.controller.ts'
import { OperationsController } from './operations/operations.controller.ts'
import { InspectorQuestions } from './registers/inspector-questions.ts'
import { QuestionsController } from './registers/questions.controller.ts'
import { SavedViewsController } from './registers/saved-views.controller.ts'
import { RegistersController } from './registers/registers.controller.ts'
import { ReplayController } from './replay/replay.controller.ts'
import { PartnerContactController } from './partner-contact/partner-contact.controller.ts'
import { PartnerSafetyController } from './partner-safety/partner-safety.controller.ts'
import { StrandLooking } from './partner-safety/strand-looking.ts'
import { StrandPages } from './partner-safety/strand-pages.ts'
import { RightsController } from './rights/rights.controller.ts'
import { SignInController } from './sign-in/sign-in.controller.ts'
import { TimelineController } from './timeline/timeline.controller.ts'
import { TodayController } from './today/today.controller.ts'

@Module({
  imports: [AccessModule, AuditModule, CommandsModule, EvidenceModule, OperationsModule, ProcessModule, QueriesModule],
  controllers: [
    CaseloadPageController,
    TodayController,
    ConsultationController,
    LimitedAccessController,
    TimelineController,
    ReplayController,
    CompareController,
    RecordController,
    DrawnController,
    HistoryController,
    LiveController,
    RecordedController,
    DetailsController,
    JourneyFormController,
    ImportController,
    CalendarsController,
    GroupFormController,
    GroupsController,
    FacilitatorsController,
    OperationsController,
    MetricsController,
    SignInController,
    EvidenceLogController,
    DeskController,
    ChangesController,
    PeopleController,
    StreamController,
    SavedViewsController,
    PacksController,
    RegistersController,
    QuestionsController,
    RightsController,
    PartnerContactController,
    PartnerSafetyController,
  ],
  providers: [
    InspectorQuestions,
    JourneyPages,
    Looking,
    Exports,
    ReachedStreams,
    StrandLooking,
    StrandPages,
    {
      provide: Searches,
      useFactory: ({ vault }: Runtime) => {
        const searches = new Searches()
        vault.onDestroyed.add(() => searches.forgetAll())
        return searches
      },
      inject: [RUNTIME],
    },
    { provide: UploadedImports, useFactory: (runtime: Runtime) => new UploadedImports(runtime), inject: [RUNTIME] },
  ],
})
export class WebModule implements OnApplicationShutdown {
  constructor(private readonly uploads: UploadedImports) {}

  onApplicationShutdown(): Promise<void> {
    return this.uploads.close()
  }
}
