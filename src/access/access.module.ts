/** Who is asking, and who may do what: every request passes through here. */
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { join } from 'node:path'
import { AccessDatabase } from './access-database.ts'
import { ACCESS_SETTINGS, type AccessSettings, type IdentityProviderSettings } from './access-settings.ts'
import { DevelopmentProvider, whyNoDevelopmentProvider } from './development-provider.ts'
import { Identification } from './identification.ts'
import { IdentityProvider } from './identity-provider.ts'
import { PermissionGuard } from './permission.guard.ts'
import { SavedViews } from './saved-views.ts'
import { Scrapers } from './scrapers.ts'
import { Sessions } from './sessions.ts'
import { SignIn } from './sign-in.ts'
import { reachLimitsOf, UnusualReach } from './unusual-reach.ts'

/** Starts the development provider when somebody first needs it, and only where no other is configured. */
class DevelopmentProviders {
  private started: Promise<DevelopmentProvider> | undefined

  constructor(private readonly given: AccessSettings) {}

  async settings(): Promise<IdentityProviderSettings> {
    const { identityProvider, production, host, trustedProxies } = this.given
    if (identityProvider) return identityProvider
    const problem = whyNoDevelopmentProvider({ production, host, behindProxy: trustedProxies.length > 0 })
    if (problem !== null) throw new Error(problem)
    this.started ??= DevelopmentProvider.start(this.given.stylesheet)
    return (await this.started).settings
  }

  async stop(): Promise<void> {
    await (await this.started)?.stop()
  }
}

/** The database in which it is counted how many records somebody is shown. */
const COUNTS = Symbol('Counts')

@Module({
  providers: [
    { provide: APP_GUARD, useClass: PermissionGuard },
    {
      provide: Scrapers,
      useFactory: ({ metricsToken }: AccessSettings) => new Scrapers(metricsToken),
      inject: [ACCESS_SETTINGS],
    },
    {
      provide: AccessDatabase,
      useFactory: ({ databaseUrl, dataDir }: AccessSettings) =>
        new AccessDatabase(databaseUrl ?? join(dataDir, 'access.sqlite')),
      inject: [ACCESS_SETTINGS],
    },
    {
      // Nothing on this machine waits for a disk at every look: where there is one instance, it counts in memory.
      provide: COUNTS,
      useFactory: ({ databaseUrl }: AccessSettings, shared: AccessDatabase) =>
        databaseUrl === undefined ? new AccessDatabase(':memory:') : shared,
      inject: [ACCESS_SETTINGS, AccessDatabase],
    },
    {
      provide: Sessions,
      useFactory: (database: AccessDatabase) => new Sessions(database),
      inject: [AccessDatabase],
    },
    {
      provide: UnusualReach,
      useFactory: ({ recordsInTenMinutes }: AccessSettings, counts: AccessDatabase) =>
        new UnusualReach(reachLimitsOf(recordsInTenMinutes), counts),
      inject: [ACCESS_SETTINGS, COUNTS],
    },
    {
      provide: SavedViews,
      useFactory: (database: AccessDatabase) => new SavedViews(database),
      inject: [AccessDatabase],
    },
    {
      provide: DevelopmentProviders,
      useFactory: (given: AccessSettings) => new DevelopmentProviders(given),
      inject: [ACCESS_SETTINGS],
    },
    {
      provide: IdentityProvider,
      useFactory: (development: DevelopmentProviders) => new IdentityProvider(() => development.settings()),
      inject: [DevelopmentProviders],
    },
    {
      provide: SignIn,
      useFactory: (provider: IdentityProvider, sessions: Sessions, { identityProvider }: AccessSettings) =>
        new SignIn(provider, sessions, identityProvider === undefined),
      inject: [IdentityProvider, Sessions, ACCESS_SETTINGS],
    },
    {
      provide: Identification,
      useFactory: (provider: IdentityProvider, sessions: Sessions) => new Identification(provider, sessions),
      inject: [IdentityProvider, Sessions],
    },
  ],
  exports: [Identification, IdentityProvider, SavedViews, Scrapers, Sessions, SignIn, UnusualReach],
})
export class AccessModule implements OnApplicationShutdown {
  constructor(
    @Inject(AccessDatabase) private readonly database: AccessDatabase,
    @Inject(COUNTS) private readonly counts: AccessDatabase,
    @Inject(DevelopmentProviders) private readonly development: DevelopmentProviders,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.database.close()
    await this.counts.close()
    await this.development.stop()
  }
}
