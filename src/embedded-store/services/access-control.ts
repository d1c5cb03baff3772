/** Who may read and write which stream: EventStoreDB's defaults, and the stream's own `$acl`. */
import type { CallerIdentity } from '../grpc/grpc-server.ts'

export type StreamAction = 'read' | 'write' | 'delete' | 'readMetadata' | 'writeMetadata'

const ACL_KEYS: Record<StreamAction, string> = {
  read: '$r',
  write: '$w',
  delete: '$d',
  readMetadata: '$mr',
  writeMetadata: '$mw',
}

/**
 * Without TLS there is no authentication; like EventStoreDB's insecure mode, the store then treats every caller as an
 * administrator.
 */
export const EVERYONE_IS_ADMIN: CallerIdentity = { name: 'admin', groups: ['$admins'] }

/** A caller without credentials. A client certificate is not looked at, and is none. */
export const ANONYMOUS: CallerIdentity = { name: '', groups: [] }

export const isAdmin = (identity: CallerIdentity) => identity.groups.includes('$admins')

/** May manage persistent subscriptions and projections. */
export const isOperator = (identity: CallerIdentity) => isAdmin(identity) || identity.groups.includes('$ops')

/**
 * Whether a caller may do something with a stream. What an `$acl` does not mention follows the defaults: everything is open to
 * everyone, except that streams beginning with `$` are open to `$admins` only.
 * @param acl returns the JSON text of the stream's `$acl`, null when it has none; for `$$stream`, that of `stream`. It is not
 * called for administrators: the lookup costs as much as a fifth of an append.
 */
export function isAllowed(
  identity: CallerIdentity,
  action: StreamAction,
  stream: string,
  acl: () => string | null,
): boolean {
  if (stream === '$all' && action !== 'read' && action !== 'readMetadata')
    return action === 'writeMetadata' && isAdmin(identity)
  if (isAdmin(identity)) return true
  const roles = rolesFor(acl(), ACL_KEYS[action]) ?? (stream.startsWith('$') ? ['$admins'] : ['$all'])
  return roles.some((role) => role === '$all' || role === identity.name || identity.groups.includes(role))
}

function rolesFor(acl: string | null, key: string): readonly string[] | undefined {
  if (acl === null) return undefined
  const rules = JSON.parse(acl) as unknown
  // `$userStreamAcl` and `$systemStreamAcl` stand for the default access lists.
  if (rules === '$userStreamAcl') return ['$all']
  if (typeof rules !== 'object' || rules === null) return ['$admins']
  const roles = (rules as Record<string, unknown>)[key]
  if (typeof roles === 'string') return roles === '' ? ['$admins'] : [roles]
  if (Array.isArray(roles)) return roles.filter((role) => typeof role === 'string')
  return undefined
}
