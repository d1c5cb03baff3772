/**
 * The address of an event store, read by ourselves and not by the client: where something in it cannot be used, the client prints
 * the whole address, with the password.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export interface ConnectionAddress {
  /** One server; the seeds of a cluster where there are several or the scheme says discover. */
  readonly hosts: readonly { readonly address: string; readonly port: number }[]
  readonly isDiscover: boolean
  readonly tls: boolean
  readonly user: { readonly username: string; readonly password: string } | undefined
  /** The certificates of the authorities that are trusted instead of the system's. */
  readonly authority: Buffer | undefined
  readonly clientCertificate: { readonly certificate: Buffer; readonly key: Buffer } | undefined
  /** The client's own options, such as keepAliveInterval. */
  readonly options: Readonly<Record<string, string | number | boolean>>
  /** The scheme and the hosts: what may be shown to anybody. */
  readonly shown: string
  /** What the address is called where it was given, such as EVENT_STORE_URL. */
  readonly setting: string
  /** Settings that have no effect, in a sentence each. */
  readonly warnings: readonly string[]
}

/** The message names the setting and what would do, and never the password. */
export class BadConnectionString extends Error {
  constructor(setting: string, message: string) {
    super(`${setting.charAt(0).toUpperCase()}${setting.slice(1)} cannot be used: ${message}`)
    this.name = 'BadConnectionString'
  }
}

/** What is wrong, before it is said in which setting. */
class Unusable extends Error {}

/** By what the client accepts: names are compared without case, hyphens and underscores. */
const kinds = {
  tls: 'boolean',
  tlsVerifyCert: 'boolean',
  tlsCAFile: 'text',
  userCertFile: 'text',
  userKeyFile: 'text',
  connectionName: 'text',
  nodePreference: 'preference',
  throwOnAppendFailure: 'boolean',
  maxDiscoverAttempts: 'number',
  discoveryInterval: 'number',
  gossipTimeout: 'number',
  defaultDeadline: 'number',
  keepAliveInterval: 'number',
  keepAliveTimeout: 'number',
} as const

const flat = (name: string) => name.toLowerCase().replace(/[_-]/g, '')
const knownNames = new Map(Object.keys(kinds).map((name) => [flat(name), name as keyof typeof kinds]))
const preferences = new Map(
  ['leader', 'follower', 'read_only_replica', 'random'].map((preference) => [flat(preference), preference]),
)

const example = 'it should look like esdb://host:2113?tls=true'

/**
 * @param setting what the address is called where it was given, as in the middle of a sentence
 * @throws BadConnectionString
 */
export function parseConnectionString(text: string, setting = 'EVENT_STORE_URL'): ConnectionAddress {
  try {
    return addressIn(text, setting)
  } catch (error) {
    throw error instanceof Unusable ? new BadConnectionString(setting, error.message) : error
  }
}

