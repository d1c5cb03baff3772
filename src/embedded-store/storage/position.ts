/**
 * Log positions.
 *
 * EventStoreDB's positions are byte offsets: they grow and leave gaps. These leave gaps too, so that clients cannot come to
 * rely on consecutive numbers. A position can be converted into the event's ordinal, which counts 1, 2, 3 ... without gaps: a
 * missing ordinal is a missing event, and the number of events between two positions follows without counting.
 */

const SPACING = 128n

/** Larger than every revision and position of an event; also the revision of a tombstone. */
export const INT64_MAX = 9223372036854775807n

export function positionOf(ordinal: bigint): bigint {
  return ordinal * SPACING + (((ordinal * 40503n) >> 3n) & 63n)
}

/** The ordinal of the event at or before this position. */
export function ordinalOf(position: bigint): bigint {
  const ordinal = position / SPACING
  return positionOf(ordinal) > position ? ordinal - 1n : ordinal
}

/**
 * Clients send positions and revisions as unsigned 64-bit integers, the largest meaning "the end"; SQLite's integers are
 * signed.
 */
export function clampToInt64(value: bigint): bigint {
  return value > INT64_MAX ? INT64_MAX : value
}
