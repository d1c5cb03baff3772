/** Every event in words: what it is called, how much it weighs on the line of a journey, and its one plain sentence. */
import { dayInWords } from './calendar.ts'
import type { DomainEvent, EventType } from './events.ts'
import { facilitatorDepartures, supportForms, trainingCourses } from './facilitator/training.ts'
import { changeReasons, departures, type PlannedFacilitator } from './group/room.ts'
import { exportKinds, isExportKind, packReasons } from './evidence-pack.ts'
import { decliningReasons, erasureReasons, holdReasons } from './erasure.ts'
import type { Recorded } from './history.ts'
import { limitKinds, limitReasons } from './limited-access.ts'
import { nounOf } from './journey/correctable.ts'
import { outcomes, reasons } from './journey/outcomes.ts'
import { suitabilityNames } from './journey/referral.ts'
import { settlements } from './statements.ts'
import { programmeAt, sessionOf } from './programme.ts'

/** How an event stands out on the line of a journey. A session weighs what its outcome counts as. */
export type Weight =
  | 'session'
  | 'milestone'
  | 'warning'
  | 'breach'
  | 'completed'
  | 'dropped_out'
  | 'correction'
  | 'recategorisation'
  | 'withdrawal'
  /** Kept in the log and not on the line of a journey. */
  | 'none'

export interface EventWords<E> {
  /** What practitioners call it: on the timeline, in forms, in lists. */
  readonly name: string
  /** The same in as few letters as fit on the line. */
  readonly shortName: string
  /** What a contact log calls it, or null where no contact becomes this event. It is the format of the import: never rename it. */
  readonly contact: string | null
  readonly weight: Weight
  /** What the event says beside its name; empty where that is nothing. */
  readonly detail?: (event: Recorded<E>) => string
  /** Says nothing about who he is. */
  readonly sentence: (event: Recorded<E>) => string
}

