/** Starts the application: its settings, Nest with the feature modules, the HTTP server; stops it in order when the process is asked to. */
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppModule } from './app.module.ts'
import { IdentityProvider } from './access/identity-provider.ts'
import { atTheTerminal, UsageError } from './cli/terminal.ts'
import { Vault } from './protection/vault.ts'
import { CONFIG, projectRoot, readConfig, type Config } from './runtime/config.ts'
import { RUNTIME, type Runtime } from './runtime/runtime.ts'
import { configureApi, serverOptions } from './web/api/configure-api.ts'
import { configureWeb } from './web/configure.ts'

/** The application on an open runtime, not listening yet. Closing it closes the runtime. */
export async function createApp(config: Config): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(config),
    new FastifyAdapter(serverOptions(config)),
    // A start that fails is thrown, and said once at the terminal: Nest would print it too, with its stack.
    { logger: false, abortOnError: false },
  )
  try {
    await configure(app)
  } catch (error) {
    await app.close()
    throw error
  }
  return app
}

/** Everything around the modules' own routes; before the application is initialised. */
export async function configure(app: NestFastifyApplication): Promise<void> {
  refuseOtherNames(app)
  configureApi(app)
  await configureWeb(app, {
    publicDir: join(projectRoot, 'dist/public'),
    viewsDir: join(projectRoot, 'src/web'),
    secret: app.get(Vault).secret('cookie'),
    requestsAMinute: app.get<Config>(CONFIG).requestsAMinute,
    canChangeRole: app.get<Config>(CONFIG).identityProvider === undefined,
  })
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
  const app = await createApp(config)
  try {
    await app.listen(config.port, config.host)
  } catch (error) {
    await app.close()
    throw portProblem(error, config.port) ?? error
  }
  app.useLogger(['error', 'warn'])
  app.enableShutdownHooks(['SIGINT', 'SIGTERM'], { useProcessExit: true })
  // Started before anybody comes, so that what is wrong with it is said at the terminal.
  const { issuer } = await app.get(IdentityProvider).settings()
  const development = config.identityProvider ? '' : ' (the development provider: choose a role, there is no password)'
  const url = (await app.getUrl()).replace(/\/$/, '')
  const { lock, eventStoreUrl } = app.get<Runtime>(RUNTIME)
  lock?.announce({ pid: process.pid, eventStoreUrl, url })
  process.stdout.write(
    `Throughline is at ${url}\nPeople sign in at ${issuer}${development}\nIts data is in ${config.dataDir}. Import a contact log with: npm run import -- FILE.csv\n`,
  )
}

/** @returns null for an error that says nothing about the port */
function portProblem(error: unknown, port: number): UsageError | null {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new UsageError(
        `Port ${port} is taken by another program, perhaps by another Throughline: ss -ltnp 'sport = :${port}' says which. Stop it, or set PORT to another number (PORT=0 takes any free port).`,
      )
    case 'EACCES':
      return new UsageError(
        `Port ${port} may not be opened by this user: ports below 1024 are kept for the system. Set PORT to 1024 or above.`,
      )
    default:
      return null
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await atTheTerminal(serve)
