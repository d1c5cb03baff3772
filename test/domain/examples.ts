/**
 * One example of every event, with every field filled: what docs/events.md shows and what the specs of all events speak of.
 * A new event, or a new field, does not compile until it has its example. What is personal is marked as such in its text.
 */
import type { DomainEvent, EventType } from '../../src/domain/events.ts'
import type { Recorded } from '../../src/domain/history.ts'

type DataOf<T extends EventType> = Extract<DomainEvent, { type: T }>['data']

const note = 'PERSONAL note'
const asWritten = { outcome: 'PERSONAL as written' }
const journeyId = '0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88'
const participantId = '7f0c8f0e-2c55-5d0f-9d0a-6c3d0b9d6a11'
const about = 'PERSONAL about'
const details = {
  crn: 'PERSONAL crn',
  familyName: 'PERSONAL name',
  givenNames: 'PERSONAL names',
  dateOfBirth: 'PERSONAL date',
}

export const exampleData: { readonly [T in EventType]: Required<DataOf<T>> } = {
  ReferralReceived: {
    participantId: '7f0c8f0e-2c55-5d0f-9d0a-6c3d0b9d6a11',
    programme: { key: 'bbr', version: 1 },
    source: 'court_requirement',
    provider: 'North',
    reference: 'PERSONAL reference',
    note,
    asWritten,
  },
  EligibilityAssessed: { result: 'PERSONAL result', note, asWritten },
  SuitabilityDecided: { decision: 'suitable', result: 'PERSONAL result', note, asWritten },
  PlacedOnWaitingList: { note, asWritten },
  AllocatedToGroup: { groupId: 'N-07', note, asWritten },
  ThreeWayMeetingHeld: { note, asWritten },
  ProgrammeReviewCompleted: { note, asWritten },
  ProviderTransferAccepted: { provider: 'South', note, asWritten },
  AttendanceRecorded: {
    sessionId: 'F1',
    outcome: 'ATTC',
    groupId: 'N-07',
    plannedFacilitators: ['S01', 'S02'],
    actualFacilitators: ['S01', 'S03'],
    startedAt: '18:30',
    endedAt: '21:00',
    note,
    asWritten,
  },
  AttendanceCorrected: {
    sessionId: 'F1',
    outcome: 'UAAB',
    was: 'ATTC',
    corrects: 5,
    because: 'PERSONAL because',
    asWritten,
  },
  WarningIssued: { about, note, asWritten },
  BreachInitiated: { about, note, asWritten },
  BreachResolved: { about, note, asWritten },
  RecallRecorded: { about, note, asWritten },
  ParticipantDroppedOut: { reason: 'motivation', note, asWritten },
  ProgrammeCompleted: { note, asWritten },
  OutcomeRecategorised: { from: 'motivation', to: 'health', note, asWritten },
  JourneyReinstated: { because: 'PERSONAL because' },
  RecordCorrected: {
    corrects: 5,
    of: 'AllocatedToGroup',
    version: 1,
    data: { groupId: 'N-08', note },
    because: 'PERSONAL because',
  },
  RecordWithdrawn: { withdraws: 5, because: 'PERSONAL because' },
  ParticipantRegistered: { ...details, fingerprint: 'qk3v0bQ' },
  ErasureRequested: { reason: 'retention_ended', journeys: ['0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88'] },
  ErasureDeclined: { reason: 'evidence' },
  ErasureAuthorised: { reason: 'retention_ended', journeys: ['0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88'] },
  KeyDestroyed: { kind: 'participant' },
  RetentionHoldPlaced: { holdId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9', reason: 'inquiry' },
  StatementAdded: { statementId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9', text: 'PERSONAL text' },
  RecordDisputed: {
    disputeId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9',
    journeyId: '0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88',
    disputes: 5,
    text: 'PERSONAL text',
  },
  DisputeSettled: { disputeId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9', settlement: 'kept' },
  RetentionHoldReleased: { holdId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9', reason: 'inquiry' },
  ParticipantDetailsCorrected: { ...details, fingerprint: 'Zr81uYw', corrects: 0, because: 'PERSONAL because' },
  GroupFormed: {
    code: 'G101',
    programme: { key: 'bbr', version: 1 },
    provider: 'North',
    place: 'Mill Lane',
    slot: { weekday: 2, startsAt: '18:30', minutes: 150 },
    capacity: 12,
    facilitators: [
      { facilitator: 'S01', role: 'lead' },
      { facilitator: 'S02', role: 'co' },
    ],
  },
  GroupMemberJoined: { journeyId, participantId, note },
  GroupMemberLeft: { journeyId, participantId, reason: 'other_group', note },
  SessionScheduled: {
    groupId: '3a0d2c4f-7f0e-8c11-9d7a-51c0ffee0001',
    groupCode: 'G101',
    programme: { key: 'bbr', version: 1 },
    programmeSession: 'F1',
    on: '2025-03-04',
    startsAt: '18:30',
    minutes: 150,
    facilitators: [{ facilitator: 'S01', role: 'lead' }],
  },
  SessionRescheduled: { on: '2025-03-11', startsAt: '18:00', reason: 'room' },
  SessionCancelled: { reason: 'weather' },
  SessionDelivered: {
    startedAt: '18:35',
    minutes: 145,
    planned: [{ facilitator: 'S01', role: 'lead' }],
    actual: [{ facilitator: 'S03', role: 'lead', standIn: 'sickness' }],
    observers: ['S09'],
  },
  RegisterMarked: { journeyId, participantId, outcome: 'ATTC', minutes: 145, engagement: 'full', note },
  RegisterCorrected: {
    journeyId,
    participantId,
    outcome: 'UAAB',
    minutes: 0,
    engagement: 'not_stated',
    was: 'ATTC',
    corrects: '5f8f6c1a-6d55-5b1e-8a3c-0a4f5d1c2b3a',
    because: 'PERSONAL because',
  },
  FacilitatorOnboarded: { code: 'F012', provider: 'North', name: 'PERSONAL name' },
  FacilitatorLeft: { reason: 'moved_post' },
  TrainingCompleted: { course: 'bbr_facilitator', validUntil: '2027-03-03' },
  SupervisionHeld: { form: 'one_to_one', minutes: 60 },
  DebriefHeld: { form: 'pair', minutes: 20 },
  ContactRefused: { recordId: 'x1Jw7Pc', occurrence: 1, reason: 'not_allocated' },
  CaseAccessLimited: { kind: 'exclusion', people: ['CM007'], reason: 'knows_him', until: '2026-03-03' },
  CaseAccessLimitLifted: { limit: 0 },
  EvidencePackMade: {
    scope: 'journey',
    of: '0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88',
    events: 62,
    logSize: 1_204,
    digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    personalFields: true,
    reason: 'inspection',
  },
  RecordsExported: {
    kind: 'history_file',
    of: '0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88',
    records: 62,
    personalFields: true,
  },
}

export const exampleOf = (type: EventType): Recorded<DomainEvent> =>
  ({
    type,
    data: exampleData[type],
    id: '5f8f6c1a-6d55-5b1e-8a3c-0a4f5d1c2b3a',
    stream: 'journey-0b6b4d0e-5a0a-5c39-9f6f-3f2d1c0b9a88',
    revision: 6,
    metadata: {
      commandId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9',
      actor: { id: 'S01', role: 'facilitator', organisation: 'North' },
      occurredAt: '2025-03-03',
      recordedAt: '2025-03-03T20:15:00.000Z',
      schemaVersion: 1,
      correlationId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9',
      causationId: '2f1e0d9c-8b7a-4695-a453-423120f1e0d9',
      source: 'ui',
    },
  }) as Recorded<DomainEvent>
