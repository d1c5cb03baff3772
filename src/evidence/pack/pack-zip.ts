/** An evidence pack as a zip file: the evidence in forms that other tools read, and the page that verifies all of it. */
import { deflateSync, strFromU8, strToU8, unzipSync, Zip } from 'fflate'
import { promisify } from 'node:util'
import { crc32, deflateRaw } from 'node:zlib'
import { formatProof } from '../inclusion-proof.ts'
import {
  packFormat,
  PackRefused,
  type EntryApart,
  type EvidencePack,
  type PackedEvent,
  type PackedRow,
  type StoredContent,
} from './pack-format.ts'
import { packPage } from './pack-page.ts'
import { inSlices } from './slices.ts'
import { recordBytes } from './verification.ts'

/** The largest pack that is opened, in bytes once unpacked. */
const largestPack = 2 ** 30

/** From this size on, in bytes, a file is compressed on another thread. */
const large = 65_536

const deflateElsewhere = promisify(deflateRaw)

/** A pack of many events takes seconds to compress: requests of others are answered in between. */
export async function zipPack(pack: EvidencePack): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const zip = new Zip((error, chunk) => {
    if (error) throw error
    chunks.push(chunk)
  })
  const othersTurn = inSlices()
  for (const [name, text] of filesOf(pack)) {
    const bytes = strToU8(text)
    const packed = bytes.length < large ? deflateSync(bytes, { level: 6 }) : await deflateElsewhere(bytes, { level: 6 })
    const file = {
      filename: name,
      size: bytes.length,
      crc: crc32(bytes),
      compression: 8,
      mtime: pack.madeAt,
      ondata: undefined as ((error: Error | null, chunk: Uint8Array, isLast: boolean) => void) | undefined,
    }
    zip.add(file)
    file.ondata!(null, packed, true)
    await othersTurn()
  }
  zip.end()
  return Buffer.concat(chunks)
}

/** One after another, so that no more than one of them is worked out at a time. */
function* filesOf(pack: EvidencePack): Generator<readonly [name: string, text: string]> {
  yield* derivedFilesOf(pack)
  yield ['report.html', packPage(pack)]
  const { events, ...rest } = pack
  yield ['pack.json', `${JSON.stringify(rest, null, 2)}\n`]
  yield ['events.jsonl', eventLines(events)]
}

