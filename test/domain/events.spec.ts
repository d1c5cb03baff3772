import { describe, expect, it } from 'vitest'
import { detailOf, sentenceOf, wordsOf } from '../../src/domain/event-words.ts'
import { eventTypes, isEventType, privacyOf, sealedFieldsOf, type EventType } from '../../src/domain/events.ts'
import { outcomes, outcomeCodes, reasonCodes } from '../../src/domain/journey/outcomes.ts'
import { suitabilities } from '../../src/domain/journey/referral.ts'
import type { Classified } from '../../src/domain/privacy.ts'
import { exampleData, exampleOf } from './examples.ts'
import { recordedAs, type Fact } from './given.ts'
import { attendance, correction, droppedOut, found, placedIn, recategorised, referred, transferredTo } from './words.ts'

const said = (fact: Fact) => sentenceOf(recordedAs(fact, 3))

describe('every event', () => {
  for (const type of eventTypes) {
    it(`${type} has each of its fields classified, and no other`, () =>
      expect(Object.keys(privacyOf[type]).toSorted()).toEqual(Object.keys(exampleData[type]).toSorted()))
    it(`${type} has one plain sentence, which says nothing about who he is`, () => {
      const sentence = sentenceOf(exampleOf(type))
      expect(sentence).toMatch(/^[A-Z].*\.$/)
      expect(sentence).not.toMatch(/PERSONAL|undefined|null|\[object|\n/)
    })
    it(`${type} seals what is personal in it, and nothing else`, () => {
      const marked = Object.entries(exampleData[type])
        .filter(([, value]) => JSON.stringify(value).includes('PERSONAL'))
        .map(([field]) => field)
      // What a correction says anew is sealed field by field.
      const anew = Object.entries(privacyOf[type]).flatMap(([field, privacy]) => (privacy === 'as_told' ? [field] : []))
      expect([...sealedFieldsOf(type), ...anew].toSorted()).toEqual(marked.toSorted())
    })
  }
  it('is known by its name, and by no other', () => {
    expect(eventTypes.toSorted()).toEqual(Object.keys(exampleData).toSorted())
    for (const type of eventTypes) expect(isEventType(type)).toBe(true)
    for (const other of ['', 'AttendanceEdited', 'attendanceRecorded', 'constructor', '__proto__', 'toString']) {
      expect(isEventType(other), other).toBe(false)
    }
  })
})

describe('the words for an event', () => {
  it('name each event and each contact once', () => {
    const [names, contacts] = [
      eventTypes.map((type) => wordsOf(type).name),
      eventTypes.map((type) => wordsOf(type).contact),
    ]
    expect(new Set(names).size).toBe(eventTypes.length)
    expect(new Set(contacts.filter((name) => name !== null)).size).toBe(contacts.filter((name) => name !== null).length)
  })
  it('fit on the line of a journey', () => {
    for (const type of eventTypes) expect(wordsOf(type).shortName, type).toMatch(/^\S.{0,14}$/)
  })
  it('say beside the name what the event says, and nothing about who he is', () => {
    expect(detailOf(recordedAs(found('not_ready'), 3))).toBe('Suitable but not ready')
    expect(detailOf(recordedAs(found('not_stated'), 3))).toBe('')
    expect(detailOf(recordedAs(correction('F1', 'ATTC', 'UAAB', 2), 3))).toBe(
      'Attended, complied (ATTC) became Unacceptable absence',
    )
    for (const type of eventTypes) expect(detailOf(exampleOf(type)), type).not.toMatch(/PERSONAL|undefined|null/)
  })
})

describe('privacy', () => {
  it('is asked of every field by the compiler', () => {
    type Noted = { type: 'Noted'; data: { open: string; forgotten?: string } }
    // @ts-expect-error a field without a classification does not compile
    const forgetful: Classified<Noted> = { Noted: { open: 'open' } }
    expect(forgetful).toBeDefined()
  })
  it('lets no field that was sealed be opened without a word: these are stored', () => {
    const noted = ['asWritten', 'note']
    const enforcement = ['about', 'asWritten', 'note']
    const details = ['crn', 'dateOfBirth', 'familyName', 'givenNames']
    expect(Object.fromEntries(eventTypes.map((type) => [type, [...sealedFieldsOf(type)].toSorted()]))).toEqual({
      ReferralReceived: ['asWritten', 'note', 'reference'],
      EligibilityAssessed: ['asWritten', 'note', 'result'],
      SuitabilityDecided: ['asWritten', 'note', 'result'],
      PlacedOnWaitingList: noted,
      AllocatedToGroup: noted,
      ThreeWayMeetingHeld: noted,
      ProgrammeReviewCompleted: noted,
      ProviderTransferAccepted: noted,
      AttendanceRecorded: noted,
      AttendanceCorrected: ['asWritten', 'because'],
      WarningIssued: enforcement,
      BreachInitiated: enforcement,
      BreachResolved: enforcement,
      RecallRecorded: enforcement,
      ParticipantDroppedOut: noted,
      ProgrammeCompleted: noted,
      OutcomeRecategorised: noted,
      JourneyReinstated: ['because'],
      // What it says anew is sealed as its own type says: see the spec of sealing.
      RecordCorrected: ['because'],
      RecordWithdrawn: ['because'],
      ParticipantRegistered: details,
      ParticipantDetailsCorrected: ['because', ...details],
      ErasureRequested: [],
      ErasureDeclined: [],
      ErasureAuthorised: [],
      KeyDestroyed: [],
      RetentionHoldPlaced: [],
      RetentionHoldReleased: [],
      StatementAdded: ['text'],
      RecordDisputed: ['text'],
      DisputeSettled: [],
      GroupFormed: [],
      GroupMemberJoined: ['note'],
      GroupMemberLeft: ['note'],
      SessionScheduled: [],
      SessionRescheduled: [],
      SessionCancelled: [],
      SessionDelivered: [],
      RegisterMarked: ['note'],
      RegisterCorrected: ['because'],
      FacilitatorOnboarded: ['name'],
      FacilitatorLeft: [],
      TrainingCompleted: [],
      SupervisionHeld: [],
      DebriefHeld: [],
      ContactRefused: [],
      EvidencePackMade: [],
      CaseAccessLimited: [],
      CaseAccessLimitLifted: [],
      RecordsExported: [],
    } satisfies Record<EventType, string[]>)
  })
  it('calls health, risk and offences special', () => {
    const special = eventTypes.flatMap((type) =>
      Object.entries(privacyOf[type])
        .filter(([, privacy]) => privacy === 'special')
        .map(([field]) => `${type}.${field}`),
    )
    expect(special.toSorted()).toEqual([
      'BreachInitiated.about',
      'BreachResolved.about',
      'EligibilityAssessed.result',
      'RecallRecorded.about',
      'SuitabilityDecided.result',
      'WarningIssued.about',
    ])
  })
})

describe('a sentence', () => {
  it('names the session, the outcome in words and in code, and who was in the room', () =>
    expect(said(attendance('IF', 'AAFC', ['amy', 'cem']))).toBe(
      'Foundation: individual session (IF): acceptable absence: family or childcare (AAFC), with amy and cem in the room.',
    ))
  it('says so where nobody is named', () =>
    expect(said(attendance('F1', 'ATTC', []))).toContain('with nobody named in the room'))
  it('says of a correction what was believed, what is, and which event said otherwise', () =>
    expect(said(correction('F1', 'ATTC', 'UAAB', 7))).toBe(
      'The record of Foundation 1 (F1) was corrected from ATTC to UAAB (unacceptable absence); event 7 said otherwise.',
    ))
  it('keeps the code of a session it has no name for', () => expect(said(attendance('Z9', 'ATTC'))).toMatch(/^Z9: /))
  it('says of a recategorisation both reasons', () =>
    expect(said(recategorised('motivation', 'moved_area'))).toBe(
      'The reason for leaving was recategorised from motivation to moved area.',
    ))
  it('says so where a group, a provider or a referrer is not named', () => {
    expect(said(placedIn(''))).toBe('He was allocated to group (not named).')
    expect(said(transferredTo(''))).toBe('His journey was taken over by another provider.')
    const event = {
      type: 'ReferralReceived',
      data: { participantId: 'he', programme: { key: 'bbr', version: 1 }, source: 'voluntary', provider: '' },
    } as const
    expect(said({ ...referred, event })).toBe('He was referred to the programme bbr.')
  })
  it('is there for every outcome, every reason and every decision', () => {
    for (const code of outcomeCodes) expect(said(attendance('F1', code))).toContain(outcomes[code].toLowerCase())
    for (const reason of reasonCodes)
      expect(said(droppedOut(reason))).toMatch(/^He dropped out; the reason on record: [a-z].*\.$/)
    expect(new Set(suitabilities.map((decision) => said(found(decision)))).size).toBe(suitabilities.length)
  })
})
