/** The one file that names every room of the running application. */
import { Module, type DynamicModule } from '@nestjs/common'
import { Registry } from 'prom-client'
import { ReadModels } from '../projections/read-models.ts'
import { StandingOfReadModels } from '../projections/standing.ts'
import { Scrapers } from './access/scrapers.ts'
import { CommandDoor } from './commands/door.ts'
import { EventStore } from './event-store/event-store.ts'
import { Vault } from './protection/vault.ts'
import { Currency } from './reading/currency.ts'
import { Journeys } from './reading/journeys.ts'
import { LiveJourneys } from './reading/live.ts'
import { Operations } from './reading/operations.ts'
import { metricsOf } from './telemetry/metrics.ts'
import { ApiModule } from './web/api/api.module.ts'
import { WebModule } from './web/web.module.ts'
import type { Workplace } from './workplace.ts'

/** What the pages and the API stand on, already opened. */
function foundation(workplace: Workplace): DynamicModule {
  class Foundation {}
  const { store, vault, readModels, door } = workplace
  const standing = new StandingOfReadModels(workplace)
  const opened = [
    { provide: EventStore, useValue: store },
    { provide: Vault, useValue: vault },
    { provide: ReadModels, useValue: readModels },
    { provide: CommandDoor, useValue: door },
    { provide: StandingOfReadModels, useValue: standing },
    { provide: Currency, useValue: new Currency(standing) },
    { provide: Operations, useValue: new Operations(workplace, standing) },
    { provide: Registry, useValue: metricsOf(workplace, standing) },
    { provide: Scrapers, useValue: new Scrapers(workplace.config?.metricsToken) },
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
  static on(workplace: Workplace): DynamicModule {
    return { module: AppModule, imports: [foundation(workplace), WebModule, ApiModule.on(workplace.log)] }
  }
}
