import { describe, expect, it } from 'vitest'
import { running, type Written } from './support.ts'

const api = running()

/** Opens the stream as a browser does, and hands over one message after another. */
async function listen(journeyId: string) {
  const stop = new AbortController()
  const response = await fetch(`${await urlOf()}/api/journeys/${journeyId}/live`, { signal: stop.signal })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const texts = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let heard = ''
  return {
    stop: () => stop.abort(),
    async revision(wanted: number): Promise<void> {
      while (!heard.includes(`data: {"revision":${wanted}}\n\n`)) {
        const { value, done } = await texts.read()
        if (done) throw new Error(`The stream ended after ${JSON.stringify(heard)}.`)
        heard += value
      }
    },
    async end(): Promise<string> {
      for (;;) {
        const { value, done } = await texts.read()
        if (done) return heard
        heard += value
      }
    },
  }
}

async function urlOf(): Promise<string> {
  const { server } = api.app.getHttpAdapter().getInstance()
  if (!server.listening) await api.app.listen(0, '127.0.0.1')
  return api.app.getUrl()
}

describe('somebody who looks at a journey', () => {
  it('is told the revision it has, and each one added, once it can be shown', async () => {
    const id = await api.journey()
    const looking = await listen(id)
    await looking.revision(1)
    for (const revision of [2, 3]) {
      const written = (await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' })).json<Written>()
      expect(written.revision).toBe(revision)
      await looking.revision(revision)
      expect((await api.get(`/api/journeys/${id}`)).headers.etag).toBe(`"${revision}"`)
    }
    looking.stop()
  })

  it('is told nothing of other journeys, and nothing personal', async () => {
    const [id, other] = [await api.journey(), await api.journey()]
    const looking = await listen(id)
    await looking.revision(1)
    await api.post(`/api/journeys/${other}/warnings`, { occurredOn: '2025-02-04', about: 'Quillon' })
    await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04', about: 'Quillon' })
    await looking.revision(2)
    looking.stop()
  })

  it('who asks with HEAD is not kept', async () => {
    const id = await api.journey()
    const response = await fetch(`${await urlOf()}/api/journeys/${id}/live`, { method: 'HEAD' })
    expect(response.status).toBe(200)
  })

  it('is let go when the service closes, which does not wait for him', async () => {
    const id = await api.journey()
    const looking = await listen(id)
    await looking.revision(1)
    const begun = Date.now()
    const ended = looking.end()
    await api.app.close()
    expect(await ended).toMatch(/^retry: 3000\n\nid: 1\ndata: \{"revision":1\}\n\n$/)
    expect(Date.now() - begun).toBeLessThan(2_000)
  })
})
