/** A witness for specs, over HTTP as the logs see it. */
import { onTestFinished } from 'vitest'
import { formatSubmission } from '../../src/evidence/witness/add-checkpoint.ts'
import { newSigningKey, signatureTypes, type SigningKey, type VerifierKey } from '../../src/evidence/signed-note.ts'
import { serveWitness } from '../../src/evidence/witness/witness-server.ts'
import { contradictionsIn, WitnessStore, type Contradiction } from '../../src/evidence/witness/witness-store.ts'
import { Witness, witnessedLogs } from '../../src/evidence/witness/witness.ts'
import type { SignedLog } from './signed-log.ts'
import { temporaryDirectory } from './runtime.ts'

export interface AskedWitness {
  readonly url: string
  readonly key: SigningKey
  contradictions(): Contradiction[]
}

/** @param now its clock, in seconds since 1970 */
export async function startWitness(logs: readonly VerifierKey[], now?: () => number): Promise<AskedWitness> {
  const directory = temporaryDirectory()
  const key = newSigningKey('witness.example.org/w1', signatureTypes.cosignature)
  const store = new WitnessStore(directory)
  const witness = new Witness(key, witnessedLogs(logs), store, now)
  const server = await serveWitness((body) => witness.answer(body), { host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await server.close()
    store.close()
  })
  return { url: `http://127.0.0.1:${server.port}`, key, contradictions: () => contradictionsIn(directory) }
}

export interface Said {
  readonly status: number
  readonly type: string | null
  readonly body: string
}

export async function post(url: string, body: string | Uint8Array): Promise<Said> {
  const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: body as BodyInit })
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
}

/** Asks for the checkpoint of a size, proved from another. */
export const submit = (url: string, log: SignedLog, oldSize: number, size = log.size): Promise<Said> =>
  post(url, formatSubmission({ oldSize, proof: log.consistency(oldSize, size), checkpoint: log.checkpoint(size) }))
