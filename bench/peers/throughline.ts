/** Throughline as it is started: its own store, its keys, its read models. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { randomUUID } from 'node:crypto'
import { IdentityProvider } from '../../src/access/identity-provider.ts'
import { versionInForce } from '../../src/domain/programme.ts'
import { createApp } from '../../src/main.ts'
import { readConfig } from '../../src/runtime/config.ts'
import { openRuntime } from '../../src/runtime/runtime.ts'
import { issuer, type Contender } from './work.ts'

const configIn = (dataDir: string) => ({
  ...readConfig({ DATA_DIR: dataDir }),
  logLevel: 'error' as const,
  requestsAMinute: 0,
})

export async function throughlineIn(dataDir: string, { readModels }: { readModels: boolean }): Promise<Contender> {
  const runtime = await openRuntime(configIn(dataDir))
  if (readModels) runtime.runner!.start()
  runtime.commands.adultDays.start()
  const { journeys } = runtime.commands
  const issued = (occurredOn: string) => ({
    occurredOn,
    by: issuer,
    source: 'api' as const,
    commandId: randomUUID(),
  })
  return {
    async refer({ occurredOn, crn, familyName, givenNames, dateOfBirth, programme, ...rest }) {
      const { journeyId } = await journeys.refer(
        {
          details: { crn, familyName, givenNames, dateOfBirth },
          programme: { key: programme, version: versionInForce(programme) },
          ...rest,
        },
        issued(occurredOn),
      )
      return journeyId
    },
    async execute(journeyId, { type, data, occurredOn }) {
      await journeys.execute(journeyId, type, data as never, issued(occurredOn))
    },
    close: () => runtime.close(),
  }
}

export async function throughlineServedIn(
  dataDir: string,
): Promise<{ readonly url: string; readonly token: string; close(): Promise<void> }> {
  const app: NestFastifyApplication = await createApp(configIn(dataDir))
  await app.listen(0, '127.0.0.1')
  const { issuer: provider } = await app.get(IdentityProvider).settings()
  const answer = await fetch(`${provider}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('CM001:development')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  return { url: (await app.getUrl()).replace(/\/$/, ''), token, close: () => app.close() }
}
