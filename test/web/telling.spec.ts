import type { FastifyReply } from 'fastify'
import { describe, expect, it } from 'vitest'
import { StaleRevision } from '../../src/commands/decide-and-append.ts'
import type { JourneyCommandHandler } from '../../src/commands/journey-command-handler.ts'
import { Refusal } from '../../src/domain/history.ts'
import { StoreUnavailable } from '../../src/event-store/event-store.ts'
import { Telling } from '../../src/web/forms/telling.ts'
import type { JourneyPage } from '../../src/web/layout/journey-page.ts'

describe('telling the door', () => {
  it('leads on to where the event stands, waiting for it', async () => {
    expect(await told(async () => ({ revision: 7, position: '99' }))).toEqual({
      error: null,
      to: '/j?done=contact&after=99#event-7',
    })
  })

  it('twice leads on all the same, waiting for what was told the first time', async () => {
    expect(await told(async () => 'nothing_new')).toEqual({ error: null, to: '/j?done=already&after=77' })
  })

  it('what the rules refuse comes back at the field that mends it', async () => {
    const { error } = await told(fail(new Refusal('recorded_before_occurred', 'Check the date.')))
    expect(error).toEqual({ field: 'on-day', text: 'Check the date.' })
    expect((await told(fail(new Refusal('something_new', 'No.')))).error).toEqual({ field: 'contact', text: 'No.' })
  })

  it('when the record has changed, or the log does not answer, loses nothing and claims nothing', async () => {
    expect((await told(fail(new StaleRevision(1, 2)))).error).toMatchObject({ field: 'contact' })
    const { error } = await told(fail(new StoreUnavailable()))
    expect(error).toMatchObject({ status: 503 })
    expect(error!.text).toContain('cannot say whether this was recorded')
  })

  it('what nobody foresaw is not hidden', () => expect(told(fail(new Error('bug')))).rejects.toThrow('bug'))
})

const fail = (error: Error) => () => Promise.reject(error)

async function told(tell: () => Promise<unknown>) {
  const said = { to: null as string | null }
  const reply = {
    redirect: (to: string, status: number) => {
      expect(status).toBe(303)
      said.to = to
    },
  } as unknown as FastifyReply
  const telling = new Telling({ execute: tell, headPositionOf: async () => '77' } as unknown as JourneyCommandHandler)
  const page = { journeyId: 'j', path: '/j', as: {} } as JourneyPage
  const error = await telling.tell(
    page,
    reply,
    'HoldThreeWayMeeting',
    {},
    { occurredOn: '2024-01-01', commandId: 'c' },
    {
      done: 'contact',
      mends: { recorded_before_occurred: 'on-day' },
      otherwise: 'contact',
    },
  )
  return { error, to: said.to }
}
