import { withCaseload } from '../../projections/caseload.ts'
import { Controller, Get } from '@nestjs/common'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RequiresPermission } from '../../src/access/permission.guard.ts'
import { ConsultationLog } from '../../src/commands/consultation-log.ts'
import { lookFrom, type RecordedLook } from '../../src/domain/consultation.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { appenderOf, temporaryDirectory } from '../support/runtime.ts'
import { appWith } from '../support/app.ts'
import { richestJourney, serve, type Served } from '../support/served.ts'
import { cookieFor, personOfRole } from '../support/signed-in.ts'
import { settingsIn } from '../support/runtime.ts'
import { startStore } from '../support/store-process.ts'
import type { Role } from '../../src/access/policy.ts'

let served: Served
let id: string
beforeAll(async () => {
  served = await serve({ journeys: 10 })
  id = await richestJourney(served)
})
afterAll(() => served.stop())

const as = async (role: Role) => ({ headers: { cookie: await cookieFor(served.app, role) } })
const page = async (path: string, role: Role = 'case_manager') => {
  const answer = await fetch(served.url + path, await as(role))
  return { status: answer.status, text: await answer.text() }
}

async function looksIn(stream: string): Promise<readonly RecordedLook[]> {
  const events = await Array.fromAsync(served.runtime.store.read(stream))
  return events.map((event) => lookFrom(event)!)
}
const looksAt = () => looksIn(`consultation-${id}`)
const looksBy = (role: Role) => looksIn(`consultation_by-${personOfRole(role).id}`)

/** The looks that asking for something adds to the record's own stream. */
async function added(ask: () => Promise<unknown>): Promise<readonly RecordedLook[]> {
  const before = (await looksAt()).length
  await ask()
  return (await looksAt()).slice(before)
}

describe('a look at a record', () => {
  it.each<[string, string]>([
    ['', 'timeline'],
    ['/replay', 'replay'],
    ['/history', 'history'],
    ['/contact?command=7f7f7f7f-0000-4000-8000-000000000000', 'form'],
  ])('on its page%s is written down once, with who, as what, when and which view', async (path, view) => {
    const begun = new Date().toISOString()
    const looks = await added(() => page(`/journeys/${id}${path}`, 'facilitator'))
    expect(looks).toEqual([
      expect.objectContaining({
        type: 'RecordConsulted',
        view,
        subjects: [id],
        records: 1,
        source: 'ui',
        actor: { id: 'spec-facilitator', role: 'facilitator', organisation: 'demonstration' },
      }),
    ])
    expect(looks[0]!.recordedAt >= begun).toBe(true)
    expect((await looksBy('facilitator')).at(-1)).toMatchObject({ view, subjects: [id] })
  })

  it.each<[string, string, string]>([
    ['', 'summary', 'RecordConsulted'],
    ['/timeline', 'timeline', 'RecordConsulted'],
    ['/replay?clock=happened&at=2024-06-01', 'replay', 'RecordConsulted'],
    ['/history', 'download', 'RecordDisclosed'],
  ])('by the API%s is written down once', async (path, view, type) => {
    const looks = await added(() => page(`/api/journeys/${id}${path}`))
    expect(looks).toEqual([expect.objectContaining({ type, view, source: 'api' })])
  })

  it('that takes the whole record away is a disclosure', async () => {
    const looks = await added(() => page(`/journeys/${id}/history.jsonl`, 'auditor'))
    expect(looks).toEqual([expect.objectContaining({ type: 'RecordDisclosed', view: 'download' })])
  })

  it('goes on being the same look while its page is moved about on', async () => {
    const looks = await added(async () => {
      await page(`/journeys/${id}/replay`, 'treatment_manager')
      await page(`/journeys/${id}/replay/outline`, 'treatment_manager')
      await page(`/journeys/${id}/replay/moments?from=1&count=2`, 'treatment_manager')
    })
    expect(looks).toHaveLength(1)
    const outline = await added(() => page(`/journeys/${id}/replay/outline`, 'data_protection_officer'))
    expect(outline).toEqual([expect.objectContaining({ view: 'replay' })])
  })

  it('at a record that is not there, or that is refused, leaves nothing', async () => {
    const nowhere = crypto.randomUUID()
    expect((await page(`/journeys/${nowhere}`)).status).toBe(404)
    expect(await looksIn(`consultation-${nowhere}`)).toEqual([])
    expect(await added(async () => expect((await page(`/journeys/${id}`, 'administrator')).status).toBe(403))).toEqual(
      [],
    )
  })

  it('says nothing of who he is, nor of who looked but an opaque id', async () => {
    const { text } = await page(`/journeys/${id}`)
    const name = /tl-identity__name"><dt[^>]*>Name<\/dt><dd>([^<]+)</.exec(text)![1]!
    const events = await Array.fromAsync(
      served.runtime.store.readAllBackwards(['consultation', 'consultation_by'], 1_000),
    )
    expect(events.length).toBeGreaterThan(5)
    const stored = JSON.stringify(events.map(({ stream, data, metadata }) => [stream, data, metadata]))
    for (const word of [...name.split(/,? /), 'Spec ']) expect(stored).not.toContain(word)
  })
})

