/** Every way in which a request can fail, classified in one place; a page and the API each say it in their own words. */
import { HttpException } from '@nestjs/common'
import { isDatabaseUnavailable } from '../../../projections/storage/availability.ts'
import { IdentityProviderUnavailable } from '../../access/identity-provider.ts'
import { Forbidden, SignedOut } from '../../access/policy.ts'
import { ClockWrong } from '../../commands/clock-check.ts'
import { UnusualReachRefused } from '../../access/unusual-reach.ts'
import { ReachUnknown } from '../../access/reach.ts'
import { ConsultationLogUnavailable } from '../../commands/consultation-log.ts'
import { StaleRevision } from '../../commands/decide-and-append.ts'
import { PoisonEvent } from '../../domain/codec.ts'
import { Refusal } from '../../domain/history.ts'
import { OdditiesUnconfirmed, type Oddity } from '../../domain/journey/oddities.ts'
import { ConcurrencyConflict, StoreUnavailable } from '../../event-store/store-errors.ts'
import { KeyMissing, KeysBusy, SealBroken } from '../../protection/vault.ts'

export type FailureCode =
  /** A rule of the domain said no: `refusal` says which. */
  | 'refused'
  /** It is possible and unusual, and nobody has said yet that it is meant: `oddities` says what is unusual. */
  | 'oddities'
  | 'changed_meanwhile'
  | 'busy'
  /** A database of ours is locked by another process. Nothing was changed. */
  | 'database_busy'
  | 'store_unavailable'
  /** The clock of this machine cannot be believed, so nothing is recorded. */
  | 'clock_wrong'
  | 'read_models_unavailable'
  /** Nobody is signed in, or no longer. */
  | 'signed_out'
  | 'forbidden'
  | 'identity_provider_unavailable'
  /** Who may see a case could not be found out, so nothing is shown. */
  | 'reach_unknown'
  /** Who looked could not be written down, so nothing is shown. */
  | 'consultation_log_unavailable'
  /** The token of a form is missing or too old. */
  | 'form_expired'
  | 'journey_unreadable'
  /** The key to a participant's personal details is not among ours. */
  | 'key_missing'
  | 'storage_full'
  | 'malformed_request'
  | 'malformed_json'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'body_too_large'
  /** The body is of a media type that is not taken here. */
  | 'unsupported_media_type'
  | 'too_many_requests'
  /** More records than are usual were asked for. */
  | 'too_many_records'
  | 'closing'
  | 'unexpected'

export interface Failure {
  readonly code: FailureCode
  readonly refusal?: Refusal
  readonly oddities?: readonly Oddity[]
  /** The status that the framework gave, where it was the framework that failed the request. */
  readonly status?: number
}

/** Whatever is not foreseen is `unexpected`. Messages of the framework may quote what was sent, so only codes and types are looked at. */
export function classifyFailure(error: unknown): Failure {
  if (error instanceof Refusal) return { code: 'refused', refusal: error }
  if (error instanceof OdditiesUnconfirmed) return { code: 'oddities', oddities: error.oddities }
  if (error instanceof StaleRevision) return { code: 'changed_meanwhile' }
  if (error instanceof KeysBusy) return { code: 'database_busy' }
  if (error instanceof ConcurrencyConflict) return { code: 'busy' }
  if (error instanceof ClockWrong) return { code: 'clock_wrong' }
  if (error instanceof StoreUnavailable) return { code: 'store_unavailable' }
  if (isDatabaseUnavailable(error)) return { code: 'read_models_unavailable' }
  if (error instanceof UnusualReachRefused) return { code: 'too_many_records' }
  if (error instanceof ReachUnknown) return { code: 'reach_unknown' }
  if (error instanceof ConsultationLogUnavailable) return { code: 'consultation_log_unavailable' }
  if (error instanceof SignedOut) return { code: 'signed_out' }
  if (error instanceof IdentityProviderUnavailable) return { code: 'identity_provider_unavailable' }
  if (error instanceof Forbidden) return { code: 'forbidden' }
  if (error instanceof PoisonEvent || error instanceof SealBroken) return { code: 'journey_unreadable' }
  if (error instanceof KeyMissing) return { code: 'key_missing' }
  if (!(error instanceof Error)) return { code: 'unexpected' }
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  if ([code, cause?.code].some((one) => typeof one === 'string' && one.startsWith('FST_CSRF_')))
    return { code: 'form_expired' }
  return error instanceof HttpException ? ofStatus(error.getStatus()) : ofFramework(error)
}

/** The numbers node:sqlite gives where better-sqlite3 gives names. */
const sqlite = { busy: 5, full: 13 } as const

function ofFramework({
  code,
  errcode,
  statusCode,
}: Error & { code?: unknown; errcode?: unknown; statusCode?: unknown }): Failure {
  const kind = typeof errcode === 'number' ? errcode & 0xff : undefined // the other bytes say more of the same
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return { code: 'body_too_large', status: 413 }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return { code: 'unsupported_media_type', status: 415 }
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY' || code === 'FST_ERR_CTP_INVALID_JSON_BODY')
    return { code: 'malformed_json', status: 400 }
  if (code === 'SQLITE_FULL' || kind === sqlite.full) return { code: 'storage_full' }
  if ((typeof code === 'string' && code.startsWith('SQLITE_BUSY')) || kind === sqlite.busy)
    return { code: 'database_busy' }
  if (typeof statusCode !== 'number') return { code: 'unexpected' }
  return statusCode === 400 ? { code: 'malformed_json', status: 400 } : ofStatus(statusCode)
}

const byStatus: Readonly<Record<number, FailureCode>> = {
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  503: 'closing',
}

const ofStatus = (status: number): Failure => ({
  code: byStatus[status] ?? (status >= 400 && status < 500 ? 'malformed_request' : 'unexpected'),
  status,
})
