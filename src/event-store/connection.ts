/**
 * The connection to an event store: a client of the address that is set, and one sentence where it cannot be used, with the
 * address (never the password), the cause in plain words, and the setting to look at.
 */
import { status } from '@grpc/grpc-js'
import { getSubchannelPool } from '@grpc/grpc-js/build/src/subchannel-pool.js'
import { BACKWARDS, END, EventStoreDBClient } from '@eventstore/db-client'
import { ServerFeatures } from '@eventstore/db-client/dist/Client/ServerFeatures.js'
import { setTimeout as wait } from 'node:timers/promises'
import { probe, type ProbeFinding } from './connection-probe.ts'
import { parseConnectionString, type ConnectionAddress } from './connection-string.ts'
import { firstOf } from './reading.ts'
import { StoreUnavailable } from './store-errors.ts'

/** How long a server is waited for at a start, in milliseconds. */
export const connectDeadlineMs = 10_000

/** A healthy server answers long before; from then on it is found out what keeps it. */
const doubtMs = 3_000

/** The event store cannot be used as it is set; the message says why. Nothing was changed. */
export class ConnectionProblem extends StoreUnavailable {
  /** Whether it may pass without anybody's doing: the server is starting, or busy. */
  readonly mayPass: boolean

  constructor(message: string, { cause, mayPass }: { readonly cause: unknown; readonly mayPass: boolean }) {
    super({ cause }, message)
    this.name = 'ConnectionProblem'
    this.mayPass = mayPass
  }
}

/**
 * A client that has not connected yet.
 * @param setting what the address is called where it was given; EVENT_STORE_URL unless said
 * @throws BadConnectionString
 */
export function clientOf(connectionString: string, setting?: string): EventStoreDBClient {
  const { hosts, isDiscover, tls, user, authority, clientCertificate, options } = parseConnectionString(
    connectionString,
    setting,
  )
  const [first] = hosts as [ConnectionAddress['hosts'][number]]
  const where = isDiscover ? { discover: first } : hosts.length > 1 ? { endpoints: [...hosts] } : { endpoint: first }
  const client = new EventStoreDBClient(
    { ...options, ...where } as ConstructorParameters<typeof EventStoreDBClient>[0],
    {
      insecure: !tls,
      ...(authority && { rootCertificate: authority }),
      ...(clientCertificate && { userCertFile: clientCertificate.certificate, userKeyFile: clientCertificate.key }),
    },
    user,
  )
  askForFeaturesAgain(client)
  if (isDiscover || hosts.length > 1) recoverFromDiscovery(client, first)
  return client
}

/**
 * Before its first append the client asks for the features of the server, once for all appends. Where that fails while another call
 * has already noticed that the connection is lost, it keeps the failure for ever and no append works again. Ours asks again.
 */
function askForFeaturesAgain(client: EventStoreDBClient): void {
  const asking = client as unknown as {
    execute(...asked: typeof ServerFeatures.createServerFeatures): Promise<ServerFeatures>
    supports: ServerFeatures['supports'] extends (...asked: infer A) => boolean
      ? (...asked: A) => Promise<boolean>
      : never
  }
  let features: Promise<ServerFeatures> | undefined
  asking.supports = async (...asked) => {
    const found = (features ??= asking.execute(...ServerFeatures.createServerFeatures))
    try {
      return (await found).supports(...asked)
    } catch (error) {
      if (features === found) features = undefined
      throw error
    }
  }
}

/**
 * Where no member of a cluster tells who the others are, the client's calls fail in a way that looks like a fault of ours. So the
 * seed is then connected to like a single server: that fails as a server fails that is away, and the next call looks again.
 * Before a server that failed is connected to again, gRPC waits longer each time, up to two minutes, and all connections of a
 * process share that: each time that the client begins to look, the waiting is over.
 */
function recoverFromDiscovery(client: EventStoreDBClient, seed: ConnectionAddress['hosts'][number]): void {
  const discovering = client as unknown as { resolveUri: () => Promise<string> }
  const { resolveUri } = discovering
  discovering.resolveUri = () => {
    const { pool } = getSubchannelPool(true) as unknown as SharedSubchannels
    for (const { subchannel } of Object.values(pool).flat()) subchannel.resetBackoff()
    return resolveUri().catch(() => `${seed.address}:${seed.port}`)
  }
}

/** What gRPC shares among the connections of a process, by target. */
interface SharedSubchannels {
  readonly pool: Readonly<Record<string, readonly { readonly subchannel: { resetBackoff(): void } }[]>>
}

/**
 * Reads one event, which needs everything that following the log needs: the server, its certificate, the user and his right to read
 * `$all`.
 * @throws ConnectionProblem within ten seconds
 */
