/** The environment, read once and made into one typed object; every problem is named before anything starts. */
import { isIP } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { existsSync, readFileSync } from 'node:fs'
import type { IdentityProviderSettings } from '../access/access-settings.ts'
import type { BackupSchedule } from './scheduled-backup.ts'

export interface Config {
  /** The only address served: nobody but this machine may ask. */
  readonly host: '127.0.0.1'
  readonly port: number
  readonly dataDir: string
  /** Where the keys live; on another volume than the data where the operator says so. */
  readonly keysDir: string
  /** An EventStoreDB or KurrentDB cluster; undefined means the embedded store. */
  readonly eventStoreUrl: string | undefined
  /** How long an import or a rebuild at a terminal waits where the event store goes away in the middle of it, in milliseconds. */
  readonly eventStorePatienceMs: number
  /** A PostgreSQL server for the read models; undefined means a SQLite file in the data directory. */
  readonly databaseUrl: string | undefined
  /** Whether an empty, default data directory is filled with a small synthetic case load. */
  readonly seed: 'demo' | 'none'
  /** Requests a minute that one address may make; 0 for as many as it likes. */
  readonly requestsAMinute: number
  /** How many different records one person may open in ten minutes; 0 for no limit. */
  readonly recordsInTenMinutes: number
  /** Addresses, or ranges of them such as 10.0.0.0/8, of proxies whose X-Forwarded-For header says who asks; empty where there is none. */
  readonly trustedProxies: readonly string[]
  /** What must be shown to read the metrics; undefined lets this machine itself read them. */
  readonly metricsToken: string | undefined
  /** Where OpenTelemetry's own variables say that traces go; undefined for nowhere. They say how, too. */
  readonly tracesTo: string | undefined
  /** Where people sign in; undefined means the development provider on this machine, where anybody can be anybody. */
  readonly identityProvider: IdentityProviderSettings | undefined
  /** NODE_ENV is production. */
  readonly production: boolean
  /** The witness that is asked to cosign the evidence log, and its verifier key; undefined for none. */
  readonly witness: { readonly url: string; readonly key: string } | undefined
  /** Where and how often the embedded event log is backed up; undefined for nowhere. */
  readonly backup: BackupSchedule | undefined
  /** An operator says that the clock of this machine is right, whatever the log and its server say. */
  readonly trustsClock: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Under which the settings are provided to what is injected. */
export const CONFIG = Symbol('Config')

export class BadConfiguration extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.name = 'BadConfiguration'
  }
}

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** @throws BadConfiguration naming every variable that cannot be used, and what would do. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = []
  const dataDir = resolve(env.DATA_DIR || 'data')
  const seed = env.SEED || (env.DATA_DIR ? 'none' : 'demo')
  const logLevel = env.LOG_LEVEL || 'info'
  const port = Number(env.PORT || 3000)

  if (!/^\d+$/.test(env.PORT || '3000') || port > 65_535) {
    problems.push(`PORT is "${env.PORT}": give a number from 0 to 65535 (0 takes any free port).`)
  }
  if (seed !== 'demo' && seed !== 'none') problems.push(`SEED is "${seed}": give demo or none.`)
  if (!logLevels.some((level) => level === logLevel)) {
    problems.push(`LOG_LEVEL is "${logLevel}": give one of ${logLevels.join(', ')}.`)
  }
  if (env.EVENT_STORE_URL && !/^(esdb|kurrentdb)(\+discover)?:\/\/[^\s/]+/.test(env.EVENT_STORE_URL)) {
    problems.push('EVENT_STORE_URL is not a connection string: it should look like esdb://host:2113?tls=true.')
  }
  if (!/^\d{1,5}$/.test(env.EVENT_STORE_PATIENCE || '60'))
    problems.push(
      `EVENT_STORE_PATIENCE is "${env.EVENT_STORE_PATIENCE}": give seconds that an import or a rebuild waits for an event store that went away, 0 for not at all.`,
    )
  if (env.DATABASE_URL && !isPostgres(env.DATABASE_URL)) {
    problems.push(
      'DATABASE_URL is not a PostgreSQL address: it should look like postgres://user:password@host:5432/name. In a user name or password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F and # as %23.',
    )
  }
  if (env.HOST && env.HOST !== '127.0.0.1' && env.HOST !== 'localhost') {
    problems.push(`HOST is "${env.HOST}": this version serves 127.0.0.1 only. Leave HOST unset.`)
  }
  const tracesTo = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined
  if (tracesTo && !/^https?:$/.test(URL.parse(tracesTo)?.protocol ?? '')) {
    problems.push('OTEL_EXPORTER_OTLP_ENDPOINT is not an address: it should look like http://127.0.0.1:4318.')
  }
  if (!/^\d{1,7}$/.test(env.RATE_LIMIT || '0')) {
    problems.push(`RATE_LIMIT is "${env.RATE_LIMIT}": give requests a minute from one address, 0 for no limit.`)
  }
  if (!/^\d{1,5}$/.test(env.REACH_LIMIT || '0'))
    problems.push(
      `REACH_LIMIT is "${env.REACH_LIMIT}": give records that one person may open in ten minutes, 0 for no limit.`,
    )
  const trustedProxies = (env.TRUSTED_PROXIES ?? '').split(',').flatMap((one) => one.trim() || [])
  for (const one of trustedProxies.filter((one) => !isAddressOrRange(one)))
    problems.push(`TRUSTED_PROXIES has "${one}": give addresses or ranges such as 127.0.0.1,10.0.0.0/8.`)
  if (env.METRICS_TOKEN && !/^[\x21-\x7e]{16,}$/.test(env.METRICS_TOKEN)) {
    problems.push('METRICS_TOKEN must be at least 16 visible ASCII characters without spaces.')
  }
  const production = env.NODE_ENV === 'production'
  const identityProvider = readIdentityProvider(env, problems)
  if (production && !env.OIDC_ISSUER)
    problems.push(
      'OIDC_ISSUER must be set where NODE_ENV is production: the development provider lets anybody be anybody.',
    )
  const { WITNESS_URL: witnessUrl, WITNESS_KEY: witnessKey } = env
  const witness = witnessUrl ? URL.parse(witnessUrl) : null
  if (witnessUrl && !/^https?:$/.test(witness?.protocol ?? ''))
    problems.push('WITNESS_URL is not an address: give the one that the witness printed when it started.')
  if (holdsCredentials(witness)) problems.push(withoutCredentials('WITNESS_URL'))
  if (Boolean(witnessUrl) !== Boolean(witnessKey))
    problems.push('WITNESS_URL and WITNESS_KEY go together: the witness printed both when it started.')
  if (witnessKey && !/^[^\s+]+\+[0-9a-f]{8}\+B[A-P][A-Za-z0-9+/]{42}$/.test(witnessKey))
    problems.push('WITNESS_KEY is not the verifier key of a witness: give the one that it printed when it started.')
  const backup = {
    dir: resolve(env.BACKUP_DIR || '.'),
    everyHours: Number(env.BACKUP_EVERY || 24),
    keep: Number(env.BACKUP_KEEP || 7),
  }
  if (!(backup.everyHours > 0 && backup.everyHours <= 24 * 365)) {
    problems.push(`BACKUP_EVERY is "${env.BACKUP_EVERY}": give a number of hours.`)
  }
  if (!Number.isInteger(backup.keep) || backup.keep < 1) {
    problems.push(`BACKUP_KEEP is "${env.BACKUP_KEEP}": give how many backups to keep, 1 or more.`)
  }
  if (env.BACKUP_DIR && env.EVENT_STORE_URL) {
    problems.push(
      'BACKUP_DIR is for the embedded event store: with EVENT_STORE_URL, its cluster has backups of its own.',
    )
  }
  if (env.CLOCK && env.CLOCK !== 'check' && env.CLOCK !== 'trust')
    problems.push(`CLOCK is "${env.CLOCK}": give check or trust.`)
  if (problems.length > 0) throw new BadConfiguration(problems)

  return {
    host: '127.0.0.1',
    port,
    dataDir,
    keysDir: env.KEYS_DIR ? resolve(env.KEYS_DIR) : join(dataDir, 'keys'),
    eventStoreUrl: env.EVENT_STORE_URL || undefined,
    eventStorePatienceMs: Number(env.EVENT_STORE_PATIENCE || 60) * 1_000,
    databaseUrl: env.DATABASE_URL || undefined,
    seed: seed as Config['seed'],
    requestsAMinute: Number(env.RATE_LIMIT || 1_200),
    recordsInTenMinutes: Number(env.REACH_LIMIT || 100),
    trustedProxies,
    metricsToken: env.METRICS_TOKEN || undefined,
    tracesTo,
    identityProvider,
    production,
    witness: witnessUrl && witnessKey ? { url: witnessUrl, key: witnessKey } : undefined,
    backup: env.BACKUP_DIR ? backup : undefined,
    trustsClock: env.CLOCK === 'trust',
    logLevel: logLevel as Config['logLevel'],
  }
}

