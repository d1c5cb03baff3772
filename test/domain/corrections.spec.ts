/** Every event of a journey, corrected, withdrawn, corrected again, its correction withdrawn: before the end and after it, on both clocks. */
import { describe, expect, it } from 'vitest'
import type { Recorded } from '../../src/domain/history.ts'
import { isFactType } from '../../src/domain/journey/correctable.ts'
import { figuresOf, statusOf } from '../../src/domain/journey/figures.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { believedNow, journeyAt } from '../../src/domain/journey/replay.ts'
import type { JourneyFacts } from '../../src/domain/journey/state.ts'
import { versionsIn } from '../../src/domain/journey/versions.ts'
import { given, recorded, refusalOf, withoutRevisions, type Fact } from './given.ts'
import {
  allocated,
  attendance,
  breached,
  completed,
  correction,
  correctRecord,
  dated,
  droppedOut,
  eligible,
  everyCommand,
  found,
  met,
  placedIn,
  recalled,
  recategorised,
  referred,
  reinstated,
  resolved,
  reviewed,
  told,
  transferredTo,
  waiting,
  warned,
  withdrawRecord,
} from './words.ts'

type Spoken = Fact<JourneyEvent>

/** A journey in which each event type can stand last, told before anything else ends it. */
const before: readonly Spoken[] = [referred, allocated, attendance('PG1', 'ATTC')]
const left = droppedOut('motivation')

interface Told {
  /** What was told before it. */
  readonly after: readonly Spoken[]
  readonly event: Spoken
  /** As it should have been told, and again otherwise. */
  readonly rightly: Spoken
  readonly again: Spoken
}

const otherwise = (event: Spoken, data: object, on = event.on): Spoken =>
  ({ on, event: { type: event.event.type, data: { ...event.event.data, ...data } } }) as unknown as Spoken

const simply = (event: Spoken, after = before): Told => ({
  after,
  event,
  rightly: otherwise(event, { note: 'another man' }),
  again: otherwise(event, { note: 'another man' }, '2025-04-28'),
})

/** One of each; a new event type does not compile until it is here. */
const everyFact: { readonly [T in JourneyEvent['type']]: Told | 'puts another right' } = {
  ReferralReceived: {
    after: [],
    event: referred,
    rightly: otherwise(referred, { provider: 'west' }),
    again: otherwise(referred, { provider: 'west', source: 'voluntary' }, '2025-01-05'),
  },
  EligibilityAssessed: simply(eligible),
  SuitabilityDecided: {
    after: before,
    event: found('not_ready'),
    rightly: otherwise(found('suitable'), {}),
    again: dated(found('suitable'), '2025-01-21'),
  },
  PlacedOnWaitingList: simply(waiting),
  AllocatedToGroup: {
    after: [referred],
    event: allocated,
    rightly: placedIn('G2'),
    again: dated(placedIn('G2'), '2025-02-10'),
  },
  ThreeWayMeetingHeld: simply(met),
  ProgrammeReviewCompleted: simply(reviewed),
  ProviderTransferAccepted: {
    after: before,
    event: transferredTo('south'),
    rightly: transferredTo('east'),
    again: dated(transferredTo('east'), '2025-03-13'),
  },
  AttendanceRecorded: {
    after: before,
    event: attendance('F1', 'ATTC', ['amy']),
    rightly: attendance('F1', 'UAAB', ['amy', 'eve']),
    again: dated(attendance('F2', 'UAAB', ['eve']), '2025-03-04'),
  },
  WarningIssued: simply(warned),
  BreachInitiated: simply(breached),
  BreachResolved: simply(resolved, [...before, breached]),
  RecallRecorded: simply(recalled),
  ParticipantDroppedOut: {
    after: before,
    event: left,
    rightly: droppedOut('health'),
    again: dated(droppedOut('health'), '2025-05-03'),
  },
  ProgrammeCompleted: simply(completed, before),
  JourneyReinstated: {
    after: [...before, left],
    event: reinstated,
    rightly: otherwise(reinstated, { because: 'an appeal' }),
    again: otherwise(reinstated, { because: 'an appeal' }, '2025-05-21'),
  },
  AttendanceCorrected: 'puts another right',
  OutcomeRecategorised: 'puts another right',
  RecordCorrected: 'puts another right',
  RecordWithdrawn: 'puts another right',
}

