/** The one file that names every room of the running application. */
import { Module, type DynamicModule } from '@nestjs/common'
import { Registry } from 'prom-client'
import { ReadModels } from '../projections/storage/read-models.ts'
import { StatusOfReadModels } from './operations/status.ts'
import { Scrapers } from './access/scrapers.ts'
import { JourneyCommandHandler } from './commands/journey-command-handler.ts'
import { EventStore } from './event-store/event-store.ts'
import { Vault } from './protection/vault.ts'
import { Staleness } from './operations/staleness.ts'
import { Journeys } from './queries/journeys.ts'
import { LiveJourneys } from './queries/live.ts'
import { Operations } from './operations/operations.ts'
import { metricsOf } from './operations/metrics.ts'
import { ApiModule } from './web/api/api.module.ts'
import { WebModule } from './web/web.module.ts'
import type { Runtime } from './runtime/runtime.ts'

/** What the pages and the API stand on, already opened. */
function foundation(runtime: Runtime): DynamicModule {
  class Foundation {}
  const { store, vault, readModels, commands } = runtime
  const standing = new StatusOfReadModels(runtime)
  const opened = [
    { provide: EventStore, useValue: store },
    { provide: Vault, useValue: vault },
    { provide: ReadModels, useValue: readModels },
    { provide: JourneyCommandHandler, useValue: commands?.journeys },
    { provide: StatusOfReadModels, useValue: standing },
    { provide: Staleness, useValue: new Staleness(standing) },
    { provide: Operations, useValue: new Operations(runtime, standing) },
    { provide: Registry, useValue: metricsOf(runtime, standing) },
    { provide: Scrapers, useValue: new Scrapers(runtime.config?.metricsToken) },
  ]
  return {
    module: Foundation,
    global: true,
    providers: [...opened, Journeys, LiveJourneys],
    exports: [...opened, Journeys, LiveJourneys],
  }
}

@Module({})
export class AppModule {
  static on(runtime: Runtime): DynamicModule {
    return { module: AppModule, imports: [foundation(runtime), WebModule, ApiModule.on(runtime.log)] }
  }
}
