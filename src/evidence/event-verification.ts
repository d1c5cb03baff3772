/** Compares the event store with the evidence log, event by event: each has exactly one verdict, and what is wrong has a name. */
import type { FoundEvent } from '../runtime/stored-events.ts'
import type { EvidenceFile } from './evidence-file.ts'
import { parseRecord, recordOf, type EvidenceRecord } from './leaf.ts'
import type { VerifiedLog } from './log-verification.ts'
import { hashBytes, leafHash } from './merkle-tree.ts'

/**
 * `ok`: as recorded. `altered`: something else than was recorded, or something that cannot be read. `missing`: recorded, and gone.
 * `extra`: never recorded, among events that were. `reordered`: as recorded, but in another place. `erased-authorised`: its
 * personal data, or the whole of it, was destroyed under an authority that the register of erasures names. `not-yet-covered`: after
 * everything the signed head covers.
 */
export type EventVerdict =
  'ok' | 'altered' | 'missing' | 'extra' | 'reordered' | 'erased-authorised' | 'not-yet-covered'

export interface Finding {
  readonly verdict: Exclude<EventVerdict, 'ok' | 'erased-authorised' | 'not-yet-covered'>
  /** Where the event was recorded to be; where it is found, for one that was never recorded. */
  readonly stream: string
  readonly revision: number
  /** Its leaf in the log; absent where it was never recorded. */
  readonly index?: number
  /** Where it is now, where that is elsewhere. */
  readonly foundAt?: { readonly stream: string; readonly revision: number }
  /** In a phrase, what is wrong. */
  readonly why: string
}

export interface VerifiedEvents {
  readonly counts: Readonly<Record<EventVerdict, number>>
  readonly findings: readonly Finding[]
}

export interface EventVerification {
  /** Ids of keys that were destroyed, and streams that were removed, under an authority. */
  readonly erased?: ReadonlySet<string>
  /** Told now and then how many events have been compared. */
  readonly onProgress?: (events: number) => void
}

/** An event of the store that is not word for word a leaf of the log. */
interface Unmatched {
  readonly stream: string
  readonly revision: number
  readonly position: bigint | null
  readonly record: EvidenceRecord | undefined
  readonly problem: string | undefined
}

export async function verifyEvents(
  file: EvidenceFile,
  { leaves }: Pick<VerifiedLog, 'leaves'>,
  events: AsyncIterable<readonly FoundEvent[]>,
  { erased = new Set(), onProgress }: EventVerification = {},
): Promise<VerifiedEvents> {
  const counts: Record<EventVerdict, number> = {
    ok: 0,
    altered: 0,
    missing: 0,
    extra: 0,
    reordered: 0,
    'erased-authorised': 0,
    'not-yet-covered': 0,
  }
  const findings: Finding[] = []
  const report = (finding: Finding) => {
    counts[finding.verdict]++
    findings.push(finding)
  }

  const size = leaves.length / hashBytes
  const readUpTo = file.head()?.position ?? null
  const index = new LeafIndex(leaves)
  const matched = new Uint8Array(size)
  /** The leaves that were found, in the order of the store. */
  const sequence: number[] = []
  const erasedLeaves = new Set<number>()
  const unmatched: Unmatched[] = []
  let compared = 0
  for await (const batch of events) {
    for (const { stream, revision, position, content, problem } of batch) {
      const record = content && recordOf({ stream, revision, ...content })
      const nth =
        record && !problem ? index.find(leafHash(record), sequence.length === 0 ? 0 : sequence.at(-1)! + 1) : -1
      if (nth >= 0 && matched[nth] === 0) {
        matched[nth] = 1
        sequence.push(nth)
        if (erased.size > 0 && isErased(content!.metadata, erased)) erasedLeaves.add(nth)
      } else unmatched.push({ stream, revision, position, record: record && parseRecord(record), problem })
    }
    compared += batch.length
    onProgress?.(compared)
  }

  const inPlace = longestRising(sequence)
  for (const [at, nth] of sequence.entries()) {
    if (inPlace[at] === 0) {
      const { stream, revision } = parseRecord(file.records(nth, nth + 1)[0]!)
      report({
        verdict: 'reordered',
        stream,
        revision,
        index: nth,
        why: 'it stands elsewhere in the order of all events',
      })
    } else counts[erasedLeaves.has(nth) ? 'erased-authorised' : 'ok']++
  }

  const rest = new RestOfLog(file, matched)
  const remaining = claim(unmatched, (event) => {
    // The same event in another place.
    if (!event.record) return false
    const found = rest.take('content', contentOf(event.record))
    if (!found) return false
    const { stream, revision, index } = found
    const foundAt = { stream: event.stream, revision: event.revision }
    if (stream === foundAt.stream && revision === foundAt.revision)
      report({ verdict: 'altered', stream, revision, index, why: event.problem ?? 'it cannot be read' })
    else report({ verdict: 'reordered', stream, revision, index, foundAt, why: 'it stands in another place' })
    return true
  })
  const strangers = claim(remaining, (event) => {
    const found = rest.take('place', placeOf(event))
    if (!found) return false
    const { stream, revision, index } = found
    report({
      verdict: 'altered',
      stream,
      revision,
      index,
      why: event.problem ?? differenceOf(found.record, event.record!),
    })
    return true
  })
  const unknown = claim(strangers, (event) => {
    const found = event.record && rest.take('id', event.record.id)
    if (!found) return false
    const { stream, revision, index } = found
    const foundAt = { stream: event.stream, revision: event.revision }
    const why = `${differenceOf(found.record, event.record!)}, and it stands in another place`
    report({ verdict: 'altered', stream, revision, index, foundAt, why })
    return true
  })
  for (const { stream, revision, position, problem } of unknown) {
    const isAfter = readUpTo === null || (position !== null && position > readUpTo)
    if (problem) report({ verdict: 'altered', stream, revision, why: problem })
    else if (isAfter || (file.indexOf(stream, revision) ?? -1) >= size) counts['not-yet-covered']++
    else report({ verdict: 'extra', stream, revision, why: 'the log has never recorded it' })
  }
  for (const { stream, revision, index } of rest.left()) {
    if (erased.has(stream)) counts['erased-authorised']++
    else report({ verdict: 'missing', stream, revision, index, why: 'it was recorded, and is not in the store' })
  }
  findings.sort((one, other) => (one.index ?? Infinity) - (other.index ?? Infinity))
  return { counts, findings }
}

