/** Opens the index behind the auditor's desk, keeps it level with the log, and puts together what the desk reads with. */
import { Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { join } from 'node:path'
import { Evidence, EvidenceModule } from '../evidence/evidence.module.ts'
import { RUNTIME, type Runtime } from '../runtime/runtime.ts'
import { Cases } from './cases.ts'
import { EventIndex, eventIndexFileName } from './event-index.ts'
import { EventIndexFollower } from './event-index-follower.ts'
import { EventReader } from './event-reader.ts'
import { EventSearch } from './event-search.ts'
import { PackMaker } from './pack-maker.ts'

@Module({
  imports: [EvidenceModule],
  providers: [
    {
      provide: EventIndex,
      useFactory: ({ config }: Runtime) => new EventIndex(join(config.dataDir, eventIndexFileName)),
      inject: [RUNTIME],
    },
    { provide: EventSearch, useFactory: ({ db }: EventIndex) => new EventSearch(db), inject: [EventIndex] },
    {
      provide: EventIndexFollower,
      useFactory: ({ store, log }: Runtime, index: EventIndex) => new EventIndexFollower(store, index, log),
      inject: [RUNTIME, EventIndex],
    },
    {
      provide: EventReader,
      useFactory: ({ store, vault }: Runtime, { log }: Evidence) =>
        new EventReader({ store, vault, file: log?.file ?? null }),
      inject: [RUNTIME, Evidence],
    },
    {
      provide: PackMaker,
      useFactory: (runtime: Runtime, { log }: Evidence) => new PackMaker(runtime, log?.file ?? null),
      inject: [RUNTIME, Evidence],
    },
    {
      provide: Cases,
      useFactory: ({ vault }: Runtime, index: EventIndex) => new Cases(vault, index),
      inject: [RUNTIME, EventIndex],
    },
  ],
  exports: [Cases, PackMaker, EventIndex, EventIndexFollower, EventReader, EventSearch],
})
export class AuditModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(EventIndexFollower) private readonly follower: EventIndexFollower,
    @Inject(EventIndex) private readonly index: EventIndex,
  ) {}

  onApplicationBootstrap(): void {
    this.follower.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.follower.stop()
    this.index.close()
  }
}
