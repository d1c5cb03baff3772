/** Synthetic journeys through Building Better Relationships: what happens on each, and when each thing was recorded. */
import { Chance } from './chance.ts'
import {
  type DayNumber,
  type Group,
  GroupTimetable,
  modules,
  placesInGroup,
  providers,
  type Room,
} from './group-schedule.ts'

/**
 * The figures the simulator is calibrated by. Where a figure was published, its source is named; every other one is our own
 * assumption, for demonstrations and tests only: nothing should be concluded from it.
 */
export const calibration = {
  /** 17,066 of 42,483 programmes imposed never commenced, England and Wales, Apr 2021–Mar 2025 (gov.uk ad hoc statistics, Oct 2025). */
  neverCommence: 0.4,
  /** 583 potential → 479 started group (Caledonian evaluation, gov.scot 2016, table C.2). */
  lostBeforeGroup: 0.18,
  /** Of those who start the group. Most are lost early: a Weibull hazard of about 2.2–2.5 % a session with shape 0.7. */
  lostFromGroup: 0.42,
  lossShape: 0.7,
  /** From referral to the first group session, log-normal: median five months, one in ten over a year. */
  waitMedianDays: 152,
  waitSigma: 0.683,
  unacceptableAbsence: 0.12,
  acceptableAbsence: 0.08,
  failedToComply: 0.06,
  /** Sent home, rescheduled, suspended. */
  neitherHereNorAbsent: 0.025,
  /** Within one to sixty days. */
  corrected: 0.03,
  /** More than five days after it happened. */
  recordedLate: 0.05,
  /** "Providers keener to have non-completions re-categorised" (HMI Probation 2018); the share is ours. */
  recategorised: 0.06,
  /** Of those who drop out; the sample logs we were given hold one re-referral for ten journeys. */
  referredAgain: 0.18,
} as const

/** One contact on a journey. Days and minutes count from 1 January 1970, wall clock. */
export interface Step {
  occurredOn: DayNumber
  recordedAt: number
  contact: string
  group: string
  session: string
  outcome: string
  room: Room | null
  provider: string
  recordedBy: string
  note: string
}

export interface Path {
  /** Participants are numbered from 0; one who is referred again keeps the number. */
  participant: number
  referral: number
  /** In order of recording; nothing occurs or is recorded after the last day of the log. */
  steps: Step[]
}