describe('a list', () => {
  it('is written down with the records it shows, whether it was sought or leafed through', async () => {
    await page('/', 'auditor')
    const listed = (await looksBy('auditor')).at(-1)!
    expect(listed).toMatchObject({ type: 'RecordsListed', view: 'caseload', records: 10 })
    expect(listed.subjects).toContain(id)
    await fetch(`${served.url}/api/caseload/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await as('auditor')).headers },
      body: JSON.stringify({ find: 'Nobody-of-this-name' }),
    })
    expect((await looksBy('auditor')).at(-1)).toMatchObject({ view: 'search', records: 0, source: 'api' })
  })
})

describe('who looked', () => {
  it('is shown to auditors and data protection officers, and looking there is a look', async () => {
    await page(`/journeys/${id}/history`, 'treatment_manager')
    const looks = await added(async () => {
      const { status, text } = await page(`/journeys/${id}/looks`, 'data_protection_officer')
      expect(status).toBe(200)
      expect(text).toContain('spec-treatment_manager')
      expect(text).toContain('Treatment manager')
      expect(text).toMatch(/Case load, with 10 records/)
    })
    expect(looks).toEqual([expect.objectContaining({ view: 'looks' })])
    for (const role of [
      'case_manager',
      'facilitator',
      'treatment_manager',
      'administrator',
      'partner_safety_worker',
    ] as const) {
      const refused = await page(`/journeys/${id}/looks`, role)
      expect(refused.status, role).toBe(403)
      expect(refused.text).not.toContain('spec-treatment_manager')
    }
    expect((await page(`/journeys/${id}`, 'auditor')).text).toContain(`/journeys/${id}/looks`)
    expect((await page(`/journeys/${id}`, 'case_manager')).text).not.toContain('/looks')
  })

  it('is shown to everybody about himself, and about nobody else', async () => {
    await page(`/journeys/${id}`, 'facilitator')
    const { text } = await page('/account/looks', 'facilitator')
    expect(text).toContain(`href="/journeys/${id}"`)
    expect(text).toContain('Timeline')
    expect((await looksBy('facilitator')).at(-1)).toMatchObject({ view: 'own_looks', subjects: [id] })
    expect((await page('/account/looks', 'partner_safety_worker')).text).toContain(
      'You have not looked at any record yet',
    )
  })
})

@Controller('planted')
class Planted {
  @RequiresPermission('read')
  @Get()
  show() {
    return 'the record of somebody'
  }
}

describe('no log, no data', () => {
  it('a route that shows records without writing a look down answers nothing of it', async () => {
    const app = await appWith(settingsIn(temporaryDirectory()), (modules) => modules, [Planted])
    await app.init()
    try {
      const { statusCode, body } = await app.inject({ url: '/planted', headers: { host: 'localhost' } })
      expect(statusCode).toBe(500)
      expect(body).not.toContain('the record of somebody')
    } finally {
      await app.close()
    }
  })

  it('answers 503 and says why where a look can be written down nowhere', async () => {
    const appender = appenderOf(served.runtime)
    const log = served.runtime.commands.consultations
    const append = appender.append
    const keep = log['keep']
    appender.append = () => Promise.reject(new StoreUnavailable())
    log['keep'] = () => {
      throw Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' })
    }
    try {
      const name = await withCaseload(served.runtime.readModels.db)
        .selectFrom('caseload')
        .select('journey_id')
        .execute()
      for (const path of [
        '/',
        ...['', '/replay', '/history', '/history.jsonl'].map((part) => `/journeys/${id}${part}`),
      ]) {
        const { status, text } = await page(path)
        expect(status, path).toBe(503)
        if (!path.endsWith('.jsonl')) expect(text, path).toContain('so nothing is shown')
        for (const { journey_id } of name) expect(text.replaceAll(path, '')).not.toContain(journey_id)
      }
      for (const part of ['', '/timeline', '/history', '/live'].map((one) => `/api/journeys/${id}${one}`)) {
        const { status, text } = await page(part)
        expect(status, part).toBe(503)
        expect(JSON.parse(text)).toMatchObject({ code: 'consultation_log_unavailable' })
      }
    } finally {
      appender.append = append
      log['keep'] = keep
    }
    await expect.poll(async () => (await page(`/journeys/${id}`)).status, { timeout: 10_000 }).toBe(200)
  })

  it('keeps looks while the event store is away, and they are in the log when it is back', async () => {
    const storeDir = temporaryDirectory()
    const { process: store, port } = await startStore(storeDir)
    const away = await serve({ journeys: 5, settings: { EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false` } })
    try {
      const one = await richestJourney(away)
      store.kill('SIGKILL')
      await once(store, 'exit')
      const during = await fetch(`${away.url}/journeys/${one}`)
      expect(during.status, await during.text()).toBe(200)
      const { process: again } = await startStore(storeDir, port)
      await expect
        .poll(async () => (await Array.fromAsync(away.runtime.store.read(`consultation-${one}`))).length, {
          timeout: 30_000,
        })
        .toBe(1)
      expect(await away.runtime.commands.consultations.deliver()).toBe(0)
      again.kill('SIGKILL')
    } finally {
      await away.stop()
    }
  })
})

describe('kept looks', () => {
  it('outlive the process that kept them, and are delivered once', async () => {
    const dir = temporaryDirectory()
    mkdirSync(dir, { recursive: true })
    const path = join(dir, 'consultations.sqlite')
    const appender = appenderOf(served.runtime)
    const away = { append: () => Promise.reject(new StoreUnavailable()) } as never
    const subject = crypto.randomUUID()
    const before = new ConsultationLog(away, path)
    const look = {
      type: 'RecordConsulted',
      view: 'timeline',
      subjects: [subject],
      by: personOfRole('auditor'),
      source: 'ui',
      requestId: 'r',
    } as const
    await before.write(look)
    before.close()
    const after = new ConsultationLog(appender, path)
    expect(await after.deliver()).toBe(0)
    expect(await after.deliver()).toBe(0)
    after.close()
    expect((await looksIn(`consultation-${subject}`)).map(({ view }) => view)).toEqual(['timeline'])
    rmSync(path)
  })
})
