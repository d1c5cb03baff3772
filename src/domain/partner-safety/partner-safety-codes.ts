/** The codes of the partner-safety strand, and what each is called on a page. Add to them, never rename them. */

/** Ways in which a partner can be spoken to. */
export const partnerContactWays = {
  telephone: 'Telephone',
  text_message: 'Text message',
  video: 'Video call',
  letter: 'Letter',
  email: 'Email',
  in_person: 'In person',
  through_other_service: 'Through another service that supports them',
} as const
export type PartnerContactWay = keyof typeof partnerContactWays

export const partnerRelations = {
  partner: 'Partner',
  former_partner: 'Former partner',
  other: 'Somebody else whom the abuse was directed at',
} as const
export type PartnerRelation = keyof typeof partnerRelations

/** What became of an offer of contact. `withdrawn`: it was accepted before, and is not wanted any more. */
export const offerAnswers = {
  accepted: 'Accepted',
  declined: 'Declined',
  no_answer: 'No answer',
  withdrawn: 'No longer wants contact',
} as const
export type OfferAnswer = keyof typeof offerAnswers

export const partnerContactOutcomes = {
  spoke: 'We spoke',
  left_word: 'A safe message was left',
  not_reached: 'Not reached',
  not_safe: 'Not safe to speak, so it was ended',
} as const
export type PartnerContactOutcome = keyof typeof partnerContactOutcomes

export const partnerConcerns = {
  violence_or_threat: 'Violence or a threat of violence',
  contact_against_an_order: 'Contact against a court order',
  stalking_or_harassment: 'Stalking or harassment',
  coercive_control: 'Controlling or coercive behaviour',
  child_at_risk: 'A child may be at risk',
  own_safety: 'The partner may harm themselves',
  other: 'Another concern',
} as const
export type PartnerConcern = keyof typeof partnerConcerns

/** To whom a concern was passed on. */
export const concernRecipients = {
  police: 'Police',
  marac: 'MARAC',
  idva: 'Independent domestic violence adviser',
  childrens_services: 'Children’s services',
  adult_social_care: 'Adult social care',
  health: 'Health service',
  probation_duty_manager: 'Probation duty manager',
  own_manager: 'Own manager',
} as const
export type ConcernRecipient = keyof typeof concernRecipients

export const concernSettlements = {
  acted_on: 'Others acted on it',
  safety_plan: 'A safety plan is in place',
  no_further_action: 'No further action is needed',
} as const
export type ConcernSettlement = keyof typeof concernSettlements

export const strandClosings = {
  declined: 'The offer was declined',
  no_answer: 'No answer to the offer',
  no_longer_wanted: 'Contact is no longer wanted',
  other_service: 'Another service supports them now',
  programme_over: 'The programme is over',
  not_safe: 'Contact is not safe',
  asked_in_error: 'The offer was asked for in error',
} as const
export type StrandClosing = keyof typeof strandClosings

/** Why an entry is withdrawn: it stays, and counts no more. */
export const strandWithdrawals = {
  wrong_person: 'It was about somebody else',
  not_happened: 'It did not happen',
  recorded_twice: 'It was recorded twice',
  wrong_details: 'Its details are wrong and it is recorded again',
} as const
export type StrandWithdrawal = keyof typeof strandWithdrawals

export const isCodeIn = <T extends object>(codes: T, code: unknown): code is keyof T =>
  typeof code === 'string' && Object.hasOwn(codes, code)
