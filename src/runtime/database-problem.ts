/** Why the database of DATABASE_URL cannot be used, in a sentence with its host and name, and never the password. */
import { isDatabaseUnavailable } from '../../projections/storage/availability.ts'

/** Nothing was changed: the read models are built from the log, which is elsewhere. The message is for whoever starts a command. */
export class DatabaseProblem extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause })
    this.name = 'DatabaseProblem'
  }
}

/** By PostgreSQL's own codes. */
const refusals: Record<string, string> = {
  '28P01':
    'it does not know the user with this password. Set both in DATABASE_URL: postgres://user:password@host:5432/name.',
  '28000': 'it does not let this user in. Look at the user in DATABASE_URL, and at pg_hba.conf on the server.',
  '3D000': 'it has no database of this name. Make it, or set another name in DATABASE_URL.',
  '42501': 'this user may not make tables there. Give him the right to, or name another user in DATABASE_URL.',
}

/** @returns null for an error that says nothing about the address or the server */
export function databaseProblem(error: unknown, databaseUrl: string): DatabaseProblem | null {
  const refusal = refusals[String((error as { code?: unknown } | null)?.code)]
  if (!refusal && !isDatabaseUnavailable(error)) return null
  const because =
    refusal ?? 'it does not answer. Start it, or look at the host and the port in DATABASE_URL and at the network.'
  const { hostname, port, pathname } = new URL(databaseUrl)
  const shown = `postgres://${hostname}:${port || '5432'}${pathname}`
  return new DatabaseProblem(`The database at ${shown} cannot be used: ${because}`, error)
}