/** The events of one journey: what is told, then commands that are decided on it, each recorded on a day of its own. */
class Log {
  readonly events: Recorded<JourneyEvent>[]
  constructor(...facts: readonly Spoken[]) {
    this.events = recorded(...facts)
  }
  tell(command: JourneyCommand): this {
    const commandId = `command-${this.events.length}`
    const state = journeyHistory.fold(journeyHistory.initial, this.events)
    const [event] = journeyHistory.decide(state, { ...command, commandId })
    expect(event).toBeDefined()
    const at = `2025-06-${String(this.events.length + 1).padStart(2, '0')}T12:00:00.000Z`
    const news = recorded({ event: event!, on: command.occurredOn, at, commandId })
    this.events.push({ ...news[0]!, revision: this.events.length, id: `event-${this.events.length}` })
    return this
  }
  /** As the command handler issues it: what is said until now is read from the log. */
  correct(revision: number, to: Spoken): this {
    const { of, on, data } = versionsIn(this.events).said.get(revision)!
    const said = { on, event: { type: of, data } } as unknown as Spoken
    const changes = Object.fromEntries(
      Object.entries(to.event.data).filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(data[field])),
    )
    return this.tell(told(correctRecord(revision, changes, said), { occurredOn: to.on, recordedOn: '2025-07-01' }))
  }
  withdraw(revision: number): this {
    return this.tell(told(withdrawRecord(revision), { recordedOn: '2025-07-01' }))
  }
  get head(): number {
    return this.events.length - 1
  }
  get facts(): JourneyFacts {
    return believedNow(this.events)
  }
}

const said = ({ corrections: _, ...facts }: JourneyFacts) => withoutRevisions({ ...facts, corrections: 0 })
const simplyTold = (...facts: readonly Spoken[]) => said(believedNow(recorded(...facts)))

const ends = (type: JourneyEvent['type']) => type === 'ParticipantDroppedOut' || type === 'ProgrammeCompleted'

for (const [type, one] of Object.entries(everyFact) as [JourneyEvent['type'], Told | string][]) {
  if (typeof one === 'string') continue
  const { after, event, rightly, again } = one
  const revision = after.length
  // What must stand for the journey to have ended, told after the event in question.
  const closing = [
    ...(type === 'ReferralReceived' || type === 'AllocatedToGroup' ? before.slice(revision + 1) : []),
    left,
  ]
  const times = ends(type)
    ? { 'before the end': [] as Spoken[], 'after the end': [] as Spoken[] }
    : {
        'before the end': [] as Spoken[],
        'after the end': type === 'JourneyReinstated' ? [dated(left, '2025-05-25')] : closing,
      }
  for (const [time, then] of Object.entries(times)) {
    const log = () => new Log(...after, event, ...then)
    const needed = then.length > 0 && ['ReferralReceived', 'AllocatedToGroup', 'JourneyReinstated'].includes(type)
    describe(`${type}, ${time},`, () => {
      it('corrected: what is believed is what it should have said', () => {
        const corrected = log().correct(revision, rightly)
        expect(said(corrected.facts)).toEqual(simplyTold(...after, rightly, ...then))
        expect(corrected.facts.corrections).toBe(1)
      })
      it('corrected again: the last correction is believed', () => {
        const twice = log().correct(revision, rightly)
        expect(said(twice.correct(twice.head, again).facts)).toEqual(simplyTold(...after, again, ...then))
        expect(twice.facts.corrections).toBe(2)
      })
      it('its correction withdrawn: as if it had never been corrected', () => {
        const back = log().correct(revision, rightly)
        expect(said(back.withdraw(back.head).facts)).toEqual(simplyTold(...after, event, ...then))
        expect(back.facts.corrections).toBe(0)
      })
      if (needed) {
        it('is not withdrawn while what rests on it stands', () =>
          expect(refusalOf(() => log().withdraw(revision))).toBe('makes_impossible'))
      } else {
        it('withdrawn: as if it had never been told, and put back again', () => {
          const withdrawn = log().withdraw(revision)
          expect(said(withdrawn.facts)).toEqual(simplyTold(...after, ...then))
          expect(said(withdrawn.withdraw(withdrawn.head).facts)).toEqual(simplyTold(...after, event, ...then))
        })
        it('corrected, then withdrawn: nothing is left of it, its correction neither', () => {
          const gone = log().correct(revision, rightly).withdraw(revision)
          expect(said(gone.facts)).toEqual(simplyTold(...after, ...then))
          expect(gone.facts.corrections).toBe(0)
        })
      }
      it('is on the clock of what was known as it was told, until it was put right', () => {
        const corrected = log().correct(revision, rightly)
        const [told, putRight] = [corrected.events.at(-2)!, corrected.events.at(-1)!]
        const known = (by: string) => journeyAt(corrected.events, { clock: 'known', by })
        const [earliest, latest] = [told, putRight].map(({ metadata }) => metadata.recordedAt) as [string, string]
        const justBefore = corrected.events
          .slice(0, -1)
          .map(({ metadata }) => metadata.recordedAt)
          .toSorted()
          .at(-1)!
        expect(earliest <= justBefore && justBefore < latest).toBe(true)
        expect(said(known(justBefore).facts)).toEqual(simplyTold(...after, event, ...then))
        expect(said(known(latest).facts)).toEqual(simplyTold(...after, rightly, ...then))
        expect(known(justBefore).changedSince.map((change) => change.revision)).toEqual([putRight.revision])
        expect(known(latest).changedSince).toEqual([])
      })
      it('is on the clock of what happened where it is now believed to have happened', () => {
        const moved = log().correct(revision, rightly)
        moved.correct(moved.head, again)
        const by = (day: string) => journeyAt(moved.events, { clock: 'happened', by: day })
        const plain = recorded(...after, again, ...then)
        for (const day of [event.on, again.on, '2025-04-01', '2025-05-05', '2025-06-30']) {
          const expected = journeyAt(plain, { clock: 'happened', by: day })
          expect(said(by(day).facts), day).toEqual(said(expected.facts))
          expect({ ...by(day).figures, corrections: 0 }, day).toEqual(expected.figures)
          expect(by(day).status, day).toBe(expected.status)
        }
      })
    })
  }
}

