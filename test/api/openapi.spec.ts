import 'reflect-metadata'
import type { OpenAPIObject } from '@nestjs/swagger'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'
import { problemKinds } from '../../src/web/api/problems.ts'
import { settingsIn } from '../support/runtime.ts'
import { running } from './support.ts'

const api = running()

interface Operation {
  operationId: string
  summary?: string
  parameters?: { in: string; name: string; description?: string; schema: { enum?: unknown[] } }[]
  requestBody?: { content: Record<string, { schema: { $ref: string } }> }
  responses: Record<
    string,
    {
      description: string
      content?: Record<string, { schema: { $ref?: string }; example?: { code: string } }>
      headers?: object
    }
  >
}

let description: OpenAPIObject
const operations = () =>
  Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation })),
  )

// The schemas of the answers are worked out when the product is compiled, so it is the compiled product that is asked.
beforeAll(async () => {
  execFileSync(process.execPath, [join(projectRoot, 'scripts/build.mjs'), '--if-stale'], { stdio: 'inherit' })
  const compiled = <T>(file: string) => import(join(projectRoot, 'dist/src', file)) as Promise<T>
  const { createApp } = await compiled<typeof import('../../src/main.ts')>('main.js')
  const { describeApi } = await compiled<typeof import('../../src/web/api/openapi.ts')>('web/api/openapi.js')
  const dataDir = mkdtempSync(join(tmpdir(), 'throughline-described-'))
  const app = await createApp(settingsIn(dataDir))
  description = describeApi(app)
  await app.close()
  rmSync(dataDir, { recursive: true })
})

describe('the description of the API', () => {
  it('has every route there is, and no other', () => {
    const { routes } = api
    const described = operations().map(
      ({ path, method }) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    )
    const undescribed = routes.filter(
      (route) => !route.startsWith('HEAD') && !/\/api\/(docs|openapi\.json)/.test(route),
    )
    expect(described.sort()).toEqual(undescribed.sort())
  })

  it('says of each what it is for, what it answers, and how it says no', () => {
    const ids = new Set<string>()
    for (const { path, operation } of operations()) {
      expect(operation.summary, path).toBeTruthy()
      ids.add(operation.operationId)
      const [good] = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'))
      expect(Object.keys(good![1].content ?? {}), path).not.toEqual([])
      for (const [status, response] of Object.entries(operation.responses)) {
        if (status < '400') continue
        const problem = response.content?.['application/problem+json']
        expect(problem?.schema.$ref, `${path} ${status}`).toBe('#/components/schemas/ProblemDto')
        expect(problemKinds[problem!.example!.code as keyof typeof problemKinds].status).toBe(Number(status))
      }
      for (const parameter of operation.parameters ?? []) expect(parameter.name, path).toBeTruthy()
    }
    expect(ids.size).toBe(operations().length)
  })

  it('describes every field of every answer, and refers to nothing that is not there', () => {
    const schemas = description.components!.schemas as Record<string, { properties?: object }>
    for (const [name, schema] of Object.entries(schemas))
      expect(Object.keys(schema.properties ?? {}), name).not.toEqual([])
    for (const [, name] of JSON.stringify(description).matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(schemas).toHaveProperty(name!)
    expect(Object.keys(schemas.JourneyDto!.properties!)).toEqual(
      expect.arrayContaining(['name', 'attended', 'facilitatorsMet', 'dateOfBirth', 'parked', 'revision']),
    )
    expect(Object.keys(schemas.TimelineEntryDto!.properties!)).toEqual(
      expect.arrayContaining(['note', 'daysLate', 'plannedFacilitators']),
    )
  })

  it('gives examples that work', async () => {
    const schemas = description.components!.schemas as Record<
      string,
      { properties: Record<string, { example: unknown }> }
    >
    const example = ($ref: string) =>
      Object.fromEntries(
        Object.entries(schemas[$ref.split('/').at(-1)!]!.properties).map(([field, schema]) => [field, schema.example]),
      )
    const bodies = new Map(
      operations()
        // Those of groups and sessions build on one another: groups.spec.ts plays them.
        .filter(({ path, operation }) => operation.requestBody && !/^\/api\/(groups|sessions|facilitators)/.test(path))
        .map(({ path, operation }) => [path, example(operation.requestBody!.content['application/json']!.schema.$ref)]),
    )
    const referred = await api.post('/api/journeys', bodies.get('/api/journeys'))
    expect(referred.statusCode, referred.body).toBe(201)
    const { journeyId } = referred.json<{ journeyId: string }>()
    expect(referred.json()).toMatchObject({ revision: 0 })
    const last = ['drop-out', 'recategorisation', 'reinstatement'].map((path) => `/api/journeys/{journeyId}/${path}`)
    const inOrder = [...bodies.keys()].filter(
      (path) => ![...last, '/api/journeys', '/api/journeys/{journeyId}/completion'].includes(path),
    )
    for (const path of [...inOrder, ...last]) {
      const url = path.replace('{journeyId}', journeyId).replace('{sessionId}', 'F1')
      const answer = await api.post(url, bodies.get(path))
      expect(answer.statusCode, `${path} ${answer.body}`).toBeLessThan(300)
    }
  })

  it('is served to programs and, as a page that keeps the strict content policy, to people', async () => {
    const served = await api.get('/api/openapi.json')
    expect(served.json()).toMatchObject({ openapi: '3.1.0' })
    const page = await api.get('/api/docs')
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    for (const header of ['content-security-policy', 'x-frame-options'])
      expect(page.headers[header]).toEqual((await api.get('/sign-in/refused')).headers[header])
    expect(page.body).not.toMatch(/<style|style=|<script(?![^>]*\bsrc=)|\son\w+=/)
    for (const { path, method } of operations()) expect(page.body).toContain(`${method.toUpperCase()} ${path}<`)
    for (const [, id] of page.body.matchAll(/href="#([^"]+)"/g)) expect(page.body).toContain(`id="${id}"`)
  })
})