function readIdentityProvider(env: NodeJS.ProcessEnv, problems: string[]): IdentityProviderSettings | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_AUDIENCE: audience } = env
  if (!issuer) {
    for (const name of ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_CLIENT_SECRET_FILE', 'OIDC_AUDIENCE'])
      if (env[name]) problems.push(`${name} is set, and OIDC_ISSUER is not: give the address of the identity provider.`)
    return undefined
  }
  const address = URL.parse(issuer)
  const onLoopback = address?.protocol === 'http:' && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(address.hostname)
  if (address?.protocol !== 'https:' && !onLoopback)
    problems.push('OIDC_ISSUER is not an address with TLS: it should look like https://login.example.org.')
  if (holdsCredentials(address)) problems.push(withoutCredentials('OIDC_ISSUER'))
  if (!clientId)
    problems.push('OIDC_CLIENT_ID is not set: give the name under which the identity provider knows this service.')
  if (!audience) problems.push('OIDC_AUDIENCE is not set: give the audience that access tokens for the API name.')
  if (audience && audience === clientId)
    problems.push('OIDC_AUDIENCE is the same as OIDC_CLIENT_ID: an ID token would then pass for an access token.')
  const clientSecret = env.OIDC_CLIENT_SECRET || fileOf(env.OIDC_CLIENT_SECRET_FILE, problems)
  return {
    issuer,
    clientId: clientId ?? '',
    clientSecret,
    audience: audience ?? '',
    roleClaim: env.OIDC_ROLE_CLAIM || 'role',
    idTokenAlgorithm: env.OIDC_ID_TOKEN_ALGORITHM || undefined,
  }
}

