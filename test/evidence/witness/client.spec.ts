/** A log asks a witness, whichever size the witness is at, and tells a witness that is away from one that refuses. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { newSigningKey, signatureTypes } from '../../../src/evidence/signed-note.ts'
import { cosign, cosignaturesOn } from '../../../src/evidence/witness/cosignature.ts'
import { WitnessAway, WitnessClient, WitnessRefused } from '../../../src/evidence/witness/witness-client.ts'
import { SignedLog } from '../../support/signed-log.ts'
import { startWitness, submit } from '../../support/witness.ts'

const asked = (log: SignedLog, size = log.size) => ({
  note: log.checkpoint(size),
  size,
  consistencyFrom: (from: number) => log.consistency(from, size),
})

async function answering(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const witnessKey = newSigningKey('witness.example.org/w2', signatureTypes.cosignature)

describe('a log', () => {
  it('gets cosignatures as it grows, and after a restart, from the size that the witness names', async () => {
    const log = new SignedLog().add(6)
    const { url, key } = await startWitness([log.key.verifier])
    for (const client of [new WitnessClient(url, key.verifier), new WitnessClient(url, key.verifier)])
      for (let n = 0; n < 3; n++) {
        const line = await client.cosignatureOn(asked(log.add(n)))
        expect(cosignaturesOn(log.checkpoint() + line, [key.verifier])).toHaveLength(1)
      }
    expect(await new WitnessClient(`${url}/`, key.verifier).cosignatureOn(asked(log))).toMatch(/^— /)
  })
  it('is refused where it lost entries, forked, or is not known', async () => {
    const log = new SignedLog().add(9)
    const { url, key } = await startWitness([log.key.verifier])
    await submit(url, log, 0)
    const ask = (log: SignedLog, size?: number) =>
      new WitnessClient(url, key.verifier).cosignatureOn(asked(log, size)).catch((error: Error) => error)
    expect(await ask(log, 7)).toMatchObject({ status: 409, message: expect.stringContaining('entries were lost here') })
    expect(await ask(log.forkedAt(4))).toMatchObject({
      status: 409,
      message: expect.stringContaining('another history'),
    })
    expect(await ask(log.forkedAt(4, 12))).toMatchObject({ status: 422 })
    const stranger = await ask(new SignedLog(newSigningKey('stranger.example.org')).add(3))
    expect(stranger).toMatchObject({ status: 404 })
    expect(stranger).toBeInstanceOf(WitnessRefused)
  })
  it('takes no cosignature but of the witness that it trusts, on what it asked', async () => {
    const log = new SignedLog().add(4)
    const textOf = (note: string) => note.split('\n\n')[0]! + '\n'
    const by = (key: typeof witnessKey, note: string) => cosign(key, textOf(note), 1_790_000_000)
    const ask = async (body: string) =>
      new WitnessClient(await answering(200, body), witnessKey.verifier)
        .cosignatureOn(asked(log))
        .catch((error: Error) => error)
    const other = newSigningKey('witness.example.org/w2', signatureTypes.cosignature)
    expect(await ask(by(witnessKey, log.checkpoint()))).toBe(by(witnessKey, log.checkpoint()))
    expect(await ask(by(other, log.checkpoint()) + by(witnessKey, log.checkpoint()))).toMatch(/^— /)
    expect(await ask(by(other, log.checkpoint()))).toBeInstanceOf(WitnessRefused)
    expect(await ask(by(witnessKey, log.checkpoint(3)))).toBeInstanceOf(WitnessRefused)
    expect(await ask('<html>')).toBeInstanceOf(WitnessRefused)
    expect(await ask('')).toBeInstanceOf(WitnessRefused)
  })
  it('knows that the witness is away: nobody listens, it does not answer in time, it has a fault of its own', async () => {
    const log = new SignedLog().add(4)
    const ask = (url: string) =>
      new WitnessClient(url, witnessKey.verifier, 300).cosignatureOn(asked(log)).catch((error: Error) => error)
    expect(await ask('http://127.0.0.1:9')).toBeInstanceOf(WitnessAway)
    expect(await ask(await answering(503, ''))).toBeInstanceOf(WitnessAway)
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => silent.closeAllConnections())
    onTestFinished(() => void silent.close())
    expect(await ask(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)).toBeInstanceOf(WitnessAway)
  })
})
