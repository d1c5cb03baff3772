/** Whether the evidence log is what was signed: its entries lead to every head, and no head was signed by anybody else. */
import { openCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import type { EvidenceFile } from './evidence-file.ts'
import { CompactRange, hashBytes, leafHash } from './merkle-tree.ts'
import { MalformedNote, SignatureBad, parseNote, type VerifierKey } from './signed-note.ts'
import { tileWidth } from './tiles.ts'

/** `fork`: there are two histories under one name. `signature-bad`: nobody we trust has signed the head. */
export type LogVerdict = 'ok' | 'fork' | 'signature-bad'

export interface VerifiedLog {
  readonly verdict: LogVerdict
  /** In sentences, what is wrong. */
  readonly problems: readonly string[]
  /** The latest signed head; null where there is none that can be read. */
  readonly head: Checkpoint | null
  /** The leaf hashes that the head covers, one after another: those that lead to it, where any do. */
  readonly leaves: Buffer
  /** How many leaves there are beyond the head, which nobody has signed yet. */
  readonly unsigned: number
}

const pageSize = 4_096

/**
 * @param trusted the keys of the log, those it was signed with earlier among them
 * @param known checkpoints that somebody else has kept, as signed notes
 */
export function verifyLog(
  file: EvidenceFile,
  trusted: readonly VerifierKey[],
  known: readonly string[] = [],
): VerifiedLog {
  const problems: string[] = []
  let verdict: LogVerdict = 'ok'
  const wrong = (kind: Exclude<LogVerdict, 'ok'>, problem: string) => {
    // A second history weighs more than a head that nobody vouches for.
    if (verdict !== 'fork') verdict = kind
    if (problems.length < 20) problems.push(problem)
  }

  const heads: Checkpoint[] = []
  let head: Checkpoint | null = null
  for (const { note, size } of file.checkpoints()) {
    const opened = read(note, trusted)
    if (opened.problem) wrong('signature-bad', `The head at size ${size}: ${opened.problem}`)
    if (!opened.checkpoint) continue
    if (opened.checkpoint.size !== size) wrong('signature-bad', `The head at size ${size} says it is another.`)
    heads.push(opened.checkpoint)
    head = opened.checkpoint
  }
  const recorded = file.records(0, 1).length > 0
  if (!head && recorded) wrong('signature-bad', 'No head of the log is signed.')
  for (const note of known) {
    const opened = read(note, trusted)
    if (!opened.checkpoint || opened.problem)
      wrong('signature-bad', `A head that was kept elsewhere: ${opened.problem}`)
    else heads.push(opened.checkpoint)
  }

  const { byRecord, byTile, size } = leavesOf(file)
  const leadsTo = (hashes: Buffer, { size, root }: Checkpoint) => rootAt(hashes, size)?.equals(root) ?? false
  // Where entries and tiles disagree, those that lead to the head are what was signed.
  const signed = head && !leadsTo(byRecord, head) && leadsTo(byTile, head) ? byTile : byRecord
  if (!byRecord.equals(byTile)) {
    const first = firstDifference(byRecord, byTile)
    wrong('fork', `Entry ${first} of the log is not the one that was hashed.`)
  }
  const roots = rootsOf(signed, new Set(heads.map((one) => one.size)))
  for (const { size: at, root } of heads) {
    if (at > size) wrong('fork', `The log has ${size} entries, and a head was signed at ${at}.`)
    else if (!roots.get(at)!.equals(root)) wrong('fork', `The first ${at} entries are not those whose head was signed.`)
  }
  const covered = Math.min(head?.size ?? 0, size)
  return { verdict, problems, head, leaves: signed.subarray(0, covered * hashBytes), unsigned: size - covered }
}

function read(
  note: string,
  trusted: readonly VerifierKey[],
): { checkpoint: Checkpoint | null; problem: string | null } {
  try {
    return { checkpoint: openCheckpoint(note, trusted), problem: null }
  } catch (error) {
    if (!(error instanceof SignatureBad) && !(error instanceof MalformedNote)) throw error
    return { checkpoint: unsignedCheckpoint(note), problem: error.message }
  }
}

/** What it says, so that the events can still be compared with the log. */
function unsignedCheckpoint(note: string): Checkpoint | null {
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch {
    return null
  }
}

/** The leaf hashes twice: worked out from the entries, and as the tiles have them. */
function leavesOf(file: EvidenceFile): { byRecord: Buffer; byTile: Buffer; size: number } {
  const byRecord: Buffer[] = []
  for (let from = 0; ; from += pageSize) {
    const records = file.records(from, from + pageSize)
    byRecord.push(Buffer.concat(records.map((record) => leafHash(record))))
    if (records.length < pageSize) break
  }
  const byTile: Buffer[] = []
  for (let index = 0; ; index++) {
    const hashes = file.hashes(0, index)
    if (hashes) byTile.push(hashes)
    if (!hashes || hashes.length < tileWidth * hashBytes) break
  }
  const [records, tiles] = [Buffer.concat(byRecord), Buffer.concat(byTile)]
  return { byRecord: records, byTile: tiles, size: Math.floor(Math.max(records.length, tiles.length) / hashBytes) }
}

function rootAt(hashes: Buffer, size: number): Buffer | undefined {
  return rootsOf(hashes, new Set([size])).get(size)
}

/** The roots at some sizes; what is not there has no root. */
function rootsOf(hashes: Buffer, sizes: ReadonlySet<number>): Map<number, Buffer> {
  const range = new CompactRange()
  const roots = new Map<number, Buffer>()
  if (sizes.has(0)) roots.set(0, range.root())
  const size = Math.floor(hashes.length / hashBytes)
  while (range.size < size) {
    range.append(hashes.subarray(range.size * hashBytes, (range.size + 1) * hashBytes))
    if (sizes.has(range.size)) roots.set(range.size, range.root())
  }
  return roots
}

function firstDifference(one: Buffer, other: Buffer): number {
  const end = Math.min(one.length, other.length)
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return Math.floor(at / hashBytes)
  return Math.floor(end / hashBytes)
}