function addressIn(text: string, setting: string): ConnectionAddress {
  const [, scheme, discover, rest = ''] = /^(esdb|kurrentdb)(\+discover)?:\/\/(.*)$/s.exec(text.trim()) ?? []
  if (!scheme) throw new Unusable(`it is not a connection string: ${example}.`)
  const [, authority = '', query = ''] = /^([^/?#]*)\/?(?:\?(.*))?$/s.exec(rest) ?? []
  if (!authority && rest) throw new Unusable(`a character in it is out of place: ${example}. ${encoding}`)
  // Else the end of a password would pass for a setting, and its beginning for a host.
  if (query.includes('@'))
    throw new Unusable(`an @ stands where settings are. ${encoding} In a setting write @ as %40.`)
  const at = authority.lastIndexOf('@')
  const user = at < 0 ? undefined : userIn(authority.slice(0, at))
  const hosts = authority
    .slice(at + 1)
    .split(',')
    .map(hostIn)
  const { options, warnings } = optionsIn(query, setting)
  const { tls = true, tlsVerifyCert, tlsCAFile, userCertFile, userKeyFile, ...others } = options
  if (tlsVerifyCert === false)
    warnings.push(
      `tlsVerifyCert=false in ${setting} has no effect: the certificate is always verified. Name the file of the authority that signed it with tlsCAFile.`,
    )
  if ((userCertFile === undefined) !== (userKeyFile === undefined))
    throw new Unusable('userCertFile and userKeyFile go together: give both or neither.')
  const isDiscover = discover !== undefined
  return {
    hosts,
    isDiscover,
    tls: tls as boolean,
    user,
    authority: tls && tlsCAFile !== undefined ? fileNamed('tlsCAFile', tlsCAFile) : undefined,
    clientCertificate:
      tls && userCertFile !== undefined
        ? {
            certificate: fileNamed('userCertFile', userCertFile),
            key: fileNamed('userKeyFile', userKeyFile),
          }
        : undefined,
    options: others as ConnectionAddress['options'],
    shown: `esdb${isDiscover ? '+discover' : ''}://${hosts.map(({ address, port }) => `${address}:${port}`).join(',')}`,
    setting,
    warnings,
  }
}

const encoding =
  'In a user name or password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and a comma as %2C.'

function userIn(text: string): ConnectionAddress['user'] {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1)
    throw new Unusable('it names a user without a password: write esdb://user:password@host:2113.')
  const [username, password] = [text.slice(0, colon), text.slice(colon + 1)]
  if (/[@:]/.test(password))
    throw new Unusable(`the password holds a character that means something else there. ${encoding}`)
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  } catch {
    throw new Unusable(`the user name or password holds a % that begins no code. ${encoding}`)
  }
}

function hostIn(text: string): ConnectionAddress['hosts'][number] {
  const [, address, port = '2113'] = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text.trim()) ?? []
  if (!address || Number(port) > 65_535 || Number(port) === 0)
    throw new Unusable(
      `where the host stands there is something that is no host name and port: ${example}. ${encoding}`,
    )
  return { address, port: Number(port) }
}

function optionsIn(query: string, setting: string) {
  const options: Partial<Record<keyof typeof kinds, string | number | boolean>> = {}
  const warnings: string[] = []
  for (const one of query.split('&').filter(Boolean)) {
    const equals = one.indexOf('=')
    const name = knownNames.get(flat(equals < 0 ? one : one.slice(0, equals)))
    // Not its name: what is taken for one may be the end of a password.
    if (name === undefined) {
      warnings.push(
        `An option in ${setting} is not known and has no effect. Known are ${Object.keys(kinds).join(', ')}.`,
      )
      continue
    }
    options[name] = valueOf(name, equals < 0 ? '' : one.slice(equals + 1).trim())
  }
  return { options, warnings: [...new Set(warnings)] }
}

function valueOf(name: keyof typeof kinds, text: string): string | number | boolean {
  switch (kinds[name]) {
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true'
      throw new Unusable(`${name} is "${text}": give true or false.`)
    case 'number':
      if (/^(-1|\d{1,9})$/.test(text)) return Number(text)
      throw new Unusable(`${name} is "${text}": give a whole number.`)
    case 'preference': {
      const preference = preferences.get(flat(text))
      if (preference) return preference
      throw new Unusable(`${name} is "${text}": give one of leader, follower, readOnlyReplica, random.`)
    }
    case 'text':
      try {
        if (text) return decodeURIComponent(text)
      } catch {
        // a % that begins no code
      }
      throw new Unusable(`${name} is empty, or holds a % that begins no code: write % as %25.`)
  }
}

function fileNamed(name: string, value: unknown): Buffer {
  const file = resolve(String(value))
  try {
    return readFileSync(file)
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new Unusable(
      `${name} names ${file}, which ${isMissing ? 'is not there' : 'cannot be read by this user'}: set ${name} to a PEM file that this user may read.`,
    )
  }
}
