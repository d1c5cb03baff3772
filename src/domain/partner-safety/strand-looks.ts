/** Looks at the partner-safety strand, as its own consultation log keeps them. Nothing personal is in them. */
import type { Instant } from '../calendar.ts'
import type { Actor } from '../history.ts'

/** The streams of one record: every look at it. */
export const strandLookCategory = 'partnersafety_look'
/** The streams of one worker: every look of his or hers, and every list that was shown. */
export const strandLookByCategory = 'partnersafety_look_by'

/** Names are the stored format: add to them, never rename them. */
export const strandViews = {
  lists: 'The lists',
  record: 'The record',
  form: 'A form to record something',
  looks: 'Who looked at the record',
} as const
export type StrandView = keyof typeof strandViews

interface StrandLook {
  readonly at: Instant
  readonly by: Pick<Actor, 'id' | 'role'>
  readonly view: StrandView
}

/** @returns null for what is no look, or cannot be understood */
export function strandLookFrom({ data, metadata }: { data: unknown; metadata: unknown }): StrandLook | null {
  const { view } = (data ?? {}) as { view?: unknown }
  const { recordedAt, actor } = (metadata ?? {}) as { recordedAt?: unknown; actor?: Partial<Actor> }
  if (typeof view !== 'string' || !Object.hasOwn(strandViews, view)) return null
  if (typeof recordedAt !== 'string' || typeof actor?.id !== 'string' || typeof actor.role !== 'string') return null
  return { at: recordedAt, by: { id: actor.id, role: actor.role }, view: view as StrandView }
}