export async function reach(client: EventStoreDBClient, connectionString: string, setting?: string): Promise<void> {
  const last = client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })
  const read = firstOf(last, () => true, connectDeadlineMs).then(
    () => null,
    (error: unknown) => ({ error }),
  )
  const inDoubt = new AbortController()
  const suspicion = wait(doubtMs, undefined, { signal: inDoubt.signal }).then(
    () => connectionProblem(connectionString, new StoreUnavailable(), setting),
    () => null,
  )
  // A cause that can pass by itself does not end the wait.
  const definite = suspicion.then((problem) => (problem && !problem.mayPass ? { error: problem } : read))
  const failed = await Promise.race([read, definite])
  inDoubt.abort()
  if (!failed) return
  throw (await connectionProblem(connectionString, (await suspicion) ?? failed.error, setting)) ?? failed.error
}

/** @returns null for an error that says nothing about the connection */
export async function connectionProblem(
  connectionString: string,
  error: unknown,
  setting?: string,
): Promise<ConnectionProblem | null> {
  if (error instanceof ConnectionProblem) return error
  const address = parseConnectionString(connectionString, setting)
  const problem = (because: string, found?: ProbeFinding) =>
    new ConnectionProblem(
      `The event store at ${address.shown} cannot be used: ${because.replaceAll('EVENT_STORE_URL', address.setting)}`,
      { cause: error, mayPass: found === 'answers' || found === 'silent' },
    )
  const refusal = refusalIn(error, address)
  if (refusal) return problem(refusal)
  if (!(error instanceof StoreUnavailable)) return null
  const findings = await Promise.all(address.hosts.map(async (host) => ({ host, found: await probe(address, host) })))
  const { host, found } = findings.find(({ found }) => found !== 'answers') ?? findings[0]!
  return problem(causes[found](host.address, address), found)
}

/** What the server said to the request; undefined where it did not get so far. */
function refusalIn(error: unknown, { user, tls }: ConnectionAddress): string | undefined {
  const codes = chain(error).map(({ code }) => code)
  const named = user ? `the user ${user.username}` : 'somebody without a user name'
  if (codes.includes(status.UNAUTHENTICATED))
    return user
      ? `it does not know ${named} with this password. Set both in EVENT_STORE_URL: esdb://user:password@host:2113.`
      : 'it wants a user name and a password. Set both in EVENT_STORE_URL: esdb://user:password@host:2113.'
  if (codes.includes(status.PERMISSION_DENIED))
    return tls && !user
      ? 'it wants a user name and a password. Set both in EVENT_STORE_URL: esdb://user:password@host:2113.'
      : `it does not let ${named} read $all. Give him the rights that docs/operating.md lists, or name another user in EVENT_STORE_URL.`
  if (codes.includes(status.UNIMPLEMENTED))
    return 'a server of another kind answers there, which is no event store. Set EVENT_STORE_URL to the address of the event store.'
  return undefined
}

/** The error and its causes. */
function chain(error: unknown): { code?: unknown }[] {
  const found: { code?: unknown }[] = []
  for (let one = error; typeof one === 'object' && one !== null; one = (one as { cause?: unknown }).cause)
    found.push(one)
  return found
}

const causes: Record<ProbeFinding, (host: string, address: Pick<ConnectionAddress, 'authority'>) => string> = {
  answers: () =>
    "something answers there in the event store's way, and not to what it is asked. Look whether the server is starting, overloaded or without a leader, and into its log.",
  unknown_host: (host) =>
    `there is no host of the name ${host}. Look at the host in EVENT_STORE_URL, and whether this machine can look up names.`,
  nobody: () =>
    'nobody answers there (connection refused). Start the server, or look at the host and the port in EVENT_STORE_URL.',
  unreachable: () =>
    'there is no way to it, or it does not answer at all. Look at the host in EVENT_STORE_URL, at the network, and at firewalls between.',
  silent: () =>
    'it takes the connection and says nothing. Look whether the server is stopped or something else listens there, and at the port in EVENT_STORE_URL.',
  closes: () =>
    'it takes the connection and closes it without a word: what listens there is no event store, or it wants TLS of another kind. Look at the port in EVENT_STORE_URL.',
  wants_tls: () => 'it speaks TLS only. Set tls=true in EVENT_STORE_URL.',
  has_no_tls: () =>
    'it does not speak TLS. Set tls=false in EVENT_STORE_URL if the way to it is safe, or give the server a certificate.',
  http: () => 'an HTTP server answers there, which is no event store. Look at the port in EVENT_STORE_URL.',
  other_protocol: () =>
    'what answers there speaks another protocol, and is no event store. Look at the port in EVENT_STORE_URL.',
  certificate_not_trusted: (_, { authority }) =>
    authority
      ? 'its certificate is not signed by an authority in the file that tlsCAFile names. Set tlsCAFile in EVENT_STORE_URL to the file of the authority that signed it.'
      : 'its certificate is not trusted on this machine. Set tlsCAFile in EVENT_STORE_URL to the file of the authority that signed it.',
  certificate_of_other_host: (host) =>
    `its certificate is for another host than ${host}. Set the host in EVENT_STORE_URL to a name that is in the certificate.`,
  certificate_expired: () =>
    'its certificate has expired. Renew it on the server; if it has not, look at the clock of this machine.',
  certificate_not_valid_yet: () =>
    'its certificate is not valid yet. Look at the clock of this machine, then at the certificate.',
}