describe('what puts another right', () => {
  const wrong = [...before, attendance('F1', 'ATTC'), correction('F1', 'ATTC', 'UAAB', 3)]
  it('a correction of attendance is itself corrected: the whole session is said anew', () => {
    const log = new Log(...wrong).correct(4, dated(attendance('F1', 'AAME'), '2025-03-04'))
    expect(log.facts.sessions.get('F1')).toMatchObject({ outcome: 'AAME', heldOn: '2025-03-04' })
    expect(log.events.at(-1)).toMatchObject({ data: { corrects: 4, of: 'AttendanceRecorded' } })
    expect(figuresOf(log.facts).corrections).toBe(2)
  })
  it('a correction of attendance is withdrawn: the first record is believed again', () =>
    expect(new Log(...wrong).withdraw(4).facts.sessions.get('F1')?.outcome).toBe('ATTC'))
  it('the first record no longer stands once it is corrected: the correction is', () =>
    expect(refusalOf(() => new Log(...wrong).correct(3, attendance('F1', 'AAME')))).toBe('no_longer_stands'))
  it('the session itself is withdrawn with all that was said of it', () => {
    const { facts } = new Log(...wrong).withdraw(3)
    expect([facts.sessions.has('F1'), facts.corrections]).toEqual([false, 0])
  })

  const twice = [...before, left, recategorised('motivation', 'health')]
  it('a recategorisation is corrected: the whole drop-out is said anew', () => {
    const log = new Log(...twice).correct(4, dated(droppedOut('work'), '2025-05-04'))
    expect(log.facts.ending).toMatchObject({ reason: 'work', on: '2025-05-04' })
    expect(log.facts.recategorisations).toBe(1)
  })
  it('a recategorisation is withdrawn: the first reason is believed again, and it is in no count', () => {
    const { facts } = new Log(...twice).withdraw(4)
    expect([facts.ending?.reason, facts.recategorisations]).toEqual(['motivation', 0])
  })

  it('a correction of a correction is withdrawn: the first correction stands again', () => {
    const log = new Log(...before, transferredTo('south'))
      .correct(3, transferredTo('east'))
      .correct(4, transferredTo('west'))
    expect(log.withdraw(5).facts.provider).toBe('east')
  })
  it('the last is put right first: a correction beneath another does not stand', () => {
    const log = new Log(...before, transferredTo('south'))
      .correct(3, transferredTo('east'))
      .correct(4, transferredTo('west'))
    expect(refusalOf(() => log.withdraw(4))).toBe('no_longer_stands')
    expect(refusalOf(() => log.correct(4, transferredTo('north')))).toBe('no_longer_stands')
  })
  it('a withdrawal is withdrawn, and its own withdrawal too', () => {
    const log = new Log(...before, warned).withdraw(3)
    expect(log.facts.warnings).toBe(0)
    expect(log.withdraw(4).facts.warnings).toBe(1)
    expect(log.withdraw(5).facts.warnings).toBe(0)
    expect(refusalOf(() => log.withdraw(4))).toBe('no_longer_stands')
  })
  it('a withdrawal is not corrected, it is withdrawn', () =>
    expect(refusalOf(() => new Log(...before, warned).withdraw(3).tell(correctRecord(4, { note: 'x' }, warned)))).toBe(
      'not_correctable',
    ))
})

