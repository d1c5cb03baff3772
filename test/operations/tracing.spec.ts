import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { BadConfiguration, projectRoot, readConfig } from '../../src/runtime/config.ts'
import { startTracing, type Tracing } from '../../src/operations/tracing.ts'
import { aReferral } from '../api/support.ts'
import { serve, type Served } from '../support/served.ts'
import { appenderOf, temporaryDirectory } from '../support/runtime.ts'
import { accessTokenFor } from '../support/browsing.ts'

const personal = ['Marker-Smythe', 'Quillon', '1984-02-29', 'he said something private', 'REF-MARKER']

describe('a trace', () => {
  const memory = new InMemorySpanExporter()
  let served: Served
  let tracing: Tracing
  beforeAll(async () => {
    served = await serve({ journeys: 0 })
    tracing = startTracing(served.runtime.runner, new SimpleSpanProcessor({ exporter: memory }))
  })
  afterAll(async () => {
    await tracing.stop()
    await served.stop()
  })

  /** The spans of one trace, once what was written has been projected. */
  async function traced(traceId: string, projected: number): Promise<readonly ReadableSpan[]> {
    const all = () => memory.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
    await expect.poll(() => all().filter(({ name }) => name === 'project').length, { timeout: 5_000 }).toBe(projected)
    await expect.poll(() => all().some(({ kind }) => kind === 1), { timeout: 5_000 }).toBe(true)
    return all()
  }

  const post = (url: string, body: object) =>
    fetch(`${served.url}${url}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  it('goes from the request through the appends to the projection, under the id the asker was given', async () => {
    const answer = await post('/api/journeys', aReferral({ note: personal[3], reference: personal[4] }))
    expect(answer.status).toBe(201)
    const traceId = answer.headers.get('x-request-id')!.replaceAll('-', '')
    const spans = await traced(traceId, 2)
    const [request] = spans.filter(({ name }) => name === 'POST /api/journeys')
    expect(request!.parentSpanContext).toBeUndefined()
    expect(request!.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/api/journeys',
      'http.response.status_code': 201,
    })
    // The participant and the journey: two appends, and each projected.
    expect(spans.map(({ name }) => name).toSorted()).toEqual([
      'POST /api/journeys',
      'append',
      'append',
      'project',
      'project',
    ])
    for (const span of spans)
      if (span !== request)
        expect(span.parentSpanContext).toMatchObject({ traceId, spanId: request!.spanContext().spanId })
    const positions = (name: string) =>
      spans
        .filter((span) => span.name === name)
        .map(({ attributes }) => attributes['throughline.position'])
        .toSorted()
    expect(positions('project')).toEqual(positions('append'))
  })

  it('is the same for a form, and no two requests share one', async () => {
    const { journeyId } = (await (await post('/api/journeys', aReferral())).json()) as { journeyId: string }
    const address = `${served.url}/journeys/${journeyId}/contact`
    await expect.poll(async () => (await fetch(address)).status).toBe(200)
    const form = await fetch(address)
    const field = (name: string, html: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(html)![1]!
    const html = await form.text()
    const answer = await fetch(address, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: form.headers.get('set-cookie')!.split(';')[0]! },
      body: new URLSearchParams({
        _csrf: field('_csrf', html),
        commandId: field('commandId', html),
        contact: 'warning-issued',
        'happenedOn-day': '1',
        'happenedOn-month': '2',
        'happenedOn-year': '2025',
        confirmedOddities: 'far_from_today weekend',
        note: personal[3]!,
        step: 'confirm',
      }),
    })
    expect(answer.status).toBe(303)
    const last = (await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))).at(-1)!
    const { correlationId } = last.metadata as { correlationId: string }
    const spans = await traced(correlationId.replaceAll('-', ''), 1)
    // The look at the record, in its own stream and in that of who looked, and what was recorded; only this is projected.
    expect(spans.map(({ name }) => name).toSorted()).toEqual([
      'POST /journeys/:id/contact',
      'append',
      'append',
      'append',
      'project',
    ])
    const roots = memory.getFinishedSpans().filter(({ kind }) => kind === 1)
    expect(new Set(roots.map((span) => span.spanContext().traceId)).size).toBe(roots.length)
  })

  it('says how an append ended, and that it failed, without what was said', async () => {
    const appender = appenderOf(served.runtime)
    const event = { id: '6b1f3c1e-8f0a-4a53-9d2e-0c9c1f3b7a11', type: 'ContactRefused', data: {}, metadata: {} }
    await expect(appender.append('import-x', 7, [event])).rejects.toThrow()
    const span = memory
      .getFinishedSpans()
      .filter(({ name }) => name === 'append')
      .at(-1)!
    expect(span.attributes).toEqual({ 'throughline.events': 1, 'throughline.outcome': 'conflict' })
    expect(span.events).toEqual([])
  })

  it('carries nothing personal, nor any id or address of a journey', () => {
    const told = JSON.stringify(
      memory.getFinishedSpans().map(({ name, attributes, events, status, links, resource }) => ({
        name,
        attributes,
        events,
        status,
        links,
        resource: resource.attributes,
      })),
    )
    expect(told).toContain('POST /journeys/:id/contact')
    for (const text of personal) expect(told).not.toContain(text)
    expect(told).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/)
  })
})

describe('the application', () => {
  it('sends traces where it is told, and neither they nor its logs hold anything personal', async () => {
    const sent: Buffer[] = []
    const collector = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => sent.push(chunk)).on('end', () => response.end())
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void collector.close())
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
    const app = spawn(process.execPath, [join(projectRoot, 'dist/bundle/src/main.js')], {
      env: {
        ...process.env,
        DATA_DIR: temporaryDirectory(),
        PORT: '0',
        LOG_LEVEL: 'debug',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_SERVICE_NAME: 'throughline-spec',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const gone = new Promise((resolve) => app.once('exit', resolve))
    onTestFinished(() => void app.kill('SIGKILL'))
    let said = ''
    for (const stream of [app.stdout, app.stderr]) stream.on('data', (chunk: Buffer) => void (said += String(chunk)))
    await expect.poll(() => /Throughline is at (\S+)/.exec(said)?.[1], { timeout: 20_000 }).toBeTruthy()
    const url = /Throughline is at (\S+)/.exec(said)![1]!
    const issuer = /People sign in at (\S+)/.exec(said)![1]!
    const authorization = `Bearer ${await accessTokenFor(issuer, 'case_manager')}`
    const tell = (path: string, body: object | string) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
    const { journeyId } = (await (await tell('/api/journeys', aReferral({ reference: personal[4] }))).json()) as {
      journeyId: string
    }
    await tell(`/api/journeys/${journeyId}/three-way-meetings`, {
      occurredOn: '2025-02-01',
      note: personal[3],
      confirmedOddities: oddityCodes,
    })
    // What is refused, malformed or nowhere is told of no more.
    await tell(`/api/journeys/${journeyId}/warnings`, { occurredOn: personal[3], note: personal[3] })
    await tell('/api/journeys', `{"familyName":"${personal[0]}`)
    await fetch(`${url}/${personal[0]}?find=${personal[1]}`)
    await fetch(`${url}/`, { method: 'POST', body: new URLSearchParams({ find: personal[0]! }) })
    app.kill('SIGTERM')
    await gone
    const traces = Buffer.concat(sent).toString('latin1')
    for (const part of [
      'throughline-spec',
      'POST /api/journeys/:journeyId/three-way-meetings',
      'append',
      'project',
      'ThreeWayMeetingHeld',
    ])
      expect(traces).toContain(part)
    for (const text of [...personal, journeyId])
      expect([traces.includes(text), said.includes(text)]).toEqual([false, false])
  })

  it('traces nothing unless it is told where to', () => {
    expect(readConfig({}).tracesTo).toBeUndefined()
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }).tracesTo).toBe('http://127.0.0.1:4318')
    expect(() => readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'somewhere' })).toThrow(BadConfiguration)
  })
})
