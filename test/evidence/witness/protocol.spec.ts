/** A witness answers as C2SP `tlog-witness` says, status by status. */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../../src/evidence/checkpoint.ts'
import { newSigningKey, signNote } from '../../../src/evidence/signed-note.ts'
import { formatSubmission, parseSubmission } from '../../../src/evidence/witness/add-checkpoint.ts'
import { cosignaturesOn } from '../../../src/evidence/witness/cosignature.ts'
import { SignedLog } from '../../support/signed-log.ts'
import { post, startWitness, submit } from '../../support/witness.ts'

const refusal = (status: number) => expect.objectContaining({ status, type: 'text/plain; charset=utf-8' })
const conflict = (size: number) => ({ status: 409, type: 'text/x.tlog.size', body: `${size}\n` })

describe('a witness', () => {
  it('cosigns the first checkpoint of a log that it knows, with the time', async () => {
    const log = new SignedLog().add(5)
    const { url, key } = await startWitness([log.key.verifier], () => 1_790_000_000)
    const { status, body } = await submit(url, log, 0)
    expect(status).toBe(200)
    expect(body).toMatch(/^— witness\.example\.org\/w1 [A-Za-z0-9+/]+=*\n$/)
    expect(cosignaturesOn(log.checkpoint() + body, [key.verifier])).toEqual([
      { key: key.verifier, time: 1_790_000_000, line: body },
    ])
    expect(cosignaturesOn(log.checkpoint(4) + body, [key.verifier])).toEqual([])
  })
  it('cosigns every later one that is proved to have grown out of the last, and the last again', async () => {
    const log = new SignedLog().add(40)
    const { url, key } = await startWitness([log.key.verifier])
    let last = 0
    for (const size of [1, 2, 3, 8, 8, 9, 31, 32, 40]) {
      const { status, body } = await submit(url, log, last, size)
      expect(status).toBe(200)
      expect(cosignaturesOn(log.checkpoint(size) + body, [key.verifier])).toHaveLength(1)
      last = size
    }
  })
  it('cosigns a log without entries, once its root is that of an empty tree', async () => {
    const log = new SignedLog()
    const { url } = await startWitness([log.key.verifier])
    const origin = log.key.verifier.name
    const wrong = signCheckpoint({ origin, size: 0, root: randomBytes(32) }, [log.key])
    expect(await post(url, formatSubmission({ oldSize: 0, proof: [], checkpoint: wrong }))).toEqual(refusal(422))
    expect(await submit(url, log, 0)).toMatchObject({ status: 200 })
    expect(await submit(url, log.add(3), 0)).toMatchObject({ status: 200 })
  })
  it('says 409 and the size it cosigned where the old size is another', async () => {
    const log = new SignedLog().add(20)
    const { url } = await startWitness([log.key.verifier])
    expect(await submit(url, log, 3, 10)).toEqual(conflict(0))
    expect(await submit(url, log, 0, 10)).toMatchObject({ status: 200 })
    expect(await submit(url, log, 0, 20)).toEqual(conflict(10))
    expect(await submit(url, log, 9, 20)).toEqual(conflict(10))
    expect(await submit(url, log, 11, 20)).toEqual(conflict(10))
    expect(await submit(url, log, 9, 9)).toEqual(conflict(10))
    expect(await submit(url, log, 10, 20)).toMatchObject({ status: 200 })
  })
  it('keeps the logs apart', async () => {
    const one = new SignedLog(newSigningKey('one.example.org')).add(6)
    const other = new SignedLog(newSigningKey('other.example.org')).add(9)
    const { url } = await startWitness([one.key.verifier, other.key.verifier])
    expect(await submit(url, one, 0)).toMatchObject({ status: 200 })
    expect(await submit(url, other, 0)).toMatchObject({ status: 200 })
    expect(await submit(url, one.add(4), 9)).toEqual(conflict(6))
    expect(await submit(url, one, 6)).toMatchObject({ status: 200 })
  })
  it('says 404 to a log that it does not know, whoever signed', async () => {
    const log = new SignedLog().add(3)
    const { url } = await startWitness([newSigningKey('another.example.org').verifier])
    expect(await submit(url, log, 0)).toEqual(refusal(404))
  })
  it('says 403 where no key that it knows has signed, and where one has signed something else', async () => {
    const log = new SignedLog().add(3)
    const { url } = await startWitness([log.key.verifier])
    const ask = (checkpoint: string) => post(url, formatSubmission({ oldSize: 0, proof: [], checkpoint }))
    const sameName = newSigningKey(log.key.verifier.name)
    expect(await ask(log.checkpoint(3, sameName))).toEqual(refusal(403))
    const [text, signature] = [log.checkpoint(3).split('\n\n')[0]!, log.checkpoint(2).split('\n\n')[1]!]
    expect(await ask(`${text}\n\n${signature}`)).toEqual(refusal(403))
  })
  it('passes over signatures of keys that it does not know, and takes two keys of one log while one is rotated', async () => {
    const log = new SignedLog().add(3)
    const [before, after] = [log.key, newSigningKey(log.key.verifier.name)]
    const { url } = await startWitness([before.verifier, after.verifier])
    const text = log.checkpoint().split('\n\n')[0]! + '\n'
    const ask = (oldSize: number, checkpoint: string) => post(url, formatSubmission({ oldSize, proof: [], checkpoint }))
    expect(await ask(0, signNote(text, [newSigningKey('passer-by'), before]))).toMatchObject({ status: 200 })
    expect(await ask(3, signNote(text, [after]))).toMatchObject({ status: 200 })
  })
  it('says 400 where the old size is the larger', async () => {
    const log = new SignedLog().add(5)
    const { url } = await startWitness([log.key.verifier])
    const body = formatSubmission({ oldSize: 6, proof: [], checkpoint: log.checkpoint() })
    expect(await post(url, body)).toEqual(refusal(400))
  })
  it('says 422 where the proof does not lead from the last checkpoint to this one', async () => {
    const log = new SignedLog().add(20)
    const { url } = await startWitness([log.key.verifier])
    await submit(url, log, 0, 7)
    const proof = log.consistency(7)
    const ask = (oldSize: number, proof: Buffer[], size = 20) =>
      post(url, formatSubmission({ oldSize, proof, checkpoint: log.checkpoint(size) }))
    expect(await ask(7, [])).toEqual(refusal(422))
    expect(await ask(7, proof.slice(1))).toEqual(refusal(422))
    expect(await ask(7, [...proof, randomBytes(32)])).toEqual(refusal(422))
    expect(await ask(7, proof.with(1, randomBytes(32)))).toEqual(refusal(422))
    expect(await ask(7, log.consistency(6))).toEqual(refusal(422))
    expect(await ask(7, proof.slice(0, 1), 7)).toEqual(refusal(422))
    expect(await ask(7, proof)).toMatchObject({ status: 200 })
  })
  it('says 422 to a proof from nothing, which has to be empty', async () => {
    const log = new SignedLog().add(4)
    const { url } = await startWitness([log.key.verifier])
    const body = formatSubmission({ oldSize: 0, proof: [randomBytes(32)], checkpoint: log.checkpoint() })
    expect(await post(url, body)).toEqual(refusal(422))
  })

  const log = new SignedLog(newSigningKey('malformed.example.org')).add(3)
  const hash = randomBytes(32).toString('base64')
  const checkpoint = log.checkpoint()
  it.each([
    ['nothing', ''],
    ['no empty line', 'old 0\n'],
    ['no old size', `\n\n${checkpoint}`],
    ['an old size with a leading zero', `old 00\n\n${checkpoint}`],
    ['a negative old size', `old -1\n\n${checkpoint}`],
    ['an old size in another notation', `old 1e0\n\n${checkpoint}`],
    ['an old size beyond any log', `old 9223372036854775807\n\n${checkpoint}`],
    ['two spaces', `old  0\n\n${checkpoint}`],
    ['lines that end as on Windows', `old 0\r\n\r\n${checkpoint}`],
    ['a proof line that is no base64', `old 0\nnot base64\n\n${checkpoint}`],
    ['a proof line of 31 bytes', `old 0\n${randomBytes(31).toString('base64')}\n\n${checkpoint}`],
    ['a proof line with bits left over', `old 0\n${hash.slice(0, 42)}B=\n\n${checkpoint}`],
    ['64 proof lines', `old 0\n${`${hash}\n`.repeat(64)}\n${checkpoint}`],
    ['no checkpoint', 'old 0\n\n'],
    ['a checkpoint without a signature', `old 0\n\n${checkpoint.split('\n\n')[0]}\n`],
    ['a checkpoint without its last newline', `old 0\n\n${checkpoint.slice(0, -1)}`],
    ['a note that is no checkpoint', `old 0\n\n${signNote('malformed.example.org\nthree\n\n', [log.key])}`],
  ])('says 400 to %s', async (_what, body) => {
    const { url } = await startWitness([log.key.verifier])
    expect(await post(url, body)).toEqual(refusal(400))
    expect(await submit(url, log, 0)).toMatchObject({ status: 200 })
  })
  it('says 400 to bytes that are no text, and 413 to more than anybody needs', async () => {
    const { url } = await startWitness([log.key.verifier])
    expect(await post(url, Buffer.concat([Buffer.from('old 0\n\n'), Buffer.from([0xff, 0xfe])]))).toEqual(refusal(400))
    expect(await post(url, 'x'.repeat(200_000))).toEqual(refusal(413))
  })
  it('knows one path and one method', async () => {
    const { url } = await startWitness([log.key.verifier])
    expect((await fetch(`${url}/add-checkpoint`)).status).toBe(405)
    expect((await fetch(`${url}/`, { method: 'POST' })).status).toBe(404)
  })
  it('is not held up by somebody who never ends his request', async () => {
    const { url } = await startWitness([log.key.verifier])
    const slow = request(`${url}/add-checkpoint`, { method: 'POST', headers: { 'content-length': '1000' } })
    slow.on('error', () => undefined).write('old 0\n')
    expect(await submit(url, log, 0)).toMatchObject({ status: 200 })
    slow.destroy()
  })
})

it('a request is read back as it was written, and the published example is read', () => {
  const log = new SignedLog().add(9)
  const submission = { oldSize: 5, proof: log.consistency(5), checkpoint: log.checkpoint() }
  expect(parseSubmission(formatSubmission(submission))).toEqual(submission)
  const published = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`
  const { oldSize, proof, checkpoint } = parseSubmission(published)
  expect([oldSize, proof.length]).toEqual([20852014, 4])
  expect(checkpoint).toMatch(/^example\.com\/behind-the-sofa\n20852163\n/)
})
