/** The application from its own modules, with some of what it stands on exchanged for a spec's own. */
import type { Type } from '@nestjs/common'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { Test, type TestingModuleBuilder } from '@nestjs/testing'
import { AppModule } from '../../src/app.module.ts'
import { configure } from '../../src/main.ts'
import type { Config } from '../../src/runtime/config.ts'
import { serverOptions } from '../../src/web/api/configure-api.ts'
import { signEverybodyIn } from './signed-in.ts'

/**
 * Not initialised and not listening. Closing it closes all it opened.
 * @param controllers that a spec plants
 */
export async function appWith(
  config: Config,
  exchange: (modules: TestingModuleBuilder) => TestingModuleBuilder,
  controllers: readonly Type[] = [],
): Promise<NestFastifyApplication> {
  const modules = await exchange(
    Test.createTestingModule({ imports: [AppModule.forRoot(config)], controllers: [...controllers] }),
  ).compile()
  const app = modules.createNestApplication<NestFastifyApplication>(new FastifyAdapter(serverOptions(config)), {
    logger: false,
  })
  await configure(app)
  signEverybodyIn(app)
  return app
}
