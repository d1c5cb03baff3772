/** What is improbable about a record is asked about before it is written, and written once somebody says that it is meant. */
import type { CommandContext } from '../domain/history.ts'
import type { JourneyEvent } from '../domain/journey/journey.ts'
import { odditiesOf, OdditiesUnconfirmed, type Oddity, type OddityCode } from '../domain/journey/oddities.ts'
import type { JourneyFacts } from '../domain/journey/state.ts'
import { bankHolidayOn } from './bank-holidays.ts'

/** What is odd about events that are about to be added to a journey. */
export const odditiesAmong = (
  journey: JourneyFacts,
  events: readonly JourneyEvent[],
  dates: Pick<CommandContext, 'occurredOn' | 'recordedOn'>,
): readonly Oddity[] => events.flatMap((event) => odditiesOf(journey, event, dates, bankHolidayOn))

/** @returns the codes of what is odd @throws OdditiesUnconfirmed where one of them was not confirmed */
export function confirmed(found: readonly Oddity[], confirmedCodes: readonly string[]): readonly OddityCode[] {
  const codes = found.map(({ code }) => code)
  if (!codes.every((code) => confirmedCodes.includes(code))) throw new OdditiesUnconfirmed(found)
  return codes
}
