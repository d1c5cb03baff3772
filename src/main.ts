/** Configuration, the runtime, Nest, and the door opened; everything closed again in order when the process is told to stop. */
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppModule } from './app.module.ts'
import { atTheTerminal } from './cli/terminal.ts'
import { projectRoot, readConfig } from './runtime/config.ts'
import { seedDemonstration } from './simulator/demonstration.ts'
import { startTracing } from './operations/tracing.ts'
import { configureApi, serverOptions } from './web/api/configure-api.ts'
import { configureWeb } from './web/configure.ts'
import { openRuntime, type Runtime } from './runtime/runtime.ts'

/** The application on an open runtime, not listening yet. */
export async function createApp(runtime: Runtime): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.on(runtime),
    new FastifyAdapter(serverOptions),
    { logger: ['error', 'warn'] },
  )
  refuseOtherNames(app)
  configureApi(app)
  await configureWeb(app, {
    publicDir: join(projectRoot, 'dist/public'),
    viewsDir: join(projectRoot, 'src/web'),
    secret: runtime.vault.secret('cookie'),
  })
  return app
}

/**
 * Answers to this machine's own names only. A page on the internet whose name was made to point at 127.0.0.1 would
 * otherwise read the case load through the browser of whoever opened it.
 */
function refuseOtherNames(app: NestFastifyApplication): void {
  const own = new Set(['127.0.0.1', 'localhost', '[::1]'])
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request, reply) => {
      if (own.has((request.headers.host ?? '').replace(/:\d+$/, ''))) return
      return reply.status(421).type('text/plain').send('This address is served to this machine only.')
    })
}

async function serve(): Promise<void> {
  const config = readConfig()
  const runtime = await openRuntime(config)
  const tracing = config.tracesTo ? startTracing(runtime.runner) : null
  const app = await createApp(runtime)
  const close = async () => {
    await app.close()
    await runtime.close()
    await tracing?.stop()
  }
  try {
    if (config.seed === 'demo') {
      const added = await seedDemonstration(runtime)
      if (added > 0)
        process.stdout.write(
          `The case load was empty: ${added} synthetic demonstration journeys were added (SEED=none leaves it empty).\n`,
        )
    }
    runtime.runner?.start()
    await app.listen(config.port, config.host)
  } catch (error) {
    await close()
    throw error
  }
  const url = (await app.getUrl()).replace(/\/$/, '')
  runtime.lock?.announce({ pid: process.pid, eventStoreUrl: runtime.eventStoreUrl, url })
  process.stdout.write(
    `Throughline is at ${url}\nIts data is in ${config.dataDir}. Import a contact log with: npm run import -- FILE.csv\n`,
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void close().then(() => process.exit(0)))
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await atTheTerminal(serve)
