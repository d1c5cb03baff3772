/** What every feature module stands on: the settings, the log, the keys and the read models. Opened first, closed last. */
import {
  Global,
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { join } from 'node:path'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { ACCESS_SETTINGS, type AccessSettings } from '../access/access-settings.ts'
import { Reach } from '../access/reach.ts'
import { RUNTIME_COMMANDS } from '../commands/command-handlers.ts'
import { EventStore } from '../event-store/event-store.ts'
import { Vault } from '../protection/vault.ts'
import { PartnerSafetyStrand } from '../partner-safety/strand.ts'
import { LimitedCases } from '../reach/limited-cases.ts'
import { CONFIG, projectRoot, type Config } from './config.ts'
import { openRuntime, RUNTIME, type Runtime } from './runtime.ts'

@Global()
@Module({
  providers: [
    {
      provide: ACCESS_SETTINGS,
      useFactory: (config: Config): AccessSettings => ({
        ...config,
        stylesheet: join(projectRoot, 'dist/public/app.css'),
      }),
      inject: [CONFIG],
    },
    { provide: RUNTIME, useFactory: (config: Config) => openRuntime(config), inject: [CONFIG] },
    { provide: EventStore, useFactory: ({ store }: Runtime) => store, inject: [RUNTIME] },
    { provide: Vault, useFactory: ({ vault }: Runtime) => vault, inject: [RUNTIME] },
    { provide: RUNTIME_COMMANDS, useFactory: ({ commands }: Runtime) => commands, inject: [RUNTIME] },
    { provide: LimitedCases, useFactory: ({ limitedCases }: Runtime) => limitedCases, inject: [RUNTIME] },
    {
      provide: PartnerSafetyStrand,
      useFactory: ({ partnerSafety }: Runtime) => partnerSafety,
      inject: [RUNTIME],
    },
    { provide: Reach, useFactory: ({ reach }: Runtime) => reach, inject: [RUNTIME] },
    { provide: ReadModels, useFactory: ({ readModels }: Runtime) => readModels, inject: [RUNTIME] },
  ],
  exports: [
    ACCESS_SETTINGS,
    RUNTIME,
    EventStore,
    RUNTIME_COMMANDS,
    Vault,
    ReadModels,
    LimitedCases,
    PartnerSafetyStrand,
    Reach,
  ],
})
export class RuntimeModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(RUNTIME) private readonly runtime: Runtime) {}

  static forRoot(config: Config): DynamicModule {
    return { module: RuntimeModule, providers: [{ provide: CONFIG, useValue: config }], exports: [CONFIG] }
  }

  /** Who may see which case is known before anybody asks; where that takes too long, it is asked again by whoever does. */
  async onApplicationBootstrap(): Promise<void> {
    await this.runtime.reach.withheldFrom({ id: '', role: '' }).catch(() => undefined)
  }

  /** Nest shuts a global module down after all others: by now nothing asks and nothing projects. */
  onApplicationShutdown(): Promise<void> {
    return this.runtime.close()
  }
}
