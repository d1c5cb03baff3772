/**
 * Kills the process that carries registers to journeys at random instants under load, and then holds every journey to what the
 * registers say: each session once. CARRY_KILLS sets the number of kills, CARRY_SEED repeats a run.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { expect, it } from 'vitest'
import { dayNumbered, dayNumberOf } from '../../../src/domain/calendar.ts'
import { CarryToJourney } from '../../../src/commands/carry-to-journey.ts'
import { programmeAt } from '../../../src/domain/programme.ts'
import { CarryingJournal } from '../../../src/process/carrying-journal.ts'
import { RegisterCarrier } from '../../../src/process/register-carrier.ts'
import { temporaryDirectory, temporaryWorkplace } from '../../support/runtime.ts'
import { groupOf, heldWith, issuedOn } from '../support.ts'

const kills = Number(process.env.CARRY_KILLS ?? 15)
const seed = Number(process.env.CARRY_SEED ?? Date.now() % 1_000_000)

/** One group has as many sessions as its programme; then another is formed. */
const codes = programmeAt('bbr', 1)!.sessions.map(({ id }) => id)
const members = 12
/** A kill comes at most so long after the register was recorded: by then most of it is carried. */
const longestMs = 400

it(
  `killed ${kills} times, tells every journey of every session once (CARRY_SEED=${seed})`,
  { timeout: 120_000 + kills * 15_000 },
  async () => {
    process.stdout.write(`kills of the carrier: CARRY_SEED=${seed}\n`)
    const random = xoroshiro128plus(seed)
    const runtime = await temporaryWorkplace()
    const { commands, store, config, eventStoreUrl, vault, log } = runtime
    const directory = temporaryDirectory()
    const groups: { readonly journeyIds: readonly string[]; held: number; sessionIds: readonly string[] }[] = []
    let cut = 0
    for (let kill = 0; kill < kills; kill++) {
      if (kill % codes.length === 0)
        groups.push({ ...(await groupOf(commands, `G${201 + groups.length}`, members, codes)), held: 0 })
      const group = groups.at(-1)!
      const carrier = spawn(
        process.execPath,
        [
          '--experimental-transform-types',
          '--disable-warning=ExperimentalWarning',
          fileURLToPath(new URL('carrier-process.ts', import.meta.url)),
          eventStoreUrl,
          config.keysDir,
          directory,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const gone = once(carrier, 'exit')
      await Promise.race([once(carrier.stdout, 'data'), gone])
      expect(carrier.exitCode).toBeNull()
      const register = group.journeyIds.map((journeyId) => ({ journeyId, outcome: 'ATTC', note: 'was there' }))
      const week = dayNumbered(dayNumberOf('2025-01-07') + 7 * group.held)
      await commands.sessions.deliver(group.sessionIds[group.held++]!, heldWith(register), issuedOn(week))
      await wait(uniformInt(random, 0, longestMs))
      carrier.kill('SIGKILL')
      await gone
      const journal = new CarryingJournal(directory)
      if ((journal.position ?? -1n) < (await store.headPositionOf(['session']))) cut++
      journal.close()
    }
    const journal = new CarryingJournal(directory)
    const last = new RegisterCarrier(store, new CarryToJourney(commands.decideAndAppend, vault), journal, log)
    last.start()
    expect(await last.waitFor(await store.headPositionOf(['group', 'session']), 60_000)).toBe(true)
    expect(last.notCarried()).toEqual([])
    await last.stop()
    journal.close()
    for (const { journeyIds, held } of groups)
      for (const journeyId of journeyIds) {
        const events = await Array.fromAsync(store.read(`journey-${journeyId}`))
        const told = events.slice(2).map(({ data }) => (data as { sessionId: string }).sessionId)
        expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['ReferralReceived', 'AllocatedToGroup'])
        expect(told).toEqual(codes.slice(0, held))
      }
    process.stdout.write(`${cut} of ${kills} kills came before everything was carried and known to be.\n`)
    expect(cut).toBeGreaterThan(0)
  },
)
