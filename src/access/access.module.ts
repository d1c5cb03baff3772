/** Who may do what: every request passes through here. */
import { Module } from '@nestjs/common'
import { CONFIG, type Config } from '../runtime/config.ts'
import { Scrapers } from './scrapers.ts'

@Module({
  providers: [
    { provide: Scrapers, useFactory: ({ metricsToken }: Config) => new Scrapers(metricsToken), inject: [CONFIG] },
  ],
  exports: [Scrapers],
})
export class AccessModule {}
