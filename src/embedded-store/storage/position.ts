/**
 * Where an event stands in the log.
 *
 * EventStoreDB's positions are byte offsets: they grow, and they leave gaps. Ours are made to leave gaps too, so that nobody can
 * come to rely on "the next one is one more". Each position can be turned back into the event's ordinal, which counts 1, 2, 3 ...
 * without a gap: a missing ordinal is a missing event, and how many events lie between two positions needs no counting.
 */

const SPACING = 128n

/** A revision or position beyond every other: the end, and the revision of a tombstone. */
export const INT64_MAX = 9223372036854775807n

export function positionOf(ordinal: bigint): bigint {
  return ordinal * SPACING + (((ordinal * 40503n) >> 3n) & 63n)
}

/** The ordinal of the event at or before this position. */
export function ordinalOf(position: bigint): bigint {
  const ordinal = position / SPACING
  return positionOf(ordinal) > position ? ordinal - 1n : ordinal
}

/** Positions come from callers as unsigned 64-bit numbers, where the largest means "the end". SQLite's are signed. */
export function clampToInt64(value: bigint): bigint {
  return value > INT64_MAX ? INT64_MAX : value
}
