/** The cases that are withheld in a spec that asks a question without a request: none, unless it says which. */
import type { ReachedCases } from '../../src/queries/reached-cases.ts'
import { caseManager } from './signed-in.ts'

/** @param participants whom a spec says are withheld, and their journeys */
export const withholding = (
  participants: ReadonlySet<string> = new Set(),
  journeys: ReadonlySet<string> = new Set(),
): ReachedCases =>
  ({
    asker: () => caseManager,
    withheld: async () => participants,
    withheldCases: async () => ({ participants, journeys }),
    isWithheld: async (journeyId: string) => journeys.has(journeyId),
  }) as unknown as ReachedCases
