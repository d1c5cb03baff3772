/** The rules of one record of the partner-safety strand. */
import { describe, expect, it } from 'vitest'
import { Refusal, type Recorded } from '../../src/domain/history.ts'
import {
  isWithdrawable,
  partnerSafetyHistory,
  partnerStandingOf,
  type PartnerSafetyEvent,
  type PartnerSafetyFacts,
} from '../../src/domain/partner-safety/partner-safety.ts'

const { initial, decide, evolve } = partnerSafetyHistory
const today = '2026-11-28'

/** A record to which commands are given one after the other. */
class Given {
  facts: PartnerSafetyFacts = initial
  private revision = -1

  tell(event: PartnerSafetyEvent, on = today, actor = 'PS001', commandId: string = crypto.randomUUID()): number {
    for (const decided of decide(this.facts, { ...event, commandId, occurredOn: on, recordedOn: today })) {
      const actorOf = { id: actor, role: 'partner_safety_worker', organisation: 'here' }
      const metadata = { commandId, actor: actorOf, occurredAt: on, recordedAt: `${today}T10:00:00.000Z` }
      const recorded = { ...decided, id: commandId, stream: 's', revision: ++this.revision, metadata }
      this.facts = evolve(this.facts, recorded as unknown as Recorded<PartnerSafetyEvent>)
    }
    return this.revision
  }

  refusalOf(event: PartnerSafetyEvent, on = today): string {
    try {
      this.tell(event, on)
    } catch (error) {
      if (error instanceof Refusal) return error.code
      throw error
    }
    return 'none'
  }
}

const askedFor: PartnerSafetyEvent = { type: 'ContactOfferAskedFor', data: { journeyId: 'j', participantId: 'p' } }
const partner: PartnerSafetyEvent = {
  type: 'PartnerRecorded',
  data: { name: 'A', relation: 'former_partner', safeWays: 'By text' },
}
const offered: PartnerSafetyEvent = { type: 'ContactOffered', data: { way: 'telephone' } }
const answered = (answer: 'accepted' | 'declined' | 'withdrawn', nextOn?: string): PartnerSafetyEvent => ({
  type: 'ContactOfferAnswered',
  data: { answer, ...(nextOn && { nextOn }) },
})
const contacted = (nextOn?: string): PartnerSafetyEvent => ({
  type: 'PartnerContacted',
  data: { way: 'video', outcome: 'spoke', ...(nextOn && { nextOn }) },
})
const raised: PartnerSafetyEvent = { type: 'PartnerConcernRaised', data: { concern: 'stalking_or_harassment' } }

const working = () => {
  const given = new Given()
  for (const event of [askedFor, partner, offered, answered('accepted', '2026-12-01')]) given.tell(event)
  return given
}

describe('the record of a partner', () => {
  it('begins when an offer is asked for, once', () => {
    const given = new Given()
    expect(given.refusalOf(partner)).toBe('no_partner_record')
    given.tell(askedFor, today, 'CM001')
    expect(given.tell(askedFor, today, 'CM002')).toBe(0)
    expect(given.facts).toMatchObject({ journeyId: 'j', participantId: 'p', askedForOn: today, isRecorded: false })
    // Who asked does not work on it.
    expect([...given.facts.workers]).toEqual([])
  })

  it('asks who the partner is before contact is offered, and for a yes before there is contact', () => {
    const given = new Given()
    given.tell(askedFor)
    expect(given.refusalOf(offered)).toBe('partner_not_recorded')
    given.tell(partner)
    expect(given.refusalOf(partner)).toBe('partner_recorded')
    expect(given.refusalOf(answered('accepted'))).toBe('contact_not_offered')
    given.tell(offered)
    expect(given.refusalOf(contacted())).toBe('contact_not_accepted')
    expect(given.refusalOf(answered('withdrawn'))).toBe('contact_not_accepted')
    given.tell(answered('declined'))
    expect(given.refusalOf(contacted())).toBe('contact_not_accepted')
    given.tell(answered('accepted'))
    given.tell(contacted())
    expect(partnerStandingOf(given.facts)).toMatchObject({ answer: 'accepted', lastContactOn: today })
  })

  it('knows when the next contact is due, until contact is not wanted any more', () => {
    const given = working()
    expect(partnerStandingOf(given.facts).nextOn).toBe('2026-12-01')
    given.tell(contacted('2026-12-08'))
    expect(partnerStandingOf(given.facts).nextOn).toBe('2026-12-08')
    given.tell(answered('withdrawn'))
    expect(partnerStandingOf(given.facts)).toMatchObject({ answer: 'withdrawn', nextOn: null })
  })

  it('takes a withdrawn entry out of what stands, and leaves it on record', () => {
    const given = working()
    const contact = given.tell(contacted('2026-12-08'))
    expect(isWithdrawable(given.facts, contact)).toBe(true)
    given.tell({ type: 'PartnerEntryWithdrawn', data: { withdraws: contact, reason: 'wrong_person' } })
    expect(partnerStandingOf(given.facts)).toMatchObject({ nextOn: '2026-12-01', lastContactOn: null })
    expect(given.facts.entries.has(contact)).toBe(true)
    for (const withdraws of [contact, 1, 99])
      expect(given.refusalOf({ type: 'PartnerEntryWithdrawn', data: { withdraws, reason: 'wrong_person' } })).toBe(
        'not_withdrawable',
      )
  })

  it('keeps a concern open until it is settled, and closes only then', () => {
    const given = working()
    const concern = given.tell(raised)
    expect(given.refusalOf({ type: 'PartnerWorkClosed', data: { reason: 'programme_over' } })).toBe('concern_open')
    given.tell({ type: 'PartnerConcernPassedOn', data: { raised: concern, to: 'police' } })
    given.tell({ type: 'PartnerConcernPassedOn', data: { raised: concern, to: 'marac' } })
    // Others were told of it by now.
    expect(isWithdrawable(given.facts, concern)).toBe(false)
    given.tell({ type: 'PartnerConcernSettled', data: { raised: concern, settlement: 'safety_plan' } })
    expect(partnerStandingOf(given.facts).concerns).toMatchObject([
      { raised: concern, passedOn: [{ to: 'police' }, { to: 'marac' }], settled: { settlement: 'safety_plan' } },
    ])
    expect(given.refusalOf({ type: 'PartnerConcernPassedOn', data: { raised: concern, to: 'police' } })).toBe(
      'no_open_concern',
    )
    given.tell({ type: 'PartnerWorkClosed', data: { reason: 'programme_over' } })
    expect(given.refusalOf(raised)).toBe('partner_work_closed')
    expect(partnerStandingOf(given.facts).nextOn).toBe(null)
  })

  it('refuses what is no choice, a day to come and empty details', () => {
    const given = working()
    expect(given.refusalOf({ type: 'ContactOffered', data: { way: 'pigeon' as never } })).toBe('unknown_choice')
    expect(given.refusalOf(raised, '2026-11-29')).toBe('recorded_before_occurred')
    expect(given.refusalOf({ ...partner, type: 'PartnerDetailsChanged', data: { ...partner.data, name: ' ' } } as never)).toBe('partner_details_missing') // prettier-ignore
    expect(given.refusalOf(contacted('2026-02-30'))).toBe('unknown_next_day')
  })

  it('answers a command that is sent again with nothing new', () => {
    const given = working()
    const revision = given.tell(contacted(), today, 'PS001', 'once')
    expect(given.tell(contacted(), today, 'PS001', 'once')).toBe(revision)
  })
})
