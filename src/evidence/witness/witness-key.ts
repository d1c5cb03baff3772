/** The key file of a witness: made on first use, readable by its owner alone, never in the database. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { MalformedNote, newSigningKey, parseSigningKey, signatureTypes, type SigningKey } from '../signed-note.ts'

/**
 * @param name what a key that is made now is called, such as `witness.example.org/w1`; a key that is there keeps its own name
 * @throws MalformedNote where the file holds no key of a witness, or the name cannot be a key's
 */
export function witnessKeyIn(file: string, name: string): SigningKey {
  if (!existsSync(file)) {
    const made = newSigningKey(name, signatureTypes.cosignature)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, `${made.text}\n`, { mode: 0o600, flag: 'wx', flush: true })
    return made
  }
  const key = parseSigningKey(readFileSync(file, 'utf8'))
  if (key.verifier.type !== signatureTypes.cosignature) throw new MalformedNote(`${file} is not the key of a witness.`)
  return key
}