function fileOf(name: string | undefined, problems: string[]): string | undefined {
  if (!name) return undefined
  try {
    return readFileSync(name, 'utf8').trim()
  } catch {
    problems.push(`OIDC_CLIENT_SECRET_FILE names ${name}, which cannot be read.`)
    return undefined
  }
}

/** Any range but that of all addresses: trusting everybody lets everybody say to be somebody else. */
function isAddressOrRange(text: string): boolean {
  const [, address = '', , bits] = /^([^/]+)(\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  if (family === 0) return false
  return bits === undefined || (Number(bits) > 0 && Number(bits) <= (family === 4 ? 32 : 128))
}

function isPostgres(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.pathname.length <= 1) return false
  // Else the end of a password would pass for the name of the database, and its beginning for the host.
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) return false
  return [url.username, url.password, url.pathname].every(isPercentEncoded)
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Such an address is shown where the server does not answer, and Node asks nothing of it. */
const holdsCredentials = (address: URL | null): boolean => Boolean(address?.username || address?.password)

const withoutCredentials = (name: string): string =>
  `${name} has a user name or a password in it: give the address without them.`

/** The folder that holds package.json, whether we run from source or from dist/. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(dir: string): string {
  return existsSync(join(dir, 'package.json')) ? dir : findRoot(dirname(dir))
}
