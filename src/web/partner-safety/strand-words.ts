/** The events of the partner-safety strand in words, for the page of one record. */
import type { Recorded } from '../../domain/history.ts'
import {
  concernRecipients,
  concernSettlements,
  offerAnswers,
  partnerConcerns,
  partnerContactOutcomes,
  partnerContactWays,
  partnerRelations,
  strandClosings,
  strandWithdrawals,
} from '../../domain/partner-safety/partner-safety-codes.ts'
import type { PartnerDetails, PartnerSafetyEvent } from '../../domain/partner-safety/partner-safety.ts'

const detailsInWords = ({ name, relation, safeWays, safeTimes, doNot }: PartnerDetails): string =>
  [
    `${name}, ${partnerRelations[relation].toLowerCase()}`,
    `Safe to use: ${safeWays}`,
    ...(safeTimes ? [`Safe times: ${safeTimes}`] : []),
    ...(doNot ? [`Do not: ${doNot}`] : []),
  ].join('\n')

/** @returns what happened, and the words that were written about it */
export function sayStrandEvent({ type, data }: Recorded<PartnerSafetyEvent>): {
  readonly what: string
  readonly words: string | null
} {
  switch (type) {
    case 'ContactOfferAskedFor':
      return { what: 'A contact offer was asked for', words: null }
    case 'PartnerRecorded':
      return { what: 'Partner recorded', words: detailsInWords(data) }
    case 'PartnerDetailsChanged':
      return { what: 'Details changed', words: detailsInWords(data) }
    case 'ContactOffered':
      return { what: `Contact offered: ${partnerContactWays[data.way].toLowerCase()}`, words: data.note ?? null }
    case 'ContactOfferAnswered':
      return { what: `Answer to the offer: ${offerAnswers[data.answer].toLowerCase()}`, words: data.note ?? null }
    case 'PartnerContacted': {
      const how = partnerContactWays[data.way].toLowerCase()
      return {
        what: `Contact, ${how}: ${partnerContactOutcomes[data.outcome].toLowerCase()}`,
        words: data.note ?? null,
      }
    }
    case 'PartnerConcernRaised':
      return { what: `Concern: ${partnerConcerns[data.concern].toLowerCase()}`, words: data.note ?? null }
    case 'PartnerConcernPassedOn':
      return { what: `Concern of entry ${data.raised} passed on: ${concernRecipients[data.to]}`, words: null }
    case 'PartnerConcernSettled': {
      const settlement = concernSettlements[data.settlement].toLowerCase()
      return { what: `Concern of entry ${data.raised} settled: ${settlement}`, words: null }
    }
    case 'PartnerEntryWithdrawn':
      return { what: `Entry ${data.withdraws} withdrawn: ${strandWithdrawals[data.reason].toLowerCase()}`, words: null }
    case 'PartnerWorkClosed':
      return { what: `Closed: ${strandClosings[data.reason].toLowerCase()}`, words: null }
  }
}
