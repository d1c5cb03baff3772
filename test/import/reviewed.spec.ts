/** What a hostile reviewer found, each as a sentence that must stay true. */
import { readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { InstallationMismatch } from '../../src/runtime/installation-check.ts'
import { dayOf } from '../../src/domain/calendar.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import type { DetailsEvent } from '../../src/domain/participant.ts'
import { NotAContactLog } from '../../src/exchange/contact-log-file.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { opened } from '../../src/protection/sealing.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { appenderOf, importText, openIn, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'
import { referral, writtenLog } from '../support/written-log.ts'
import { withholding } from '../support/reached.ts'

describe('an import cut short between a man’s details and his journey', () => {
  it('run again leaves him the details that were told last', async () => {
    const runtime = await temporaryWorkplace()
    const warning = { ...referral, contact: 'Warning' }
    const log = writtenLog([
      { ...referral, family_name: 'Wrong' },
      { ...warning, family_name: 'Wrong', note: 'a' },
      { ...warning, family_name: 'Right', note: 'b' },
    ])
    const appender = appenderOf(runtime)
    const append = appender.append.bind(appender)
    const cut = vi.spyOn(appender, 'append').mockImplementation((stream, expected, events) => {
      if (stream.startsWith('journey-')) throw new Error('the plug was pulled')
      return append(stream, expected, events)
    })
    await expect(importText(runtime, log)).rejects.toThrow('the plug was pulled')
    cut.mockRestore()
    expect((await importText(runtime, log)).totals.accepted).toBe(3)
    const told = await Array.fromAsync(runtime.store.read(`participant-${runtime.vault.find('crn', 'X000001')}`))
    expect(told.map(({ type }) => type)).toEqual(['ParticipantRegistered', 'ParticipantDetailsCorrected'])
    const { rows } = await new Journeys(runtime.store, runtime.readModels, runtime.vault, withholding()).caseload({})
    expect(rows.map(({ name }) => name)).toEqual(['Right, Sam'])
  })
})

describe('a contact log', () => {
  it('with a record of too many columns has that record refused whole, and every field of it kept in the rejects', async () => {
    const runtime = await temporaryWorkplace()
    const spilled = `${writtenLog([referral, { ...referral, contact: 'Warning', note: 'Phoned in' }])}, says he will come tonight`
    const { totals, rejects } = await importText(runtime, spilled)
    expect(totals).toMatchObject({ accepted: 1, rejected_by_reason: { too_many_columns: 1 } })
    expect(readFileSync(rejects, 'utf8')).toContain('says he will come tonight')
  })

  it('in another encoding is read in it: two names must not become one', async () => {
    const runtime = await temporaryWorkplace()
    const file = join(temporaryDirectory(), 'latin1.csv')
    writeFileSync(file, Buffer.from(writtenLog([{ ...referral, given_names: 'José' }]), 'latin1'))
    writeFileSync(
      `${file}.2`,
      Buffer.from(writtenLog([{ ...referral, contact: 'Warning', given_names: 'Josè' }]), 'latin1'),
    )
    await importFile(runtime, file, { rejects: `${file}.rejects` })
    await importFile(runtime, `${file}.2`, { rejects: `${file}.rejects` })
    const id = runtime.vault.find('crn', 'X000001')!
    const names = []
    for await (const event of runtime.store.read(`participant-${id}`))
      names.push(opened(runtime.vault, recordedFrom<DetailsEvent>(event)).data.givenNames)
    expect(names).toEqual(['José', 'Josè'])
  })

  it('is never replaced by its own rejects', async () => {
    const runtime = await temporaryWorkplace()
    const file = join(temporaryDirectory(), 'log.csv')
    writeFileSync(file, writtenLog([referral]))
    await expect(importFile(runtime, file, { rejects: file })).rejects.toThrow(NotAContactLog)
    expect(readFileSync(file, 'utf8')).toBe(writtenLog([referral]))
  })

  it('whose rejects cannot be written is refused before anything is read', async () => {
    const runtime = await temporaryWorkplace()
    const file = join(temporaryDirectory(), 'log.csv')
    writeFileSync(file, writtenLog([referral]))
    await expect(importFile(runtime, file, { rejects: '/no/such/place/rejects.csv' })).rejects.toThrow(
      /cannot be written/,
    )
    await expect(importFile(runtime, file, { rejects: temporaryDirectory() })).rejects.toThrow(/it is not a file/)
  })

  it('without a header does not have its first record told on the screen', async () => {
    const runtime = await temporaryWorkplace()
    const [, first = ''] = writtenLog([referral]).split('\n')
    const failure = (await importText(runtime, first).catch((error: unknown) => error)) as Error
    expect(failure).toBeInstanceOf(NotAContactLog)
    expect(failure.message).not.toMatch(/Example|X000001/)
  })

  it('has what might be a name, a CRN or a telephone number veiled, wherever it was written', async () => {
    const runtime = await temporaryWorkplace()
    const open = { provider: 'Sam Example Trust', recorded_by: 'E000001' }
    const session = {
      contact: 'Session',
      session: 'PG1',
      outcome: 'ATTC',
      group: '07700900123',
      actual_facilitators: 'jane.smith1985;F002',
    }
    await importText(
      runtime,
      writtenLog([
        { ...referral, ...open },
        { ...referral, contact: 'Allocated to group', group: 'G1' },
        { ...referral, ...session },
      ]),
    )
    const events = await Array.fromAsync(runtime.store.readAll(['journey', 'participant']))
    const stored = JSON.stringify(events.map(({ data, metadata }) => [data, metadata]))
    expect(stored).not.toMatch(/Sam Example|E000001|07700900123|jane\.smith/)
    expect(stored).toMatch(/F002/)
  })

  it('of an ancient year still has its days read in full', () => {
    expect(dayOf('0023-02-11T10:00:00.000Z')).toBe('0023-02-11')
  })
})

describe('a data directory', () => {
  const used = async () => {
    const dir = temporaryDirectory()
    const runtime = await openIn(dir)
    await importText(runtime, writtenLog([referral]))
    await runtime.close()
    await (await openIn(dir)).close()
    return dir
  }

  it('whose keys are gone is refused, not given new ones', async () => {
    const dir = await used()
    rmSync(join(dir, 'keys'), { recursive: true })
    await expect(openIn(dir)).rejects.toThrow(InstallationMismatch)
    rmSync(join(dir, 'belongs-to.json'))
    await expect(openIn(dir)).rejects.toThrow(/not the keys this log was written under/)
  })

  it('whose log was put back from an older copy, or is another, is refused', async () => {
    const dir = await used()
    rmSync(join(dir, 'store'), { recursive: true })
    mkdirSync(join(dir, 'store'))
    await expect(openIn(dir)).rejects.toThrow(/built from another log/)
    rmSync(join(dir, 'belongs-to.json'))
    await expect(openIn(dir)).rejects.toThrow(/put back from an older copy/)
  })

  it('whose read models are gone is served: they are built again', async () => {
    const dir = await used()
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `read-models.sqlite${suffix}`), { force: true })
    await (await openIn(dir)).close()
  })
})
