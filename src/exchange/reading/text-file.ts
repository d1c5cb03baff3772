/** A text file in whichever encoding it was saved: recognised before anything of it is taken, and read piece by piece. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { NotAContactLog } from '../contact-log.ts'

export const encodings = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'] as const

export type Encoding = (typeof encodings)[number]

export interface RecognisedEncoding {
  readonly encoding: Encoding
  /** Nothing in the file says so: it is not UTF-8, and every byte means something in Windows-1252. */
  readonly guessed: boolean
}

/** The first bytes of a file. */
export async function beginningOf(file: string, length = 4_096): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/**
 * Finds out in which encoding a file is, by reading all of it: names that were read in the wrong encoding would be
 * somebody else's, and the first of them may come late.
 * @param said the encoding somebody named, which is checked and not doubted otherwise
 * @throws NotAContactLog where the file is in none of the encodings, or in two
 */
export async function encodingOf(file: string, said?: Encoding): Promise<RecognisedEncoding> {
  const marked = byMark(await beginningOf(file))
  const encoding = said ?? marked ?? 'utf-8'
  const { brokenOn, provenUtf8 } = await checked(file, encoding)
  if (brokenOn === undefined) return { encoding, guessed: false }
  if (said || marked) {
    throw new NotAContactLog(
      `The file is not in ${encodingNames[encoding]}: line ${brokenOn} of its text breaks off in the middle of a character. ${saveAgain}`,
    )
  }
  if (provenUtf8) {
    throw new NotAContactLog(
      `The file is in two encodings: most of it is UTF-8, but line ${brokenOn} of its text is not UTF-8. Mend that line, or export the file again as UTF-8. If all of it is in another encoding, say which with --encoding.`,
    )
  }
  return { encoding: 'windows-1252', guessed: true }
}

const saveAgain = 'Save it again as UTF-8, or say in which encoding it is with --encoding.'

export const encodingNames: Readonly<Record<Encoding, string>> = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16 (little endian)',
  'utf-16be': 'UTF-16 (big endian)',
  'windows-1252': 'Windows-1252',
}

/** By its byte-order mark; UTF-16 without one by where the zeros are, since a header is in ASCII. */
function byMark(bytes: Buffer): Encoding | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    if (bytes[2] === 0 && bytes[3] === 0) throw new NotAContactLog(`The file is in UTF-32. ${saveAgain}`)
    return 'utf-16le'
  }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const header = bytes.subarray(0, 40)
  const zeros = (first: number) => header.every((byte, at) => (byte === 0) === (at % 2 === first))
  if (header.length >= 4 && zeros(1)) return 'utf-16le'
  if (header.length >= 4 && zeros(0)) return 'utf-16be'
  return undefined
}

/** Whether every byte means something in the encoding, and if not on which line of text the first is that does not. */
async function checked(file: string, encoding: Encoding): Promise<{ brokenOn?: number; provenUtf8: boolean }> {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  let line = 1
  let lastCharacter = ''
  let provenUtf8 = false
  /** The bytes of a character that goes on in the next piece. */
  let begun = Buffer.alloc(0)
  const counted = (text: string) => {
    if (text === '') return
    line += lineEndsIn(text) - (lastCharacter === '\r' && text.startsWith('\n') ? 1 : 0)
    lastCharacter = text.at(-1)!
    provenUtf8 ||= encoding === 'utf-8' && /[^\0-\x7f\ufeff]/.test(text)
  }
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1_024 }) as AsyncIterable<Buffer>) {
    const bytes = begun.length === 0 ? chunk : Buffer.concat([begun, chunk])
    try {
      const text = decoder.decode(chunk, { stream: true })
      counted(text)
      const taken =
        encoding === 'utf-8' ? Buffer.byteLength(text) : encoding === 'windows-1252' ? text.length : 2 * text.length
      begun = Buffer.from(bytes.subarray(taken))
    } catch {
      counted(decodedUntilBroken(bytes, encoding))
      return { brokenOn: line, provenUtf8 }
    }
  }
  return begun.length > 0 ? { brokenOn: line, provenUtf8 } : { provenUtf8 }
}

function decodedUntilBroken(bytes: Buffer, encoding: Encoding): string {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  let text = ''
  try {
    for (const byte of bytes) text += decoder.decode(Uint8Array.of(byte), { stream: true })
  } catch {
    // What came before this byte is in the text.
  }
  return text
}

const lineEndsIn = (text: string): number => text.match(/\r+\n|\r|\n/g)?.length ?? 0

export interface TextPiece {
  readonly text: string
  /** How many bytes of the file have been read with it. */
  readonly bytes: number
  readonly isLast: boolean
}

/** The text of a file, piece by piece, without its byte-order mark; the last piece may be empty. */
export async function* textOf(file: string, encoding: Encoding): AsyncGenerator<TextPiece> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  let bytes = 0
  for await (const chunk of createReadStream(file, { highWaterMark: 64 * 1_024 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    yield { text: decoder.decode(chunk, { stream: true }), bytes, isLast: false }
  }
  yield { text: decoder.decode(), bytes, isLast: true }
}
