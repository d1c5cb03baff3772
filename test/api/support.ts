/** The real application, with the API, on a real store of its own, for as long as a spec file runs. */
import 'reflect-metadata'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { isOfApi } from '../../src/web/api/configure-api.ts'
import { FaultLog } from '../../src/operations/fault-log.ts'
import { RUNTIME, type Runtime } from '../../src/runtime/runtime.ts'
import { appWith } from '../support/app.ts'
import { settingsIn } from '../support/runtime.ts'

type Injected = Awaited<ReturnType<NestFastifyApplication['inject']>>

export class Running {
  runtime!: Runtime
  app!: NestFastifyApplication
  /** Everything the API logged. */
  readonly logged: object[] = []
  /** `METHOD pattern` of every route under /api. */
  readonly routes: string[] = []

  async start(dataDir: string): Promise<void> {
    const log: FaultLog = { error: (about, message) => void this.logged.push({ ...about, message }) }
    this.app = await appWith(settingsIn(dataDir), (modules) => modules.overrideProvider(FaultLog).useValue(log))
    this.runtime = this.app.get<Runtime>(RUNTIME)
    const fastify = this.app.getHttpAdapter().getInstance()
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (isOfApi(url)) this.routes.push(`${one} ${url}`)
    })
    await this.app.init()
  }

  get = (url: string, headers: Record<string, string> = {}): Promise<Injected> =>
    this.app.inject({ method: 'GET', url, headers })

  /** Whatever is unusual about it is meant, unless the body itself says what is. @param body an object is sent as JSON; a string as it is */
  post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Injected> =>
    this.send(url, isConfirmable(url) && isPlain(body) ? { confirmedOddities: oddityCodes, ...body } : body, headers)

  /** As it is. */
  send = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Injected> =>
    this.app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    })

  /** A journey of its own, referred and allocated unless told otherwise. */
  async journey({ allocated = true } = {}): Promise<string> {
    const referred = await this.post('/api/journeys', aReferral())
    expect(referred.statusCode, referred.body).toBe(201)
    const { journeyId } = referred.json<{ journeyId: string }>()
    if (allocated) {
      const answer = await this.post(`/api/journeys/${journeyId}/allocation`, {
        occurredOn: '2025-01-20',
        groupId: 'G014',
      })
      expect(answer.statusCode, answer.body).toBe(201)
    }
    return journeyId
  }
}

const isConfirmable = (url: string) => /^\/api\/(?:journeys|groups|sessions)/.test(url) && !url.endsWith('/withdrawals')

const isPlain = (body: unknown): body is object => typeof body === 'object' && body !== null && !Array.isArray(body)

/** One application for all the specs of a file. */
export function running(): Running {
  const one = new Running()
  let dataDir: string
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'throughline-api-'))
    await one.start(dataDir)
  })
  afterAll(async () => {
    await one.app.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  return one
}

let referrals = 0

/** Somebody who does not exist, and another one each time. */
export function aReferral(more: Record<string, unknown> = {}) {
  referrals++
  return {
    occurredOn: '2025-01-10',
    confirmedOddities: ['far_from_today'],
    crn: `Z${String(100_000 + referrals)}`,
    familyName: 'Marker-Smythe',
    givenNames: 'Quillon Ambrose',
    dateOfBirth: '1984-02-29',
    programme: 'bbr',
    provider: 'North',
    referralSource: 'court_requirement',
    reference: `REF-${process.pid}-${referrals}`,
    ...more,
  }
}

/** Every “no” has one form, and says nothing that was not meant to be said. */
export function expectProblem(
  answer: Injected,
  status: number,
  code: string,
): { errors: { field: string; message: string }[]; detail: string } {
  expect(answer.statusCode, answer.body).toBe(status)
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.headers['cache-control']).toBe('no-store')
  const problem = answer.json<Record<string, unknown>>()
  expect(problem).toMatchObject({ type: `/api/problems/${code}`, code, status })
  expect(problem.title).toBeTypeOf('string')
  expect(problem.detail).toBeTypeOf('string')
  expect(problem.instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/)
  return problem as never
}

export interface Written {
  journeyId: string
  revision: number
  position: string
}
