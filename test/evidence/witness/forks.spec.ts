/** A log that shows two histories is refused, whichever way it tries, and convicted by two checkpoints of its own. FORK_RUNS sets how many. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { expect, it } from 'vitest'
import { openCheckpoint } from '../../../src/evidence/checkpoint.ts'
import { SignedLog } from '../../support/signed-log.ts'
import { startWitness, submit } from '../../support/witness.ts'

const runs = Number(process.env.FORK_RUNS ?? 40)
const seed = Number(process.env.FORK_SEED ?? Date.now() % 1_000_000)

it(
  `${runs} forks are refused and kept with what they contradict (FORK_SEED=${seed})`,
  { timeout: 60_000 + runs * 2_000 },
  async () => {
    const random = xoroshiro128plus(seed)
    const between = (least: number, most: number) => uniformInt(random, least, most)
    const seen = { fork: 0, inconsistent: 0 }
    for (let run = 0; run < runs; run++) {
      const log = new SignedLog().add(between(2, 60))
      const { url, contradictions } = await startWitness([log.key.verifier])
      const earlier = between(1, log.size)
      expect((await submit(url, log, 0, earlier)).status).toBe(200)
      expect((await submit(url, log, earlier)).status).toBe(200)

      const forkedAt = between(0, earlier - 1)
      const fork = log.forkedAt(forkedAt, log.size + between(1, 30))
      const [size, oldSize, expected] = [
        // As large as one that was cosigned, the last or an earlier one; or larger, with whatever proof the fork has.
        [log.size, log.size, { status: 409, refusedFor: 'fork', cosigned: log.size }],
        [earlier, between(0, earlier), { status: 409, refusedFor: 'fork', cosigned: earlier }],
        [fork.size, log.size, { status: 422, refusedFor: 'inconsistent', cosigned: log.size }],
      ][run % 3] as [number, number, { status: number; refusedFor: 'fork' | 'inconsistent'; cosigned: number }]

      const said = await submit(url, fork, oldSize, size)
      expect([said.status, run]).toEqual([expected.status, run])
      if (said.status === 409) expect(said.body).toBe(`${log.size}\n`)
      await submit(url, fork, oldSize, size) // asked again, it is kept once
      const kept = contradictions()
      expect(kept).toHaveLength(1)
      expect(kept[0]).toMatchObject({ refusedFor: expected.refusedFor, origin: log.key.verifier.name })
      const [one, other] = [kept[0]!.cosigned, kept[0]!.refused].map((note) => openCheckpoint(note, [log.key.verifier]))
      expect(one).toMatchObject({ size: expected.cosigned, root: log.root(expected.cosigned) })
      expect(other).toMatchObject({ size, root: fork.root(size) })
      seen[expected.refusedFor]++

      // The history that it cosigned goes on.
      expect((await submit(url, log.add(1), log.size - 1)).status).toBe(200)
    }
    if (runs >= 3) expect(Math.min(seen.fork, seen.inconsistent)).toBeGreaterThan(0)
  },
)

it('a log without end of forks does not fill the disk', async () => {
  const log = new SignedLog().add(2)
  const { url, contradictions } = await startWitness([log.key.verifier])
  await submit(url, log, 0)
  for (let n = 0; n < 105; n++) expect((await submit(url, log.forkedAt(1), 2)).status).toBe(409)
  expect(contradictions()).toHaveLength(100)
})
