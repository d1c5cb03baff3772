/** The log's side of C2SP's `tlog-witness`: asks a witness to cosign a checkpoint, from whichever size the witness is at. */
import { MalformedNote, type VerifierKey } from '../signed-note.ts'
import { formatSubmission } from './add-checkpoint.ts'
import { cosignaturesOn } from './cosignature.ts'

/** The witness cannot be asked, or could not answer: worth another try later. */
export class WitnessAway extends Error {}

/** The witness answered and will not cosign: somebody has to look. */
export class WitnessRefused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What is asked of the log. */
export interface ProvableCheckpoint {
  /** The signed note, to the byte. */
  readonly note: string
  readonly size: number
  /** The RFC 6962 consistency proof from an earlier size to that of the checkpoint. */
  consistencyFrom(size: number): Promise<readonly Buffer[]> | readonly Buffer[]
}

export class WitnessClient {
  private readonly url: string
  private readonly key: VerifierKey
  private readonly timeoutMs: number
  /** The size that the witness cosigned last, as far as this process knows. */
  private cosignedSize = 0

  /** @param url the witness's submission prefix */
  constructor(url: string, key: VerifierKey, timeoutMs = 10_000) {
    this.url = url.replace(/\/$/, '')
    this.key = key
    this.timeoutMs = timeoutMs
  }

  /**
   * @returns the witness's signature line, checked against its key, with its newline
   * @throws WitnessAway, WitnessRefused
   */
  async cosignatureOn(checkpoint: ProvableCheckpoint, signal?: AbortSignal): Promise<string> {
    let from = Math.min(this.cosignedSize, checkpoint.size)
    // The first answer may name another size; a second one that does means that another process asks at the same time.
    for (let tries = 0; tries < 3; tries++) {
      const response = await this.ask(from, checkpoint, signal)
      if (response.status !== 409 || Number.isNaN(response.size)) return this.accepted(response, checkpoint)
      const { size } = response
      if (size > checkpoint.size)
        throw new WitnessRefused(
          409,
          `The witness has cosigned ${size} entries of this log, which has only ${checkpoint.size}: entries were lost here, or it is being built anew and is not there yet.`,
        )
      if (size === from)
        throw new WitnessRefused(409, `The witness has cosigned another history of the same ${size} entries.`)
      from = size
    }
    throw new WitnessAway('The witness is asked by another process at the same time.')
  }

  private async ask(oldSize: number, checkpoint: ProvableCheckpoint, signal?: AbortSignal): Promise<Reply> {
    const isProofEmpty = oldSize === 0 || oldSize === checkpoint.size
    const proof = isProofEmpty ? [] : await checkpoint.consistencyFrom(oldSize)
    try {
      const response = await fetch(`${this.url}/add-checkpoint`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: formatSubmission({ oldSize, proof, checkpoint: checkpoint.note }),
        signal: AbortSignal.any([AbortSignal.timeout(this.timeoutMs), ...(signal ? [signal] : [])]),
        redirect: 'error',
      })
      const body = await response.text()
      const cosigned = /^(0|[1-9]\d*)\n$/.exec(body)?.[1]
      const size = response.status === 409 && cosigned !== undefined ? Number(cosigned) : NaN
      return { status: response.status, body, size }
    } catch (error) {
      throw new WitnessAway(`The witness at ${this.url} does not answer: ${reasonOf(error)}.`)
    }
  }

  private accepted({ status, body }: Reply, { note, size }: ProvableCheckpoint): string {
    if (status >= 500 || status === 429) throw new WitnessAway(`The witness answered ${status}.`)
    if (status !== 200) throw new WitnessRefused(status, `The witness answered ${status}: ${body.trim().slice(0, 200)}`)
    const line = cosignatureIn(note + body, this.key)
    if (!line) throw new WitnessRefused(status, 'The witness answered without a valid signature of its key.')
    this.cosignedSize = size
    return line
  }
}

interface Reply {
  readonly status: number
  readonly body: string
  /** The size that a 409 named; not a number otherwise. */
  readonly size: number
}

function cosignatureIn(note: string, key: VerifierKey): string | undefined {
  try {
    return cosignaturesOn(note, [key])[0]?.line
  } catch (error) {
    if (error instanceof MalformedNote) return undefined
    throw error
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}
