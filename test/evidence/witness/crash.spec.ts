/**
 * A witness is killed, at random moments and between keeping a checkpoint and saying so. It never forgets what it cosigned,
 * and the log goes on. WITNESS_KILLS sets how often.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { parseVerifierKey, type VerifierKey } from '../../../src/evidence/signed-note.ts'
import { cosignaturesOn } from '../../../src/evidence/witness/cosignature.ts'
import { WitnessAway, WitnessClient } from '../../../src/evidence/witness/witness-client.ts'
import { temporaryDirectory } from '../../support/runtime.ts'
import { SignedLog } from '../../support/signed-log.ts'
import { submit } from '../../support/witness.ts'

const kills = Number(process.env.WITNESS_KILLS ?? 6)

interface WitnessProcess {
  readonly url: string
  readonly key: VerifierKey
  readonly child: ChildProcess
}

async function startProcess(directory: string, log: SignedLog, dies = ''): Promise<WitnessProcess> {
  const program = join(import.meta.dirname, 'witness-process.ts')
  const child = spawn(process.execPath, [program, directory, log.key.verifier.text, dies], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const [url = '', key = ''] = line.split(' ')
  return { url, key: parseVerifierKey(key), child }
}

const asked = (log: SignedLog, size = log.size) => ({
  note: log.checkpoint(size),
  size,
  consistencyFrom: (from: number) => log.consistency(from, size),
})

it('killed after it kept a checkpoint and before it said so, it cosigns that same checkpoint when asked again, and no other', async () => {
  const directory = temporaryDirectory()
  const log = new SignedLog().add(12)
  const first = await startProcess(directory, log)
  expect((await submit(first.url, log, 0, 5)).status).toBe(200)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')

  const second = await startProcess(directory, log, 'after-persisting')
  await expect(submit(second.url, log, 5)).rejects.toThrow()
  expect(second.child.signalCode ?? (await once(second.child, 'exit'))[1]).toBe('SIGKILL')

  const third = await startProcess(directory, log)
  expect(third.key.text).toBe(first.key.text)
  expect(await submit(third.url, log, 5)).toMatchObject({ status: 409, body: '12\n' })
  expect(await submit(third.url, log.forkedAt(8), 12)).toMatchObject({ status: 409, body: '12\n' })
  const line = await new WitnessClient(third.url, third.key).cosignatureOn(asked(log))
  expect(cosignaturesOn(log.checkpoint() + line, [third.key])).toHaveLength(1)
})

it(`${kills} kills at random moments: what was cosigned is remembered, and the log goes on`, async () => {
  const directory = temporaryDirectory()
  const log = new SignedLog().add(3)
  let cosigned = 0
  for (let kill = 0; kill < kills; kill++) {
    const { url, key, child } = await startProcess(directory, log)
    const client = new WitnessClient(url, key)
    const exited = once(child, 'exit')
    void wait(20 + Math.random() * 150).then(() => child.kill('SIGKILL'))
    for (;;) {
      try {
        await client.cosignatureOn(asked(log))
        cosigned = log.size
        log.add(1)
      } catch (error) {
        expect(error).toBeInstanceOf(WitnessAway)
        break
      }
    }
    await exited
    const again = await startProcess(directory, log)
    const { status, body } = await submit(again.url, log.forkedAt(0, log.size + 5), log.size + 5)
    // It remembers the last that it answered; it may have kept one more that it had no time to answer.
    expect(status).toBe(409)
    expect(Number(body)).toBeGreaterThanOrEqual(cosigned)
    expect(Number(body)).toBeLessThanOrEqual(log.size)
    again.child.kill('SIGKILL')
    await once(again.child, 'exit')
  }
  expect(cosigned).toBeGreaterThan(0)
})