/** Finds leaves by their hash. The next one is nearly always the one that is looked for: an index is made when it is not. */
class LeafIndex {
  private byHash: Map<number, number[]> | undefined
  private readonly leaves: Buffer

  constructor(leaves: Buffer) {
    this.leaves = leaves
  }

  /** @returns -1 where no leaf has the hash */
  find(hash: Buffer, expected: number): number {
    if (this.isAt(expected, hash)) return expected
    this.byHash ??= this.made()
    return this.byHash.get(hash.readUIntBE(0, 6))?.find((nth) => this.isAt(nth, hash)) ?? -1
  }

  private isAt(nth: number, hash: Buffer): boolean {
    const begin = nth * hashBytes
    return begin < this.leaves.length && this.leaves.compare(hash, 0, hashBytes, begin, begin + hashBytes) === 0
  }

  private made(): Map<number, number[]> {
    const map = new Map<number, number[]>()
    for (let nth = 0; nth * hashBytes < this.leaves.length; nth++) {
      const key = this.leaves.readUIntBE(nth * hashBytes, 6)
      const known = map.get(key)
      if (known) known.push(nth)
      else map.set(key, [nth])
    }
    return map
  }
}

interface Recorded {
  readonly index: number
  readonly stream: string
  readonly revision: number
  readonly record: EvidenceRecord
}

/** The leaves that no event of the store is, until one claims them. */
class RestOfLog {
  private readonly by = {
    content: new Map<string, Recorded[]>(),
    place: new Map<string, Recorded[]>(),
    id: new Map<string, Recorded[]>(),
  }
  private readonly taken = new Set<number>()
  private readonly all: Recorded[] = []

  constructor(file: EvidenceFile, matched: Uint8Array) {
    for (const [index, isMatched] of matched.entries()) {
      if (isMatched === 1) continue
      const [bytes] = file.records(index, index + 1)
      if (!bytes) continue
      const record = parseRecord(bytes)
      const recorded = { index, record, stream: record.stream, revision: record.revision }
      this.all.push(recorded)
      for (const [how, key] of [
        ['content', contentOf(record)],
        ['place', placeOf(record)],
        ['id', record.id],
      ] as const) {
        const known = this.by[how].get(key)
        if (known) known.push(recorded)
        else this.by[how].set(key, [recorded])
      }
    }
  }

  take(how: 'content' | 'place' | 'id', key: string): Recorded | null {
    const found = this.by[how].get(key)?.find(({ index }) => !this.taken.has(index))
    if (!found) return null
    this.taken.add(found.index)
    return found
  }

  left(): Recorded[] {
    return this.all.filter(({ index }) => !this.taken.has(index))
  }
}

/** @returns those that were not dealt with */
const claim = (events: readonly Unmatched[], deal: (event: Unmatched) => boolean): Unmatched[] =>
  events.filter((event) => !deal(event))

const contentOf = ({ id, type, data, metadata }: EvidenceRecord) => JSON.stringify([id, type, data, metadata])
const placeOf = ({ stream, revision }: { stream: string; revision: number }) => `${stream} ${revision}`

function differenceOf(recorded: EvidenceRecord, found: EvidenceRecord): string {
  const fields = (['id', 'type', 'data', 'metadata'] as const).filter((field) => recorded[field] !== found[field])
  return `its ${fields.join(' and ')} ${fields.length > 1 || fields[0] === 'data' ? 'are' : 'is'} not what was recorded`
}

const isErased = (metadata: unknown, erased: ReadonlySet<string>): boolean => {
  const { keyId } = (metadata ?? {}) as { keyId?: unknown }
  return typeof keyId === 'string' && erased.has(keyId)
}

/** Marks the longest rising part of a sequence of different numbers: what does not belong to it has changed its place. */
function longestRising(sequence: readonly number[]): Uint8Array {
  const marked = new Uint8Array(sequence.length).fill(1)
  if (sequence.every((value, at) => at === 0 || value > sequence[at - 1]!)) return marked
  /** By length less one, where the rising part of that length ends that has the smallest last number. */
  const ends: number[] = []
  const before = new Int32Array(sequence.length)
  for (const [at, value] of sequence.entries()) {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (sequence[ends[middle]!]! < value) low = middle + 1
      else high = middle
    }
    before[at] = low > 0 ? ends[low - 1]! : -1
    ends[low] = at
  }
  marked.fill(0)
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at]!) marked[at] = 1
  return marked
}
