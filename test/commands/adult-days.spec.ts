/** From which day on a man is an adult is not read for each command, and never answered from before a change of his details. */
import Database from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { commandHandlersOn, type CommandHandlers } from '../../src/commands/command-handlers.ts'
import { clientOf } from '../../src/event-store/connection.ts'
import { EventAppender } from '../../src/event-store/event-appender.ts'
import { EventStore } from '../../src/event-store/event-store.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { caseManager } from '../support/signed-in.ts'
import { temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'

const telling = () => ({
  occurredOn: '2025-01-06',
  by: caseManager,
  source: 'api' as const,
  commandId: randomUUID(),
})

const grownUpAt = { before: '2006-03-01', after: '2007-03-01' }

interface Man {
  readonly journeyId: string
  readonly participantId: string
}

async function referred({ commands, vault }: Runtime, crn = 'X000001'): Promise<Man> {
  const { journeyId } = await commands.journeys.refer(
    {
      details: { crn, familyName: 'Example', givenNames: 'Sam', dateOfBirth: '1988-03-01' },
      programme: { key: 'bbr', version: 1 },
      provider: 'North',
      referralSource: 'court_requirement',
      reference: `R-${crn}`,
    },
    telling(),
  )
  return { journeyId, participantId: vault.find('crn', crn)! }
}

const correctBirth = ({ journeys }: CommandHandlers, { journeyId }: Man) =>
  journeys.correctDetails([journeyId], { changes: { dateOfBirth: '1989-03-01' }, because: 'A slip.' }, telling())

/** A runtime that keeps them, and how often it has read a participant. */
async function following() {
  const runtime = await temporaryWorkplace()
  const man = await referred(runtime)
  const reads = vi.spyOn(runtime.store, 'lastOf')
  const adultFrom = (one: Man = man) => runtime.commands.participants.adultFrom(one.participantId)
  runtime.commands.adultDays.start()
  await vi.waitFor(async () => {
    await adultFrom()
    reads.mockClear()
    await adultFrom()
    expect(reads).not.toHaveBeenCalled()
  })
  return { runtime, man, reads, adultFrom }
}

it('is read once for the commands on a man, and of each man for himself', async () => {
  const { runtime, man, reads, adultFrom } = await following()
  const { journeys } = runtime.commands
  for (let n = 0; n < 3; n++) await journeys.execute(man.journeyId, 'IssueWarning', {}, telling())
  expect(reads).not.toHaveBeenCalled()
  expect(await adultFrom()).toBe(grownUpAt.before)
  const other = await referred(runtime, 'X000002')
  await adultFrom(other)
  await adultFrom(other)
  expect(reads).toHaveBeenCalledOnce()
})

it('is the corrected one from the moment a correction here is answered', async () => {
  const { runtime, man, adultFrom } = await following()
  await correctBirth(runtime.commands, man)
  expect(await adultFrom()).toBe(grownUpAt.after)
})

it('is the corrected one as soon as the store tells of a correction elsewhere', async () => {
  const { runtime, man, adultFrom } = await following()
  const client = clientOf(runtime.eventStoreUrl)
  const store = new EventStore(client, runtime.eventStoreUrl)
  onTestFinished(() => store.close())
  const other = commandHandlersOn(store, new EventAppender(client), runtime.vault, {
    dataDir: temporaryDirectory(),
    trustsClock: false,
    categories,
    log: runtime.log,
    reach: runtime.reach,
  })
  await correctBirth(other, man)
  await vi.waitFor(async () => expect(await adultFrom()).toBe(grownUpAt.after))
})

it('is not kept as it was read while his details changed', async () => {
  const { runtime, man, reads, adultFrom } = await following()
  await runtime.commands.participants.tellDetails(
    man.participantId,
    { crn: 'X000001', familyName: 'Other', givenNames: 'Sam', dateOfBirth: '1988-03-01' },
    { ...telling(), recordedOn: '2025-01-06' },
    { by: caseManager, source: 'api', recordedAt: '2025-01-06T10:00:00.000Z' },
  )
  const found = await runtime.store.lastOf(`participant-${man.participantId}`)
  const slow = Promise.withResolvers<typeof found>()
  reads.mockReturnValueOnce(slow.promise)
  const asked = adultFrom()
  await correctBirth(runtime.commands, man)
  slow.resolve(found)
  expect(await asked).toBe(grownUpAt.before)
  expect(await adultFrom()).toBe(grownUpAt.after)
})

it('is unknown once his key is gone', async () => {
  const { runtime, man, adultFrom } = await following()
  const keys = new Database(join(runtime.config.keysDir, 'keys.sqlite'))
  keys.prepare('DELETE FROM data_key WHERE id = ?').run(man.participantId)
  keys.close()
  expect(await adultFrom()).toBeUndefined()
})

it('is read for each command while the log is not followed', async () => {
  const { runtime, reads, adultFrom } = await following()
  await runtime.commands.adultDays.stop()
  await adultFrom()
  await adultFrom()
  expect(reads).toHaveBeenCalledTimes(2)
})
