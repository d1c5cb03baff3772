/** The evidence log of a running installation and its witness: cosigned as it grows, and never stopped by a witness that is away. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished, vi } from 'vitest'
import { evidenceFileName } from '../../../src/evidence/evidence-file.ts'
import { Evidence } from '../../../src/evidence/evidence.module.ts'
import { signingKeysIn } from '../../../src/evidence/signing-keys.ts'
import { newSigningKey, signatureTypes, type VerifierKey } from '../../../src/evidence/signed-note.ts'
import { cosignaturesOn } from '../../../src/evidence/witness/cosignature.ts'
import { openCheckpoint } from '../../../src/evidence/checkpoint.ts'
import { BadConfiguration, readConfig } from '../../../src/runtime/config.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { importText, temporaryWorkplace } from '../../support/runtime.ts'
import { syntheticLog } from '../../support/served.ts'
import { startWitness } from '../../support/witness.ts'

function startEvidence(runtime: Runtime, url: string, key: VerifierKey) {
  const said: { level: string; message: string }[] = []
  const tell = (level: string) => (_: object, message: string) => void said.push({ level, message })
  const log = { info: tell('info'), warn: tell('warn'), error: tell('error') }
  const config = { ...runtime.config, witness: { url, key: key.text } }
  const evidence = new Evidence({ ...runtime, config, log } as unknown as Runtime)
  evidence.start()
  onTestFinished(() => evidence.close())
  const cosigned = () => {
    const { note, size } = evidence.log!.file.latestCheckpoint()!
    return cosignaturesOn(note, [key]).length === 1 ? size : null
  }
  return { evidence, said, cosigned, latest: () => evidence.log!.file.latestCheckpoint()! }
}

it('each head is cosigned and still opens with the key of the log', async () => {
  const runtime = await temporaryWorkplace()
  const { verifier } = signingKeysIn(runtime.config.keysDir).keys[0]
  const witness = await startWitness([verifier])
  const { cosigned, latest, evidence } = startEvidence(runtime, witness.url, witness.key.verifier)
  await importText(runtime, syntheticLog(2))
  await vi.waitFor(() => expect(cosigned()).toBeGreaterThan(0), 20_000)
  const first = latest().size
  await importText(runtime, syntheticLog(5))
  await vi.waitFor(() => expect(cosigned()).toBeGreaterThan(first), 20_000)
  expect(openCheckpoint(latest().note, [verifier]).size).toBe(latest().size)
  expect(evidence.log!.file.proofOf(0)).toContain(witness.key.verifier.name)
  expect(witness.contradictions()).toEqual([])
})

it('while the witness is away the log is signed all the same, and the operator is told once', async () => {
  const runtime = await temporaryWorkplace()
  const key = newSigningKey('witness.example.org/away', signatureTypes.cosignature).verifier
  const { evidence, latest, said, cosigned } = startEvidence(runtime, 'http://127.0.0.1:9', key)
  await importText(runtime, syntheticLog(2))
  await evidence['follower']!.catchUpTo(await runtime.store.headPositionOf(['journey', 'participant']))
  await vi.waitFor(() => expect(latest().size).toBe(evidence.log!.size), 10_000)
  expect(latest().size).toBeGreaterThan(0)
  await vi.waitFor(() => expect(said.filter(({ level }) => level === 'warn')).toHaveLength(1), 10_000)
  expect(said[0]!.message).toContain('does not answer')
  expect(cosigned()).toBeNull()
})

it('a history that was written anew is refused by the witness, and told as an error', async () => {
  const runtime = await temporaryWorkplace()
  const { verifier } = signingKeysIn(runtime.config.keysDir).keys[0]
  const witness = await startWitness([verifier])
  await importText(runtime, syntheticLog(2))
  const before = startEvidence(runtime, witness.url, witness.key.verifier)
  await vi.waitFor(() => expect(before.cosigned()).toBeGreaterThan(0), 20_000)
  await before.evidence.close()

  // Whoever has the machine has the key too: he alters an event and has the log made and signed again.
  const store = new Database(join(runtime.config.dataDir, evidenceFileName))
  store.exec(
    "DELETE FROM leaf; DELETE FROM tile; DELETE FROM checkpoint; UPDATE log SET position = NULL, size = 0, subtrees = x''",
  )
  store.close()
  const rewritten = { ...runtime, store: alteredFirst(runtime.store) } as unknown as Runtime
  const after = startEvidence(rewritten, witness.url, witness.key.verifier)
  await vi.waitFor(() => expect(after.said.some(({ level }) => level === 'error')).toBe(true), 20_000)
  await vi.waitFor(() => expect(witness.contradictions().length).toBeGreaterThan(0), 20_000)
  expect(after.cosigned()).toBeNull()
})

/** The same store, in which the first event has another id. */
function alteredFirst(store: Runtime['store']) {
  return {
    async *follow(options: Parameters<Runtime['store']['follow']>[0]) {
      let isFirst = true
      for await (const batch of store.follow(options)) {
        const events = batch.events.map((event) => {
          const altered = isFirst ? { ...event, id: '00000000-0000-4000-8000-000000000000' } : event
          isFirst = false
          return altered
        })
        yield { ...batch, events, upTo: batch.upTo, caughtUp: batch.caughtUp }
      }
    },
  }
}

it('address and key of the witness are given together, and are what they should be', () => {
  const key = newSigningKey('witness.example.org/w1', signatureTypes.cosignature).verifier.text
  expect(readConfig({}).witness).toBeUndefined()
  const url = 'http://127.0.0.1:2114'
  expect(readConfig({ WITNESS_URL: url, WITNESS_KEY: key }).witness).toEqual({ url, key })
  const logKey = newSigningKey('log.example.org').verifier.text
  for (const settings of [
    { WITNESS_URL: url },
    { WITNESS_KEY: key },
    { WITNESS_URL: 'witness', WITNESS_KEY: key },
    { WITNESS_URL: url, WITNESS_KEY: logKey },
  ])
    expect(() => readConfig(settings)).toThrow(BadConfiguration)
})
