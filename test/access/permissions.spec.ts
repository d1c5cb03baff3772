import { Controller, Get } from '@nestjs/common'
import { ModulesContainer, Reflector } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { Test } from '@nestjs/testing'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { admits, postureOf, type Posture } from '../../src/access/permission.guard.ts'
import { isPermitted, permissions, roleCodes, roles } from '../../src/access/policy.ts'
import { AppModule } from '../../src/app.module.ts'
import { configure } from '../../src/main.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { serverOptions } from '../../src/web/api/configure-api.ts'
import { settingsIn } from '../support/runtime.ts'
import { cookieFor } from '../support/signed-in.ts'

const actor = (role: string) => ({ id: 'X001', role, organisation: 'x' })

describe('a permission', () => {
  it('is given to roles that are named, and to no other', () => {
    for (const permission of permissions) {
      expect(roleCodes.some((role) => isPermitted({ role }, permission))).toBe(true)
      for (const role of ['visitor', '', 'constructor', '__proto__'])
        expect(isPermitted(actor(role), permission)).toBe(false)
    }
  })
  it('to operate shows an operator the service, and nothing about anybody', () => {
    const operator = actor('administrator')
    expect(isPermitted(operator, 'operate')).toBe(true)
    expect(isPermitted(operator, 'read')).toBe(false)
    expect(isPermitted(operator, 'record')).toBe(false)
  })
})

describe('what a route declares', () => {
  it.each<[Posture | undefined, string, boolean]>([
    ['public', 'visitor', true],
    ['signed-in', 'visitor', true],
    [{ all: ['read'] }, 'visitor', false],
    [{ all: ['operate'] }, 'administrator', true],
    [{ all: ['read', 'operate'] }, 'administrator', false],
    [{ oneOf: ['read', 'operate'] }, 'administrator', true],
    [{ oneOf: ['read', 'record'] }, 'administrator', false],
    [undefined, 'case_manager', false],
  ])('%j lets a %s in: %s', (posture, role, admitted) => expect(admits(posture, actor(role))).toBe(admitted))
})

@Controller('undeclared')
class Undeclared {
  @Get()
  answer() {
    return 'this should never be answered'
  }
}

describe('the routes', () => {
  let app: NestFastifyApplication
  const registered: string[] = []
  const dataDir = mkdtempSync(join(tmpdir(), 'throughline-spec-'))
  beforeAll(async () => {
    const config = settingsIn(dataDir)
    const modules = Test.createTestingModule({
      imports: [AppModule.forRoot(config)],
      controllers: [Undeclared],
    })
    app = (await modules.compile()).createNestApplication(new FastifyAdapter(serverOptions(config)), { logger: false })
    const fastify = app.getHttpAdapter().getInstance()
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (one !== 'HEAD') registered.push(`${one} ${url}`)
    })
    await configure(app)
    await app.init()
  })
  afterAll(async () => {
    await app.close()
    rmSync(dataDir, { recursive: true })
  })

  /** How many addresses the handlers answer: one may have several. */
  let addresses = 0

  /** What each handler of each controller declares, by its name. */
  function declared(): Map<string, Posture | undefined> {
    const reflector = app.get(Reflector)
    const handlers = new Map<string, Posture | undefined>()
    addresses = 0
    for (const { controllers } of app.get(ModulesContainer).values())
      for (const { metatype } of controllers.values()) {
        const prototype = metatype!.prototype as Record<string, object>
        for (const name of Object.getOwnPropertyNames(prototype)) {
          if (name === 'constructor' || !Reflect.hasMetadata('path', prototype[name]!)) continue
          handlers.set(`${metatype!.name}.${name}`, postureOf(reflector, prototype[name]!, metatype!))
          addresses += [Reflect.getMetadata('path', prototype[name]!) as string | string[]].flat().length
        }
      }
    return handlers
  }

  it('each declare who may use them, but for the one planted here', () => {
    const handlers = declared()
    expect([...handlers].filter(([, posture]) => posture === undefined).map(([name]) => name)).toEqual([
      'Undeclared.answer',
    ])
    expect([...handlers].filter(([, posture]) => posture === 'public').map(([name]) => name)).toEqual([
      'MetricsController.tell',
      'SignInController.begin',
      'SignInController.complete',
      'SignInController.end',
      'SignInController.signedOut',
      'SignInController.endedElsewhere',
      'EvidenceLogController.checkpoint',
      'EvidenceLogController.hashes',
      'ProgrammesController.programmes',
      'ProgrammesController.programme',
      'ProblemsController.problemKinds',
      'ProblemsController.problemKind',
      'HealthController.alive',
      'HealthController.ready',
    ])
  })

  it('that no controller answers are these, which say nothing about anybody', () => {
    const ofNobody = registered.filter((route) => /^\w+ (\/assets|\/api\/(docs|openapi))/.test(route))
    expect(ofNobody.toSorted()).toEqual(['GET /api/docs', 'GET /api/openapi.json', 'GET /assets/*'])
    declared()
    expect(registered.length).toBe(addresses + ofNobody.length)
  })

  it('that declare nothing are refused', async () => {
    const { statusCode, body } = await app.inject({
      url: '/undeclared',
      headers: { host: 'localhost', cookie: await cookieFor(app, 'case_manager') },
    })
    expect(statusCode).toBe(403)
    expect(body).not.toContain('this should never be answered')
  })
})

it('the document says of each role what the table of roles says', () => {
  const rows = readFileSync(join(projectRoot, 'docs/access.md'), 'utf8').matchAll(/^\| ([^|]+) \| `(\w+)` \|(.+)\|$/gm)
  const documented = [...rows].map(([, name, role, cells]) => ({
    name,
    role,
    may: cells!.split('|').map((cell) => cell.trim() === 'yes'),
  }))
  const order = ['read', 'record', 'review', 'protect', 'limit', 'partner_safety', 'operate'] as const
  expect(documented).toEqual(
    roleCodes.map((role) => ({
      name: roles[role].name,
      role,
      may: order.map((permission) => isPermitted({ role }, permission)),
    })),
  )
})
