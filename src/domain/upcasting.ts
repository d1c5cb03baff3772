/** How what was written in an earlier version of an event is said today. The log is never rewritten; it is understood. */
import type { EventType } from './events.ts'

/** From the open fields of one version to those of the next. What is sealed stays sealed and passes through. */
export type Upcast = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>

export type Upcasters = { readonly [T in EventType]?: readonly Upcast[] }

/**
 * For each event type whose meaning has changed, a step from each version to the next, that of version 1 first. Add a
 * step, and its event goes to the log in the next version from then on; never change one that has been released.
 */
export const upcasters: Upcasters = {}

/** The version in which an event type is written today. */
export const schemaVersionOf = (type: EventType, steps: Upcasters = upcasters): number => 1 + (steps[type]?.length ?? 0)

/** @returns the data as it is said today, or null where the version is none that this release knows */
export function upcast(
  type: EventType,
  version: unknown,
  data: Record<string, unknown>,
  steps: Upcasters = upcasters,
): Record<string, unknown> | null {
  if (!Number.isInteger(version) || (version as number) < 1) return null
  if ((version as number) > schemaVersionOf(type, steps)) return null
  return (steps[type] ?? []).slice((version as number) - 1).reduce((said, step) => step(said), data)
}
