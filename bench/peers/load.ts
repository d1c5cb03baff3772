/** So many callers at once, each of whom takes the next journey and sends its commands one after the other. */
import { journeyWork, type Step, type ReferralWork } from './work.ts'

export interface Load {
  readonly callers: number
  readonly journeys: number
  /** The number of the first of them: no two loads of one log are about the same men. */
  readonly first: number
}

export interface Answered {
  readonly seconds: number
  /** How long each command took to be answered, in milliseconds. */
  readonly times: readonly number[]
}

export interface Caller {
  refer(referral: ReferralWork): Promise<string>
  execute(journeyId: string, step: Step): Promise<unknown>
}

export async function answeredTo({ callers, journeys, first }: Load, to: Caller): Promise<Answered> {
  const times: number[] = []
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const begun = performance.now()
    const answer = await work()
    times.push(performance.now() - begun)
    return answer
  }
  let next = first
  const call = async () => {
    while (next < first + journeys) {
      const { referral, steps } = journeyWork(next++)
      const id = await timed(() => to.refer(referral))
      for (const step of steps) await timed(() => to.execute(id, step))
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: callers }, call))
  return { seconds: (performance.now() - begun) / 1_000, times }
}

/**
 * A caller over HTTP, who gives each command a key by which it is recognised where it has to be sent again.
 * @param meant added to each body, for who asks whether the unusual is meant
 */
export function callerAt(url: string, token: string, meant: object): Caller {
  const post = async (path: string, body: object): Promise<{ journeyId: string }> => {
    const answer = await fetch(`${url}/api/journeys${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': crypto.randomUUID(),
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ ...body, ...meant }),
    })
    const text = await answer.text()
    if (answer.status !== 201) throw new Error(`POST ${path} was answered ${answer.status}: ${text}`)
    return JSON.parse(text) as { journeyId: string }
  }
  return {
    refer: async (referral) => (await post('', referral)).journeyId,
    execute: (id, { route, occurredOn, body }) => post(`/${id}/${route}`, { occurredOn, ...body }),
  }
}
