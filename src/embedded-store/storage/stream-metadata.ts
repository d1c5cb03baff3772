/**
 * The settings of `stream` in the events of `$$stream`. Integers are parsed exactly: the `$tb` of a deleted stream exceeds the
 * safe integers of JavaScript.
 */
import { INT64_MAX } from './position.ts'

export interface StreamMetadata {
  maxCount: bigint | null
  /** Seconds. */
  maxAge: bigint | null
  truncateBefore: bigint | null
  /** `$acl` as JSON text. */
  acl: string | null
}

const NO_SETTINGS: StreamMetadata = { maxCount: null, maxAge: null, truncateBefore: null, acl: null }

/** Metadata that is not a JSON object has no settings, as in EventStoreDB. */
export function readStreamMetadata(data: Uint8Array, isJson: boolean): StreamMetadata {
  const json = isJson ? parseExact(Buffer.from(data).toString('utf8')) : undefined
  if (!json) return NO_SETTINGS
  return {
    maxCount: positive(json['$maxCount'], 1n),
    maxAge: positive(json['$maxAge'], 1n),
    truncateBefore: positive(json['$tb'], 0n),
    acl:
      json['$acl'] === undefined
        ? null
        : JSON.stringify(json['$acl'], (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  }
}

/** The same metadata with another `$tb`; all other properties are kept. */
export function withTruncateBefore(data: Uint8Array | undefined, truncateBefore: bigint): Buffer {
  const json = (data && parseExact(Buffer.from(data).toString('utf8'))) ?? {}
  return Buffer.from(stringifyExact({ ...json, $tb: truncateBefore }))
}

type Json = Record<string, unknown>

function parseExact(text: string): Json | undefined {
  try {
    const value = JSON.parse(text, exactIntegers as (key: string, value: unknown) => unknown) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

function exactIntegers(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? ''))
    return BigInt(context.source!)
  return value
}

function stringifyExact(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(stringifyExact).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, part]) => `${JSON.stringify(key)}:${stringifyExact(part)}`)
      .join(',')}}`
  return JSON.stringify(value)
}

function positive(value: unknown, least: bigint): bigint | null {
  const number = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined
  return number === undefined || number < least || number > INT64_MAX ? null : number
}
