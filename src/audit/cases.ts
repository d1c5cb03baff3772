/** From what an auditor knows of a case to the streams that have it. */
import type { Vault } from '../protection/vault.ts'
import type { EventIndex } from './event-index.ts'

const opaqueId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const streamName = /^(?:journey|participant|group|session|import|evidence|limitedaccess)-[\w.-]{1,80}$/

/** Whether it is how a stream of evidence may be called; there need not be one. */
export const isStreamName = (text: unknown): text is string => typeof text === 'string' && streamName.test(text)

export class Cases {
  private readonly vault: Pick<Vault, 'find'>
  private readonly index: Pick<EventIndex, 'concernedBy' | 'concerning' | 'newestIn'>

  constructor(vault: Pick<Vault, 'find'>, index: Pick<EventIndex, 'concernedBy' | 'concerning' | 'newestIn'>) {
    this.vault = vault
    this.index = index
  }

  /** The stream that somebody names by a reference, a CRN, an id or its own name; null where there is none. */
  streamNamed(text: string): string | null {
    if (isStreamName(text)) return this.isKnown(text) ? text : null
    if (opaqueId.test(text)) {
      const streams = ['journey', 'participant', 'group', 'session'].map((category) => `${category}-${text}`)
      return streams.find((stream) => this.index.newestIn(stream) !== null) ?? null
    }
    const group = `group-${text}`
    if (isStreamName(group) && this.index.concerning(group).length > 0) return group
    const found = {
      journey: this.vault.find('reference', text),
      participant: this.vault.find('crn', text),
    }
    // A reference or a CRN is registered before the log is told of it, and it may never be told.
    const streams = Object.entries(found).flatMap(([category, id]) => (id === undefined ? [] : [`${category}-${id}`]))
    return streams.find((stream) => this.isKnown(stream)) ?? null
  }

  /** All streams of the case that a stream is of: of a journey its person too, of a person all his journeys, of a group its sessions. */
  streamsOf(stream: string): readonly string[] {
    if (stream.startsWith('journey-'))
      return [stream, ...this.index.concernedBy(stream).filter((name) => name.startsWith('participant-'))]
    return [stream, ...this.index.concerning(stream)]
  }

  /** All that belongs to a group: its own stream, its sessions, and the journeys of whoever has or had a place in it. */
  streamsOfGroup(stream: string): readonly string[] {
    const streams = [stream, ...this.index.concerning(stream), ...this.index.concernedBy(stream)]
    return [...new Set(streams)].filter((name) => this.index.newestIn(name) !== null)
  }

  private isKnown(stream: string): boolean {
    return this.index.newestIn(stream) !== null || this.index.concerning(stream).length > 0
  }

  /** The journeys that somebody sees who is shown a stream: its own, or those of the person. */
  journeysIn(stream: string): readonly string[] {
    const streams = stream.startsWith('journey-')
      ? [stream]
      : [...this.index.concerning(stream), ...this.index.concernedBy(stream)]
    return [
      ...new Set(streams.filter((name) => name.startsWith('journey-')).map((name) => name.slice('journey-'.length))),
    ]
  }
}