describe('an ending', () => {
  it('withdrawn never ended the journey: what comes later is recorded', () => {
    const log = new Log(...before, completed).withdraw(3)
    expect(statusOf(log.facts)).toBe('on_programme')
    log.tell(told(everyCommand.IssueWarning, { occurredOn: '2025-06-01' }))
    expect(log.facts.warnings).toBe(1)
  })
  it('is not put back once the journey went on beyond it', () => {
    const log = new Log(...before, completed).withdraw(3)
    log.tell(told(everyCommand.IssueWarning, { occurredOn: '2025-06-01' }))
    expect(refusalOf(() => log.withdraw(4))).toBe('makes_impossible')
  })
  it('reinstated was an ending: the journey goes on from the day it was decided, and may end again', () => {
    const log = new Log(...before, left).tell(told(everyCommand.ReinstateJourney, { occurredOn: '2025-05-20' }))
    const on = (day: string) => statusOf(journeyAt(log.events, { clock: 'happened', by: day }).facts)
    expect([on('2025-05-04'), on('2025-05-19'), on('2025-05-20')]).toEqual([
      'on_programme',
      'withdrawn',
      'on_programme',
    ])
    log.tell(told(everyCommand.DropOut, { occurredOn: '2025-06-01' }))
    expect(log.facts.ending).toMatchObject({ on: '2025-06-01', reason: 'health' })
  })
  it('is not reinstated before it ended, nor where it did not', () => {
    given(...before)
      .when(everyCommand.ReinstateJourney)
      .thenRefused('not_ended')
    given(...before, left)
      .when(told(everyCommand.ReinstateJourney, { occurredOn: '2025-05-04' }))
      .thenRefused('before_the_end')
  })
})

describe('a correction is refused', () => {
  const sessions = [...before, attendance('F1', 'ATTC'), attendance('F2', 'UAAB')]
  const messageOf = (act: () => unknown): string => {
    try {
      act()
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  it('where it says what the record says', () =>
    expect(refusalOf(() => new Log(...sessions).correct(3, attendance('F1', 'ATTC')))).toBe('nothing_to_correct'))
  it('where it gives no reason', () => {
    const command = correctRecord(1, { groupId: 'G2' }, allocated)
    const silent = { ...command, data: { ...command.data, because: ' ' } } as JourneyCommand
    given(...before)
      .when(silent)
      .thenRefused('no_reason')
  })
  it('of an event that is not there', () =>
    given(...before)
      .when(correctRecord(9, { groupId: 'G2' }, allocated))
      .thenRefused('no_such_record'))
  it('where two records would be of one session', () => {
    // F1 is the record that is corrected; as F2 it comes first, so that it is F2 that would be recorded twice.
    const twice = () => new Log(...sessions).correct(3, attendance('F2', 'ATTC'))
    expect(refusalOf(twice)).toBe('makes_impossible')
    expect(messageOf(twice)).toContain('the session F2 of 3 March 2025 (event 4)')
    expect(refusalOf(() => new Log(...sessions).correct(4, attendance('F1', 'UAAB')))).toBe('already_recorded')
  })
  it('where a completion would be left without a session attended, and says which', () => {
    const undone = () => new Log(...before, completed).correct(2, attendance('PG1', 'UAAB'))
    expect(messageOf(undone)).toContain('the completion of the programme of 5 May 2025 (event 3)')
  })
  it('where something would have happened before the referral, and says which', () => {
    const late = () => new Log(...before).correct(0, dated(referred, '2025-02-04'))
    expect(messageOf(late)).toContain('the allocation to a group of 3 February 2025 (event 1)')
    expect(refusalOf(() => new Log(...before).correct(1, dated(allocated, '2025-01-05')))).toBe('before_referral')
  })
  it('where an ending would come before what is on record, and says which', () => {
    const early = () => new Log(...before, completed).correct(3, dated(completed, '2025-03-02'))
    expect(messageOf(early)).toContain('the session PG1 of 3 March 2025 (event 2)')
  })
  it('for nothing that was already impossible: a contact log may hold what the rules of today forbid', () => {
    const odd = [referred, dated(eligible, '2024-12-01'), allocated]
    expect(new Log(...odd).correct(2, placedIn('G2')).facts.groupId).toBe('G2')
    expect(new Log(...odd).correct(1, otherwise(dated(eligible, '2024-12-01'), { note: 'x' })).head).toBe(3)
  })
  it('of who he is, and of the reference: these are another referral', () => {
    given(...before)
      .when(correctRecord(0, { participantId: 'another' }, referred))
      .thenRefused('not_correctable')
  })
})

it('a journey of 10,000 events with corrections is folded in well under a second', () => {
  const many = recorded<JourneyEvent>(referred, ...Array.from({ length: 9_997 }, () => warned))
  const log = new Log()
  log.events.push(...many)
  log.withdraw(5).correct(6, otherwise(warned, { note: 'x' }))
  const begun = performance.now()
  expect(log.facts.warnings).toBe(9_996)
  expect(performance.now() - begun).toBeLessThan(1_000)
})

it('every event type is a fact or puts one right', () => {
  for (const [type, one] of Object.entries(everyFact)) expect(typeof one === 'string', type).toBe(!isFactType(type))
})
