import { describe, expect, it } from 'vitest'
import { expectProblem, running } from './support.ts'

const api = running()

interface Described {
  readonly paths: Readonly<
    Record<string, { post?: { requestBody?: { content: { 'application/json': { schema: { $ref: string } } } } } }>
  >
  readonly components: {
    readonly schemas: Readonly<Record<string, { properties: Record<string, { example: unknown }> }>>
  }
}

/** The example of the body of each command, from the description itself. */
async function examples(): Promise<Map<string, Record<string, unknown>>> {
  const { paths, components } = (await api.get('/api/openapi.json')).json<Described>()
  return new Map(
    Object.entries(paths).flatMap(([path, { post }]) => {
      const ref = post?.requestBody?.content['application/json'].schema.$ref
      if (!ref || !path.startsWith('/api/facilitators')) return []
      const { properties } = components.schemas[ref.split('/').at(-1)!]!
      return [[path, Object.fromEntries(Object.entries(properties).map(([name, { example }]) => [name, example]))]]
    }),
  )
}

describe('a facilitator, through the API', () => {
  it('begins, is trained and supported, and leaves: the examples of the description work', async () => {
    const bodies = await examples()
    expect(bodies.size).toBe(5)
    const onboarding = bodies.get('/api/facilitators')!
    const first = await api.post('/api/facilitators', onboarding)
    expect(first.statusCode, first.body).toBe(201)
    const [facilitatorId] = first.json<{ ids: [string] }>().ids
    let position = ''
    for (const path of ['training', 'supervision', 'debriefs', 'departure']) {
      const body = bodies.get(`/api/facilitators/{facilitatorId}/${path}`)!
      const answer = await api.post(`/api/facilitators/${facilitatorId}/${path}`, body)
      expect(answer.statusCode, answer.body).toBe(201)
      position = answer.json<{ position: string }>().position
    }
    const listed = (await api.get(`/api/facilitators?after=${position}`)).json<unknown[]>()
    expect(listed).toEqual([
      {
        facilitatorId,
        code: 'F077',
        name: 'Rowan Vale',
        provider: 'North',
        leftOn: '2025-03-04',
        trainings: [
          {
            course: 'bbr_facilitator',
            on: '2025-03-04',
            validUntil: '2027-03-04',
            hasLapsed: new Date().toISOString() > '2027-03-05',
          },
        ],
        sessions: 0,
        evenings: 0,
        outstanding: 0,
      },
    ])
  })

  it('is refused what cannot be, with the code of the rule', async () => {
    const body = { occurredOn: '2025-03-04', code: 'F078', name: 'Ines Calder', provider: 'North' }
    const headers = { 'idempotency-key': 'one-facilitator' }
    const [one, again] = [
      await api.post('/api/facilitators', body, headers),
      await api.post('/api/facilitators', body, headers),
    ]
    expect([one.statusCode, again.statusCode]).toEqual([201, 200])
    expectProblem(await api.post('/api/facilitators', body), 409, 'already_on_the_list')
    const [id] = one.json<{ ids: [string] }>().ids
    const training = { occurredOn: '2025-03-04', course: 'bbr_facilitator', validUntil: '2025-03-03' }
    expectProblem(await api.post(`/api/facilitators/${id}/training`, training), 422, 'lapsed_before')
    const nobody = '3f0c0f0e-5b0a-4a53-9d2e-0c9c1f3b7a11'
    expectProblem(
      await api.post(`/api/facilitators/${nobody}/supervision`, {
        occurredOn: '2025-03-04',
        form: 'pair',
        minutes: 30,
      }),
      404,
      'not_on_the_list',
    )
  })

  it('has a name that the log holds only sealed', async () => {
    const name = 'Quillon Marsh'
    const body = { occurredOn: '2025-03-04', code: 'F079', name, provider: 'North' }
    const [id] = (await api.post('/api/facilitators', body)).json<{ ids: [string] }>().ids
    const stored = await Array.fromAsync(api.runtime.store.read(`facilitator-${id}`))
    expect(stored).toHaveLength(1)
    expect(
      JSON.stringify(stored, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('Quillon')
  })
})
