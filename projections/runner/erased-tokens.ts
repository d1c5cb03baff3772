/** What the read models forget of whoever was erased. */
import type { Database } from '../storage/database.ts'

/**
 * Takes the tokens of whoever was erased out of the blind index: an event cannot, since with his key gone nobody can say which they
 * were. It leaves what a rebuild would, and may be done at any time, again and again.
 * @returns how many there were
 */
export const forgetTokensOfErased = (database: Pick<Database, 'transaction'>): Promise<number> =>
  database.transaction(({ run }) =>
    run(
      "DELETE FROM participant_token WHERE participant_id IN (SELECT participant_id FROM erasure WHERE state = 'destroyed')",
    ),
  )
