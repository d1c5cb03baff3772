/**
 * The keys that sign the evidence log, in a file of their own among the keys and never in a database. A line is a key, in the form
 * of Go's sumdb/note; the log is signed with every one of them. To replace a key, put a new line of the same name above it and
 * take the old one away when everybody who verifies has the new one.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  MalformedNote,
  newSigningKey,
  parseSigningKey,
  parseVerifierKey,
  type SigningKey,
  type VerifierKey,
} from './signed-note.ts'

const secretFile = 'evidence.key'
/** Every key that was ever used, for who verifies. */
const publicFile = 'evidence.pub'

export interface SigningKeys {
  readonly keys: readonly [SigningKey, ...SigningKey[]]
  /** They were made just now. */
  readonly areNew: boolean
}

/**
 * The keys in the directory; the first is made where there is none.
 * @param origin the name of a log that is there already and whose keys are gone
 * @throws MalformedNote where the file has a line that is no key, or keys of different names
 */
export function signingKeysIn(keysDir: string, origin?: string): SigningKeys {
  mkdirSync(keysDir, { recursive: true, mode: 0o700 })
  const file = join(keysDir, secretFile)
  const areNew = !existsSync(file)
  if (areNew) write(file, `${newSigningKey(origin ?? newOrigin()).text}\n`)
  else if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
  const [first, ...more] = linesOf(file).map((line) => parseSigningKey(line))
  if (!first) throw new MalformedNote(`There is no key in ${file}.`)
  if (more.some(({ verifier }) => verifier.name !== first.verifier.name))
    throw new MalformedNote(`The keys in ${file} have different names: they would sign as different logs.`)
  remember(
    keysDir,
    [first, ...more].map(({ verifier }) => verifier.text),
  )
  return { keys: [first, ...more], areNew }
}

/**
 * The public keys in the directory: those in use, and those that were replaced. Whoever has good reason to distrust this machine
 * verifies with keys that were written down elsewhere.
 */
export function verifierKeysIn(keysDir: string): VerifierKey[] {
  const file = join(keysDir, publicFile)
  return existsSync(file) ? linesOf(file).map((line) => parseVerifierKey(line)) : []
}

function remember(keysDir: string, texts: readonly string[]): void {
  const file = join(keysDir, publicFile)
  const known = existsSync(file) ? linesOf(file) : []
  const all = [...new Set([...known, ...texts])]
  if (all.length > known.length) write(file, `${all.join('\n')}\n`)
}

/** Unlike that of any other installation's log, so that the checkpoints of two are never taken for each other's. */
const newOrigin = () => `throughline.invalid/evidence/${randomBytes(8).toString('hex')}`

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').filter(Boolean)

/** Whole or not at all, whatever happens meanwhile. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
}
