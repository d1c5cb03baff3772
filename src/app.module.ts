/** The application: its feature modules, in the order in which their hooks matter. */
import { Module, type DynamicModule } from '@nestjs/common'
import { AccessModule } from './access/access.module.ts'
import { CommandsModule } from './commands/commands.module.ts'
import { EvidenceModule } from './evidence/evidence.module.ts'
import { OperationsModule } from './operations/operations.module.ts'
import { QueriesModule } from './queries/queries.module.ts'
import { ProcessModule } from './process/process.module.ts'
import type { Config } from './runtime/config.ts'
import { ProjectionsModule } from './runtime/projections.module.ts'
import { RuntimeModule } from './runtime/runtime.module.ts'
import { DemonstrationModule } from './simulator/demonstration.module.ts'
import { ApiModule } from './web/api/api.module.ts'
import { WebModule } from './web/web.module.ts'

@Module({
  imports: [
    AccessModule,
    CommandsModule,
    QueriesModule,
    OperationsModule,
    ProjectionsModule,
    ProcessModule,
    EvidenceModule,
    DemonstrationModule,
    WebModule,
    ApiModule,
  ],
})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    return { module: AppModule, imports: [RuntimeModule.forRoot(config)] }
  }
}