/** An event type without words does not compile. */
const eventWords = {
  ReferralReceived: {
    name: 'Referral',
    shortName: 'Referred',
    contact: 'Referral',
    weight: 'milestone',
    detail: ({ data }) => (data.provider ? `to ${data.provider}` : ''),
    sentence: ({ data }) =>
      `He was referred to the programme ${data.programme.key}${data.provider ? ` at ${data.provider}` : ''}.`,
  },
  EligibilityAssessed: {
    name: 'Eligibility assessed',
    shortName: 'Assessed',
    contact: 'Eligibility assessed',
    weight: 'milestone',
    sentence: () => 'His eligibility was assessed.',
  },
  SuitabilityDecided: {
    name: 'Suitability decided',
    shortName: 'Suitability',
    contact: 'Suitability decided',
    weight: 'milestone',
    detail: ({ data }) => (data.decision === 'not_stated' ? '' : suitabilityNames[data.decision]),
    sentence: ({ data }) =>
      ({
        suitable: 'It was decided that the programme is suitable for him.',
        not_ready: 'It was decided that the programme is suitable for him but that he is not ready.',
        not_suitable: 'It was decided that the programme is not suitable for him.',
        not_stated: 'A decision was made on whether the programme is suitable for him.',
      })[data.decision],
  },
  PlacedOnWaitingList: {
    name: 'Placed on waiting list',
    shortName: 'Waiting list',
    contact: 'Placed on waiting list',
    weight: 'milestone',
    sentence: () => 'He was placed on the waiting list.',
  },
  AllocatedToGroup: {
    name: 'Allocated to group',
    shortName: 'Allocated',
    contact: 'Allocated to group',
    weight: 'milestone',
    detail: ({ data }) => data.groupId,
    sentence: ({ data }) => `He was allocated to group ${data.groupId || '(not named)'}.`,
  },
  ThreeWayMeetingHeld: {
    name: 'Three-way meeting',
    shortName: '3-way meeting',
    contact: 'Three-way meeting',
    weight: 'milestone',
    sentence: () => 'A three-way meeting was held.',
  },
  ProgrammeReviewCompleted: {
    name: 'Programme review',
    shortName: 'Review',
    contact: 'Programme review',
    weight: 'milestone',
    sentence: () => 'A programme review was completed.',
  },
  ProviderTransferAccepted: {
    name: 'Provider transfer',
    shortName: 'New provider',
    contact: 'Provider transfer',
    weight: 'milestone',
    detail: ({ data }) => data.provider,
    sentence: ({ data }) => `His journey was taken over by ${data.provider || 'another provider'}.`,
  },
  AttendanceRecorded: {
    name: 'Session',
    shortName: 'Session',
    contact: 'Session',
    weight: 'session',
    detail: ({ data }) => outcomes[data.outcome],
    sentence: ({ data }) =>
      `${sessionName(data.sessionId)}: ${outcomes[data.outcome].toLowerCase()} (${data.outcome}), with ${room(data.actualFacilitators)} in the room.`,
  },
  AttendanceCorrected: {
    name: 'Correction',
    shortName: 'Corrected',
    contact: 'Session correction',
    weight: 'correction',
    detail: ({ data }) => `${outcomes[data.was]} (${data.was}) became ${outcomes[data.outcome]}`,
    sentence: ({ data }) =>
      `The record of ${sessionName(data.sessionId)} was corrected from ${data.was} to ${data.outcome} (${outcomes[data.outcome].toLowerCase()}); event ${data.corrects} said otherwise.`,
  },
  WarningIssued: {
    name: 'Warning',
    shortName: 'Warning',
    contact: 'Warning',
    weight: 'warning',
    sentence: () => 'He was given a warning.',
  },
  BreachInitiated: {
    name: 'Breach initiated',
    shortName: 'Breach',
    contact: 'Breach initiated',
    weight: 'breach',
    sentence: () => 'Breach proceedings were begun.',
  },
  BreachResolved: {
    name: 'Breach resolved',
    shortName: 'Breach resolved',
    contact: 'Breach resolved',
    weight: 'milestone',
    sentence: () => 'The breach was resolved.',
  },
  RecallRecorded: {
    name: 'Recall',
    shortName: 'Recall',
    contact: 'Recall',
    weight: 'breach',
    sentence: () => 'He was recalled to prison.',
  },
  ParticipantDroppedOut: {
    name: 'Dropped out',
    shortName: 'Dropped out',
    contact: 'Dropped out',
    weight: 'dropped_out',
    detail: ({ data }) => reasons[data.reason],
    sentence: ({ data }) => `He dropped out; the reason on record: ${reasons[data.reason].toLowerCase()}.`,
  },
  ProgrammeCompleted: {
    name: 'Programme complete',
    shortName: 'Completed',
    contact: 'Completed',
    weight: 'completed',
    sentence: () => 'He completed the programme.',
  },
  OutcomeRecategorised: {
    name: 'Reason for leaving recategorised',
    shortName: 'Recategorised',
    contact: 'Outcome recategorised',
    weight: 'recategorisation',
    detail: ({ data }) => `${reasons[data.from]} became ${reasons[data.to].toLowerCase()}`,
    sentence: ({ data }) =>
      `The reason for leaving was recategorised from ${reasons[data.from].toLowerCase()} to ${reasons[data.to].toLowerCase()}.`,
  },
  JourneyReinstated: {
    name: 'Journey reinstated',
    shortName: 'Reinstated',
    contact: null,
    weight: 'milestone',
    sentence: () => 'It was decided that the journey goes on although it had ended.',
  },
  RecordCorrected: {
    name: 'Record corrected',
    shortName: 'Corrected',
    contact: null,
    weight: 'correction',
    detail: ({ data }) => `${nounOf(data.of, data.data)}, event ${data.corrects}`,
    sentence: (event) =>
      `Event ${event.data.corrects}, about the ${nounOf(event.data.of, event.data.data)}, was corrected. It now says: ${sentenceOf(saidAnewBy(event))}`,
  },
  RecordWithdrawn: {
    name: 'Record withdrawn',
    shortName: 'Withdrawn',
    contact: null,
    weight: 'withdrawal',
    detail: ({ data }) => `event ${data.withdraws}`,
    sentence: ({ data }) => `Event ${data.withdraws} was withdrawn as recorded in error.`,
  },
  ParticipantRegistered: {
    name: 'Participant registered',
    shortName: 'Registered',
    contact: null,
    weight: 'none',
    sentence: () => 'He became known to the service.',
  },
  ParticipantDetailsCorrected: {
    name: 'Details corrected',
    shortName: 'Details',
    contact: null,
    weight: 'none',
    sentence: () => 'His personal details were corrected.',
  },
  ErasureRequested: {
    name: 'Erasure asked for',
    shortName: 'Erasure asked',
    contact: null,
    weight: 'none',
    detail: ({ data }) => erasureReasons[data.reason],
    sentence: ({ data }) => `The erasure of his personal data was asked for: ${lower(erasureReasons[data.reason])}.`,
  },
  ErasureDeclined: {
    name: 'Erasure declined',
    shortName: 'Declined',
    contact: null,
    weight: 'none',
    detail: ({ data }) => decliningReasons[data.reason],
    sentence: ({ data }) =>
      `The erasure that was asked for does not go ahead: ${lower(decliningReasons[data.reason])}.`,
  },
  ErasureAuthorised: {
    name: 'Erasure authorised',
    shortName: 'Authorised',
    contact: null,
    weight: 'none',
    detail: ({ data }) => erasureReasons[data.reason],
    sentence: ({ data }) => `The erasure of his personal data was authorised: ${lower(erasureReasons[data.reason])}.`,
  },
  KeyDestroyed: {
    name: 'Key destroyed',
    shortName: 'Erased',
    contact: null,
    weight: 'none',
    sentence: () => 'His key was destroyed: what was sealed under it can be read by nobody.',
  },
  RetentionHoldPlaced: {
    name: 'Hold placed',
    shortName: 'Hold',
    contact: null,
    weight: 'none',
    detail: ({ data }) => holdReasons[data.reason],
    sentence: ({ data }) => `His record was put on hold and cannot be erased: ${lower(holdReasons[data.reason])}.`,
  },
  RetentionHoldReleased: {
    name: 'Hold released',
    shortName: 'Released',
    contact: null,
    weight: 'none',
    detail: ({ data }) => holdReasons[data.reason],
    sentence: ({ data }) => `A hold of his record was released: ${lower(holdReasons[data.reason])}.`,
  },
  StatementAdded: {
    name: 'Statement added',
    shortName: 'Statement',
    contact: null,
    weight: 'none',
    sentence: () => 'He added a statement of his own to his record.',
  },
  RecordDisputed: {
    name: 'Record disputed',
    shortName: 'Disputed',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `event ${data.disputes}`,
    sentence: ({ data }) => `He says that event ${data.disputes} of a journey of his is not accurate.`,
  },
  DisputeSettled: {
    name: 'Dispute settled',
    shortName: 'Settled',
    contact: null,
    weight: 'none',
    detail: ({ data }) => settlements[data.settlement],
    sentence: ({ data }) => `What he disputed was looked into: ${lower(settlements[data.settlement])}.`,
  },
  GroupFormed: {
    name: 'Group formed',
    shortName: 'Group formed',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${data.code} at ${data.place}`,
    sentence: ({ data }) =>
      `Group ${data.code} was formed for the programme ${data.programme.key} at ${data.place}, with ${data.capacity} places.`,
  },
  GroupMemberJoined: {
    name: 'Joined a group',
    shortName: 'Joined',
    contact: null,
    weight: 'none',
    sentence: () => 'He was given a place in the group.',
  },
  GroupMemberLeft: {
    name: 'Left a group',
    shortName: 'Left group',
    contact: null,
    weight: 'none',
    detail: ({ data }) => departures[data.reason],
    sentence: ({ data }) =>
      `He no longer has a place in the group; the reason: ${departures[data.reason].toLowerCase()}.`,
  },
  SessionScheduled: {
    name: 'Session scheduled',
    shortName: 'Scheduled',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${data.programmeSession} on ${dayInWords(data.on)} at ${data.startsAt}`,
    sentence: ({ data }) =>
      `${sessionName(data.programmeSession)} of group ${data.groupCode} was scheduled for ${dayInWords(data.on)} at ${data.startsAt}.`,
  },
  SessionRescheduled: {
    name: 'Session moved',
    shortName: 'Moved',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `to ${dayInWords(data.on)} at ${data.startsAt}`,
    sentence: ({ data }) =>
      `The session was moved to ${dayInWords(data.on)} at ${data.startsAt}; the reason: ${changeReasons[data.reason].toLowerCase()}.`,
  },
  SessionCancelled: {
    name: 'Session called off',
    shortName: 'Called off',
    contact: null,
    weight: 'none',
    detail: ({ data }) => changeReasons[data.reason],
    sentence: ({ data }) => `The session was called off; the reason: ${changeReasons[data.reason].toLowerCase()}.`,
  },
  SessionDelivered: {
    name: 'Session held',
    shortName: 'Held',
    contact: null,
    weight: 'none',
    detail: ({ data }) => codesOf(data.actual).join(', '),
    sentence: ({ data }) =>
      `The session was held from ${data.startedAt}, with ${room(codesOf(data.actual))} in the room; planned were ${room(codesOf(data.planned))}.`,
  },
  RegisterMarked: {
    name: 'Register',
    shortName: 'Register',
    contact: null,
    weight: 'none',
    detail: ({ data }) => outcomes[data.outcome],
    sentence: ({ data }) => `The register says of him: ${outcomes[data.outcome].toLowerCase()} (${data.outcome}).`,
  },
  RegisterCorrected: {
    name: 'Register corrected',
    shortName: 'Corrected',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${outcomes[data.was]} (${data.was}) became ${outcomes[data.outcome]}`,
    sentence: ({ data }) =>
      `What the register says of him was corrected from ${data.was} to ${data.outcome} (${outcomes[data.outcome].toLowerCase()}).`,
  },
  FacilitatorOnboarded: {
    name: 'Facilitator onboarded',
    shortName: 'Onboarded',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${data.code} at ${data.provider}`,
    sentence: ({ data }) => `The facilitator ${data.code} began to deliver sessions for ${data.provider}.`,
  },
  FacilitatorLeft: {
    name: 'Facilitator left',
    shortName: 'Left',
    contact: null,
    weight: 'none',
    detail: ({ data }) => facilitatorDepartures[data.reason],
    sentence: ({ data }) =>
      `The facilitator delivers no more sessions here; the reason: ${facilitatorDepartures[data.reason].toLowerCase()}.`,
  },
  TrainingCompleted: {
    name: 'Training completed',
    shortName: 'Training',
    contact: null,
    weight: 'none',
    detail: ({ data }) => trainingCourses[data.course].name,
    sentence: ({ data }) =>
      `The facilitator completed the course “${trainingCourses[data.course].name}”, which ${data.validUntil === undefined ? 'does not lapse' : `holds to ${data.validUntil}`}.`,
  },
  SupervisionHeld: {
    name: 'Supervision',
    shortName: 'Supervision',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${supportForms[data.form].toLowerCase()}, ${data.minutes} minutes`,
    sentence: ({ data }) =>
      `The facilitator had supervision for ${data.minutes} minutes: ${supportForms[data.form].toLowerCase()}.`,
  },
  DebriefHeld: {
    name: 'Debrief',
    shortName: 'Debrief',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${supportForms[data.form].toLowerCase()}, ${data.minutes} minutes`,
    sentence: ({ data }) =>
      `The facilitator had a debrief for ${data.minutes} minutes: ${supportForms[data.form].toLowerCase()}.`,
  },
  ContactRefused: {
    name: 'Contact refused',
    shortName: 'Refused',
    contact: null,
    weight: 'none',
    detail: ({ data }) => data.reason,
    sentence: ({ data }) => `A record of a contact log was refused: ${data.reason}.`,
  },
  EvidencePackMade: {
    name: 'Evidence pack made',
    shortName: 'Evidence',
    contact: null,
    weight: 'none',
    detail: ({ data }) =>
      `${data.events} events, ${data.personalFields ? 'with' : 'without'} personal details${data.reason ? `, for: ${packReasons[data.reason]}` : ''}`,
    sentence: ({ data }) => `An evidence pack of ${evidenceScopeNames[data.scope]} was made and handed out.`,
  },
  CaseAccessLimited: {
    name: 'Access limited',
    shortName: 'Limited',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${limitKinds[data.kind]}: ${data.people.join(', ')}; until ${dayInWords(data.until)}`,
    sentence: ({ data }) =>
      `Who may see this case was limited until ${dayInWords(data.until)}. ${limitKinds[data.kind]}: ${data.people.join(', ')}. The reason: ${limitReasons[data.reason].toLowerCase()}.`,
  },
  CaseAccessLimitLifted: {
    name: 'Limit on access lifted',
    shortName: 'Lifted',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `event ${data.limit}`,
    sentence: ({ data }) => `The limit that event ${data.limit} had set on who may see this case was lifted.`,
  },
  RecordsExported: {
    name: 'Taken away',
    shortName: 'Taken away',
    contact: null,
    weight: 'none',
    detail: ({ data }) => `${data.records} records, ${data.personalFields ? 'with' : 'without'} personal details`,
    sentence: ({ data }) =>
      `Taken away: ${isExportKind(data.kind) ? `${exportKinds[data.kind].charAt(0).toLowerCase()}${exportKinds[data.kind].slice(1)}` : 'a file'}.`,
  },
} as const satisfies { readonly [T in EventType]: EventWords<Extract<DomainEvent, { type: T }>> }

/** The contacts of a contact log, each of which becomes one event. */
export type ContactName = NonNullable<(typeof eventWords)[EventType]['contact']>

export const wordsOf = (type: EventType): EventWords<DomainEvent> => eventWords[type] as EventWords<DomainEvent>

/** The event in one plain sentence that says nothing about who he is. */
export const sentenceOf = (event: Recorded<DomainEvent>): string => wordsOf(event.type).sentence(event)

/** What the event says beside its name; empty where that is nothing. */
export const detailOf = (event: Recorded<DomainEvent>): string => wordsOf(event.type).detail?.(event) ?? ''

/** What an event says of its fact, in one plain sentence: of a correction, what is said now. */
export const factSentenceOf = (event: Recorded<DomainEvent>): string =>
  sentenceOf(event.type === 'RecordCorrected' ? saidAnewBy(event) : event)

/** The fact as a correction tells it. */
const saidAnewBy = ({ data, ...event }: Recorded<Extract<DomainEvent, { type: 'RecordCorrected' }>>) =>
  ({ ...event, type: data.of, data: data.data }) as unknown as Recorded<DomainEvent>

const evidenceScopeNames = {
  journey: 'one journey',
  group: 'one group',
  days: 'some days',
  log: 'the whole log',
  register: 'a register across journeys',
} as const

/** As it goes on within a sentence. */
const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const sessionName = (id: string): string => {
  const programme = programmeAt('bbr', 1)
  const session = programme && sessionOf(programme, id)
  return session ? `${session.name} (${id})` : id
}

const codesOf = (staff: readonly PlannedFacilitator[]): readonly string[] => staff.map(({ facilitator }) => facilitator)

const room = (staff: readonly string[]): string => (staff.length === 0 ? 'nobody named' : staff.join(' and '))
