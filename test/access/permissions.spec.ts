import { Controller, Get } from '@nestjs/common'
import { ModulesContainer, Reflector } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { Test } from '@nestjs/testing'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { admits, postureOf, type Posture } from '../../src/access/permission.guard.ts'
import { isPermitted, whoIsAsking } from '../../src/access/session.ts'
import { AppModule } from '../../src/app.module.ts'
import { configure } from '../../src/main.ts'
import { serverOptions } from '../../src/web/api/configure-api.ts'
import { settingsIn } from '../support/runtime.ts'

const actor = (role: string) => ({ id: 'X001', role, organisation: 'x' })

describe('a permission', () => {
  it('is given to roles that are named, and to no other', () => {
    for (const permission of ['read', 'record', 'operate'] as const) {
      expect(isPermitted(whoIsAsking({}), permission)).toBe(true)
      for (const role of ['visitor', 'auditor', '', 'constructor', '__proto__'])
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

  /** What each handler of each controller declares, by its name. */
  function declared(): Map<string, Posture | undefined> {
    const reflector = app.get(Reflector)
    const handlers = new Map<string, Posture | undefined>()
    for (const { controllers } of app.get(ModulesContainer).values())
      for (const { metatype } of controllers.values()) {
        const prototype = metatype!.prototype as Record<string, object>
        for (const name of Object.getOwnPropertyNames(prototype))
          if (name !== 'constructor' && Reflect.hasMetadata('path', prototype[name]!))
            handlers.set(`${metatype!.name}.${name}`, postureOf(reflector, prototype[name]!, metatype!))
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
    expect(ofNobody.toSorted()).toEqual([
      'GET /api/docs',
      'GET /api/docs/start.js',
      'GET /api/docs/swagger-ui-bundle.js',
      'GET /api/docs/swagger-ui.css',
      'GET /api/openapi.json',
      'GET /assets/*',
    ])
    expect(registered.length).toBe(declared().size + ofNobody.length)
  })

  it('that declare nothing are refused', async () => {
    const { statusCode, body } = await app.inject({ url: '/undeclared', headers: { host: 'localhost' } })
    expect(statusCode).toBe(403)
    expect(body).not.toContain('this should never be answered')
  })
})
