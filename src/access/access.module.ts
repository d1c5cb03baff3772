/** Who may do what: every request passes through here. */
import { Module } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { CONFIG, type Config } from '../runtime/config.ts'
import { PermissionGuard } from './permission.guard.ts'
import { Scrapers } from './scrapers.ts'

@Module({
  providers: [
    { provide: APP_GUARD, useClass: PermissionGuard },
    { provide: Scrapers, useFactory: ({ metricsToken }: Config) => new Scrapers(metricsToken), inject: [CONFIG] },
  ],
  exports: [Scrapers],
})
export class AccessModule {}