/** `events.jsonl`: one event a line. */
export const eventLines = (events: readonly PackedEvent[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('')

export interface UnzippedPack {
  readonly pack: EvidencePack
  readonly page: string
  /** The files that say what the pack says in another form, by name. */
  readonly others: ReadonlyMap<string, string>
}

/** @throws PackRefused where it is no evidence pack */
export function unzipPack(bytes: Uint8Array): UnzippedPack {
  const files = new Map(Object.entries(unzipped(bytes)).map(([name, content]) => [name, strFromU8(content)]))
  const taken = (name: string): string => {
    const text = files.get(name)
    if (text === undefined) throw new PackRefused(`There is no ${name} in it: this is no evidence pack.`)
    files.delete(name)
    return text
  }
  const page = taken('report.html')
  try {
    const rest = JSON.parse(taken('pack.json')) as EvidencePack
    const events = taken('events.jsonl')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as PackedEvent)
    if (rest?.format !== packFormat) throw new PackRefused('This pack is of another release, which has to check it.')
    const pack = { ...rest, events }
    if (!isPack(pack)) throw new PackRefused('A file in the pack is not what a pack has.')
    return { pack, page, others: files }
  } catch (error) {
    if (error instanceof SyntaxError) throw new PackRefused('A file in the pack is not JSON.')
    throw error
  }
}

/** What follows from the pack alone: for those who read with other tools. */
export const derivedFiles = (pack: EvidencePack): Record<string, string> => Object.fromEntries(derivedFilesOf(pack))

function* derivedFilesOf(pack: EvidencePack): Generator<readonly [name: string, text: string]> {
  yield ['README.txt', readMe(pack)]
  yield ['checkpoint.txt', pack.checkpoint]
  yield ['keys.txt', [...pack.logKeys, ...pack.witnessKeys].map((key) => `${key}\n`).join('')]
  for (const event of pack.events) {
    if (!event.proof) continue
    const { index, path } = event.proof
    const name = String(index).padStart(9, '0')
    yield [`records/${name}.json`, strFromU8(recordBytes(event))]
    const proof = formatProof({
      index,
      path: path.map((hash) => Buffer.from(hash, 'base64')),
      checkpoint: pack.checkpoint,
    })
    yield [`proofs/${name}.tlog-proof`, proof]
  }
}

/** Whoever hands in a pack may have written anything into it. */
function isPack({ scope, checkpoint, logKeys, witnessKeys, madeAt, id, events, apart }: EvidencePack): boolean {
  const isText = (value: unknown) => typeof value === 'string'
  const isContent = (content: StoredContent | undefined) =>
    content?.form === 'absent' || (typeof content?.form === 'string' && isText(content.text))
  const isRow = (row: PackedRow | null) =>
    row !== null &&
    [row.stream, row.eventId, row.type, row.occurredOn, row.recordedAt, row.by, row.says, row.span].every(isText) &&
    Array.isArray(row.alsoRestsOn) &&
    [row.revision, ...row.alsoRestsOn].every(Number.isSafeInteger)
  const isEvent = (event: PackedEvent | null) =>
    event !== null &&
    [event.stream, event.id, event.type].every(isText) &&
    Number.isSafeInteger(event.revision) &&
    isContent(event.data) &&
    isContent(event.metadata) &&
    (event.proof === null ||
      (Number.isSafeInteger(event.proof?.index) && Array.isArray(event.proof?.path) && event.proof.path.every(isText)))
  const isApart = (entry: EntryApart | null) =>
    isText(entry?.record) &&
    Number.isSafeInteger(entry?.proof?.index) &&
    Array.isArray(entry?.proof?.path) &&
    entry.proof.path.every(isText)
  return (
    (apart === undefined || (Array.isArray(apart) && apart.every(isApart))) &&
    [scope?.of, checkpoint, madeAt, id].every(isText) &&
    (scope.of !== 'register' || (Array.isArray(scope.rows) && scope.rows.every(isRow))) &&
    [logKeys, witnessKeys].every((keys) => Array.isArray(keys) && keys.every(isText)) &&
    events.every(isEvent)
  )
}

function unzipped(bytes: Uint8Array): Record<string, Uint8Array> {
  let size = 0
  try {
    return unzipSync(bytes, {
      filter({ originalSize }) {
        size += originalSize
        if (size > largestPack) throw new PackRefused('Unpacked, it is larger than any pack that is made here.')
        return true
      },
    })
  } catch (error) {
    if (error instanceof PackRefused) throw error
    throw new PackRefused('This is no zip file, or it is damaged.')
  }
}

const readMe = ({ id, madeAt, events, logKeys }: EvidencePack): string => `EVIDENCE PACK ${id}
made ${madeAt}, ${events.length} events

Open report.html in a browser. It needs no network: it verifies every event in
this pack against the signed log, and tells what the events say.

A pack proves itself only to somebody who knows the key of the log from
elsewhere. Compare it with the one in this pack:

${logKeys.join('\n')}

What is in it
  report.html     the report, with all of the below in it
  pack.json       what was asked, when, and under which keys; of a register
                  its rows
  events.jsonl    one event a line: data and metadata as stored, its proof, and
                  the personal details as opened, where they were asked for
  checkpoint.txt  the head of the log, signed by the log and its witnesses
                  (C2SP tlog-checkpoint, tlog-cosignature)
  keys.txt        verifier keys of the log and its witnesses (C2SP signed-note)
  records/        for each event the bytes that are a leaf of the log
  proofs/         for each event the proof that its record is in the log
                  (C2SP tlog-proof); its number is that of the record

To verify with other tools
  1. Verify the signatures of checkpoint.txt with the key of the log.
  2. A record names its event, and the SHA-256 of its data and metadata in
     the canonical form of RFC 8785: compare with events.jsonl.
  3. The leaf is SHA-256 of a zero byte and the record; the proof leads from
     there to the root in the checkpoint, as RFC 6962 has it.
With this product: npm run evidence -- check FILE --key KEY

Personal details are sealed in what is stored. That they were opened rightly
is not proved by the log; the service that made the pack vouches for it.
`