/** The 33 sessions in order: three one-to-ones, then each module of six and its one-to-one, a review midway and a final one. */
export const sessionSequence: readonly string[] = [
  ...['PG1', 'PG2', 'PG3'],
  ...['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'IF'],
  ...['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'IT'],
  'MR',
  ...['E1', 'E2', 'E3', 'E4', 'E5', 'E6', 'IE'],
  ...['R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'IR'],
  'FR',
]

/** Lays out journeys one after the other, in order of referral. The same options always lay out the same journeys. */
export class JourneyPlanner {
  private readonly seed: number
  private readonly from: DayNumber
  private readonly until: DayNumber
  private readonly journeys: number
  private readonly timetable: GroupTimetable
  private readonly allocatedTo: number[] = []
  private participants = 0
  /** Those who will be referred again, soonest first. Bounded: in a very large log some are simply not referred again. */
  private readonly returning: { participant: number; referral: number; due: DayNumber }[] = []

  constructor(options: { seed: number; from: DayNumber; until: DayNumber; journeys: number }) {
    this.seed = options.seed
    this.from = options.from
    this.until = options.until
    this.journeys = options.journeys
    const allocated = options.journeys * (1 - calibration.neverCommence)
    const daysBetweenStarts = ((options.until - options.from + 1) * 9.5) / allocated
    this.timetable = new GroupTimetable({
      seed: options.seed,
      firstStart: options.from + 45,
      daysBetweenStarts: Math.min(70, daysBetweenStarts),
    })
  }

  /** Referrals are spread evenly over the log, so journeys come in the order in which they start. */
  startOf(journey: number): DayNumber {
    const within = (journey + new Chance(this.seed, journey, 3).unit()) / this.journeys
    return this.from + Math.floor(within * (this.until - this.from + 1))
  }

  /** To be asked for each journey once, in order: who is referred again, and which groups are full, depends on those before. */
  path(journey: number): Path {
    const start = this.startOf(journey)
    const again = this.returning[0] && this.returning[0].due <= start ? this.returning.shift() : undefined
    const participant = again?.participant ?? this.participants++
    const referral = again?.referral ?? 1
    const chance = new Chance(this.seed, journey, 5)
    const steps: Step[] = []
    const recorder = new Recorder(steps, this.timetable, chance, this.until)

    const ended = this.walk(recorder, start, chance)
    if (ended && canReturn(ended.reason) && referral < 4 && chance.happens(calibration.referredAgain)) {
      this.expectAgain({ participant, referral: referral + 1, due: ended.on + chance.between(60, 420) })
    }

    const withinLog = steps.filter((step) => step.recordedAt < (this.until + 1) * minutesInDay)
    return { participant, referral, steps: withinLog.sort((one, other) => one.recordedAt - other.recordedAt) }
  }

  /** From referral to the end, if there is one. Answers how a journey without completion ended. */
  private walk(recorder: Recorder, start: DayNumber, chance: Chance): { on: DayNumber; reason: string } | null {
    const neverCommences = chance.happens(calibration.neverCommence)
    const suitable = !neverCommences || chance.happens(0.9)
    const home = chance.pick(providers)

    const referred = recorder.promptly({ occurredOn: start, contact: 'Referral', provider: home })
    const assessed = start + chance.between(3, 28)
    const decided = assessed + chance.between(0, 24)
    const earliest = referred.recordedAt + 30

    const drop = (on: DayNumber, reason: string) => this.dropOut(recorder, chance, on, reason, earliest)

    if (neverCommences && chance.happens(0.06)) {
      return drop(start + chance.between(1, 20), chance.pick(['duplicate_referral', 'entered_in_error', 'moved_area']))
    }
    recorder.write({
      occurredOn: assessed,
      contact: 'Eligibility assessed',
      outcome: chance.pick(['SARA medium', 'SARA high']),
      notBefore: earliest,
    })
    recorder.write({
      occurredOn: decided,
      contact: 'Suitability decided',
      outcome: suitable ? 'suitable' : 'not suitable',
      notBefore: earliest,
    })
    if (!suitable) {
      return drop(decided + chance.between(1, 14), chance.pick(['risk_reassessed', 'transferred_programme', 'other']))
    }
    const waiting = recorder.write({ occurredOn: decided, contact: 'Placed on waiting list', notBefore: earliest })

    if (neverCommences) {
      if (chance.happens(0.12)) return null // nobody ever closed it: overdue on the waiting list
      const left = decided + Math.ceil(chance.logNormal(170, 0.7))
      const reason = chance.weighted(reasonsBeforeStart)
      if (left - decided > 40 && chance.happens(0.1)) {
        const group = this.timetable.group(this.timetable.firstFrom(left)).name
        recorder.promptly({ occurredOn: left - chance.between(5, 20), contact: 'Allocated to group', group })
      }
      if (reason === 'recalled') {
        recorder.write({
          occurredOn: Math.max(decided, left - 3),
          contact: 'Recall',
          outcome: 'licence',
          notBefore: earliest,
        })
      }
      return drop(left, reason)
    }

    const ready = start + chance.logNormal(calibration.waitMedianDays, calibration.waitSigma)
    const group = this.allocate(Math.max(Math.ceil(ready), decided + 45))
    const allocatedOn = group.startsOn - chance.between(27, 35)
    if (group.provider !== home) {
      const transferredOn = chance.between(decided + 1, allocatedOn)
      recorder.write({
        occurredOn: transferredOn,
        contact: 'Provider transfer',
        provider: group.provider,
        notBefore: waiting.recordedAt,
      })
    }
    recorder.promptly({ occurredOn: allocatedOn, contact: 'Allocated to group', group: group.name })
    return this.attend(recorder, chance, group, drop)
  }

  /** The programme itself, session by session, until it is completed or the participant is lost. */
  private attend(
    recorder: Recorder,
    chance: Chance,
    group: Group,
    drop: (on: DayNumber, reason: string) => { on: DayNumber; reason: string },
  ): { on: DayNumber; reason: string } | null {
    // Absence is not spread evenly: most men miss little, a few miss a lot. The factors average one.
    const unreliability = chance.weighted([[0.5, 6] as const, [1.5, 3] as const, [2.5, 1] as const])
    const held = sessionsBeforeLoss(chance)
    let absences = 0
    let attendedFirst: Step | null = null
    let lastOn = group.startsOn - 23
    let breachUntil: DayNumber | null = null

    for (let index = 0; index < held; index++) {
      const session = sessionSequence[index]!
      const inGroup = group.sessions.get(session)
      const on =
        inGroup?.on ??
        (index < 3 ? group.startsOn - 21 + 7 * index + chance.between(-2, 2) : lastOn + chance.between(1, 5))
      const outcome = outcomeOf(chance, unreliability)
      const room = inGroup ?? group.oneToOne(moduleOf(session), chance)
      const note = chance.happens(0.65) ? chance.pick(sessionNotes) : ''
      const recorded = recorder.write({
        occurredOn: on,
        contact: 'Session',
        group: group.name,
        session,
        outcome,
        room,
        note,
      })
      if (isAttended(outcome) && (!attendedFirst || recorded.recordedAt < attendedFirst.recordedAt))
        attendedFirst = recorded
      if (chance.happens(calibration.corrected)) recorder.correct(recorded)
      lastOn = on

      if (outcome === 'UAAB') {
        absences++
        const next = { notBefore: recorded.recordedAt + 5 }
        if (absences >= 3 && breachUntil === null && chance.happens(0.4)) {
          const begun = on + chance.between(2, 9)
          breachUntil = begun + chance.between(21, 120)
          recorder.write({ ...next, occurredOn: begun, contact: 'Breach initiated', outcome: 'unacceptable absences' })
        } else if (chance.happens(0.3)) {
          recorder.write({
            ...next,
            occurredOn: on + chance.between(0, 3),
            contact: 'Warning',
            outcome: 'unacceptable absence',
          })
        }
      }
      if (breachUntil !== null && breachUntil <= on) {
        recorder.write({ occurredOn: breachUntil, contact: 'Breach resolved', outcome: 'programme continues' })
        breachUntil = null
      }
      const endsModule = session.length === 2 && session.startsWith('I')
      if (endsModule && chance.happens(0.6)) {
        recorder.write({ occurredOn: on + chance.between(0, 6), contact: 'Three-way meeting' })
      }
      if ((session === 'MR' || session === 'FR') && chance.happens(0.7)) {
        recorder.write({
          occurredOn: on + chance.between(0, 3),
          contact: 'Programme review',
          outcome: session === 'MR' ? 'mid' : 'final',
        })
      }
      if (chance.happens(0.0008)) recorder.write({ occurredOn: on + 1, contact: 'Recall', outcome: 'released again' })
    }

    const { handover } = group
    if (handover && handover.on <= lastOn) {
      recorder.write({ occurredOn: handover.on, contact: 'Provider transfer', provider: handover.to })
    }

    if (held === sessionSequence.length && attendedFirst) {
      const on = lastOn + chance.between(10, 45)
      if (breachUntil !== null) {
        recorder.write({
          occurredOn: Math.min(breachUntil, on),
          contact: 'Breach resolved',
          outcome: 'programme completed',
        })
      }
      recorder.write({ occurredOn: on, contact: 'Completed', notBefore: attendedFirst.recordedAt + 5 })
      return null
    }

    const on = lastOn + chance.between(2, 24)
    const reason =
      breachUntil !== null
        ? chance.pick(['missed_sessions', 'missed_sessions', 'order_revoked', 'remanded_or_sentenced'])
        : absences >= 2 && chance.happens(0.45)
          ? 'missed_sessions'
          : chance.weighted(reasonsOnProgramme)
    if (reason === 'recalled')
      recorder.write({ occurredOn: chance.between(lastOn, on), contact: 'Recall', outcome: 'licence' })
    return drop(on, reason)
  }

  private dropOut(
    recorder: Recorder,
    chance: Chance,
    on: DayNumber,
    reason: string,
    notBefore: number,
  ): { on: DayNumber; reason: string } {
    recorder.forgetAfter(on)
    const dropped = recorder.write({ occurredOn: on, contact: 'Dropped out', outcome: reason, notBefore })
    if (chance.happens(calibration.recategorised)) {
      const others = [...reasonsBeforeStart, ...reasonsOnProgramme].filter(([other]) => other !== reason)
      recorder.write({
        occurredOn: Math.floor(dropped.recordedAt / minutesInDay) + chance.between(7, 120),
        contact: 'Outcome recategorised',
        outcome: chance.weighted(others),
        note: 'Changed after review.',
      })
    }
    return { on, reason }
  }

  /** The first group, from about the day on, that has a place left. */
  private allocate(day: DayNumber): Group {
    let number = this.timetable.firstFrom(day)
    while ((this.allocatedTo[number] ?? 0) >= placesInGroup) number++
    this.allocatedTo[number] = (this.allocatedTo[number] ?? 0) + 1
    return this.timetable.group(number)
  }

  private expectAgain(who: { participant: number; referral: number; due: DayNumber }): void {
    if (this.returning.length >= 4096 || who.due > this.until) return
    const place = this.returning.findIndex((other) => other.due > who.due)
    this.returning.splice(place < 0 ? this.returning.length : place, 0, who)
  }
}

/** Writes a journey down as people do: mostly the same day, sometimes days later, now and then weeks. */
class Recorder {
  private readonly steps: Step[]
  private readonly timetable: GroupTimetable
  private readonly chance: Chance
  private readonly until: DayNumber

  constructor(steps: Step[], timetable: GroupTimetable, chance: Chance, until: DayNumber) {
    this.steps = steps
    this.timetable = timetable
    this.chance = chance
    this.until = until
  }

  write(what: Partial<Step> & { occurredOn: DayNumber; contact: string; notBefore?: number }): Step {
    const { chance } = this
    const roll = chance.unit()
    const late =
      roll < calibration.recordedLate ? 6 + Math.floor(45 * chance.unit() ** 2) : roll < 0.25 ? chance.between(1, 3) : 0
    return this.put(what, late)
  }

  /** Nothing can follow a referral or an allocation that nobody has written down yet. */
  promptly(what: Partial<Step> & { occurredOn: DayNumber; contact: string }): Step {
    const late = this.chance.weighted([[0, 70] as const, [1, 20] as const, [2, 10] as const])
    return this.put(what, Math.max(0, Math.min(late, this.until - what.occurredOn)))
  }

  /** The first record was wrong; now and then the correction was, too. */
  correct(recorded: Step): void {
    const { chance } = this
    let { outcome, recordedAt } = recorded
    const first = outcome
    do {
      const others = isAttended(outcome) ? ['UAAB', ...acceptableAbsences] : ['ATTC', 'ATTC', 'AAAA', 'AAME', 'CO05']
      const believed =
        outcome !== first && chance.happens(0.5) ? first : chance.pick(others.filter((other) => other !== outcome))
      outcome = believed
      recordedAt += chance.between(1, 60) * minutesInDay + chance.between(0, 40)
      const { occurredOn, session } = recorded
      const step = { occurredOn, contact: 'Session correction', session, outcome, note: 'Recorded wrongly.' }
      this.put({ ...step, notBefore: recordedAt }, Math.floor(recordedAt / minutesInDay) - occurredOn)
    } while (chance.happens(0.06))
  }

  /** What would have happened after the end did not happen. */
  forgetAfter(day: DayNumber): void {
    let kept = 0
    for (const step of this.steps) {
      if (step.occurredOn <= day || step.contact === 'Session correction') this.steps[kept++] = step
    }
    this.steps.length = kept
  }

  private put(
    what: Partial<Step> & { occurredOn: DayNumber; contact: string; notBefore?: number },
    daysLater: number,
  ): Step {
    const { chance } = this
    // Working hours and evening groups; never at night, so summer time takes no hour away from us.
    const minute = daysLater === 0 ? chance.between(600, 1259) : chance.between(540, 1139)
    const step: Step = {
      occurredOn: what.occurredOn,
      recordedAt: Math.max((what.occurredOn + daysLater) * minutesInDay + minute, what.notBefore ?? 0),
      contact: what.contact,
      group: what.group ?? '',
      session: what.session ?? '',
      outcome: what.outcome ?? '',
      room: what.room ?? null,
      provider: what.provider ?? '',
      recordedBy: this.timetable.anyone(chance),
      note: what.note ?? '',
    }
    this.steps.push(step)
    return step
  }
}

/** Which module's pair of facilitators a one-to-one session is with. */
function moduleOf(session: string): number {
  if (session === 'MR') return 1
  if (session === 'FR') return 3
  return session.startsWith('I') ? modules.findIndex((module) => session.endsWith(module)) : 0
}

/** How many of the 33 sessions are held before the participant is lost; all of them if he is not. */
function sessionsBeforeLoss(chance: Chance): number {
  if (chance.happens(calibration.lostBeforeGroup)) return chance.between(1, 3)
  const fromGroup = sessionSequence.length - 3
  const scale = fromGroup / (-Math.log(1 - calibration.lostFromGroup)) ** (1 / calibration.lossShape)
  const lostAt = scale * (-Math.log(1 - chance.unit())) ** (1 / calibration.lossShape)
  return lostAt >= fromGroup ? sessionSequence.length : 4 + Math.min(fromGroup - 2, Math.floor(lostAt))
}

function outcomeOf(chance: Chance, unreliability: number): string {
  const absent = calibration.unacceptableAbsence * unreliability
  let roll = chance.unit()
  if ((roll -= absent) < 0) return 'UAAB'
  if ((roll -= calibration.acceptableAbsence) < 0) return chance.pick(acceptableAbsences)
  if ((roll -= calibration.neitherHereNorAbsent) < 0) return chance.weighted(neitherHereNorAbsent)
  return roll < calibration.failedToComply ? 'AFTC' : 'ATTC'
}

export const isAttended = (outcome: string) => outcome === 'ATTC' || outcome === 'AFTC'

const canReturn = (reason: string) => !['died', 'duplicate_referral', 'entered_in_error', 'moved_area'].includes(reason)

export const minutesInDay = 1440

export const acceptableAbsences = 'AAAA AAME AARE AASD AAHO AAEM AAFC AACL AARC CO05 CO10'.split(' ')

const neitherHereNorAbsent = [
  ['RSOF', 29],
  ['ATSS', 29],
  ['RSSR', 23],
  ['ATSH', 20],
  ['IAPSD', 3],
] as const

const reasonsBeforeStart = [
  ['order_expired', 24],
  ['order_revoked', 14],
  ['moved_area', 14],
  ['recalled', 12],
  ['remanded_or_sentenced', 12],
  ['requirement_removed', 8],
  ['work', 4],
  ['health', 4],
  ['risk_reassessed', 3],
  ['transferred_programme', 3],
  ['died', 2],
] as const

/** Missed sessions come on top, for those who missed them. */
const reasonsOnProgramme = [
  ['motivation', 12],
  ['recalled', 10],
  ['remanded_or_sentenced', 10],
  ['order_expired', 8],
  ['attitude', 7],
  ['behaviour_outside_group', 7],
  ['alcohol_or_drugs', 7],
  ['behaviour_in_group', 5],
  ['order_revoked', 5],
  ['health', 5],
  ['work', 4],
  ['family', 3],
  ['moved_area', 3],
  ['risk_reassessed', 2],
  ['requirement_removed', 2],
  ['other', 2],
  ['transferred_programme', 1],
  ['died', 1],
] as const

const sessionNotes = [
  'Arrived late; apologised.',
  'Took part in the skills practice.',
  'Quiet today. Asked to speak afterwards about sleep.',
  'Phone rang; asked to leave it outside.',
  'Homework done and shared with the group.',
  'Homework not done; agreed to bring it next time.',
  'Minimised at first, then listened when others challenged him.',
  'Named a moment in the week when he stepped away.',
  'Interrupted twice; reminded of the group agreement.',
  'Supported a newer member of the group.',
]
