/** A witness in a process of its own, to be killed. `after-persisting` kills it itself: the checkpoint is kept, nobody hears of it. */
import { parseVerifierKey } from '../../../src/evidence/signed-note.ts'
import { witnessKeyIn } from '../../../src/evidence/witness/witness-key.ts'
import { serveWitness } from '../../../src/evidence/witness/witness-server.ts'
import { WitnessStore } from '../../../src/evidence/witness/witness-store.ts'
import { Witness, witnessedLogs } from '../../../src/evidence/witness/witness.ts'

const [directory, logKey, dies] = process.argv.slice(2) as [string, string, string | undefined]
const key = witnessKeyIn(`${directory}/witness.key`, 'witness.example.org/w1')
const witness = new Witness(key, witnessedLogs([parseVerifierKey(logKey)]), new WitnessStore(directory))
const { port } = await serveWitness(
  (body) => {
    const answer = witness.answer(body)
    if (dies === 'after-persisting' && answer.status === 200) process.kill(process.pid, 'SIGKILL')
    return answer
  },
  { host: '127.0.0.1', port: 0 },
)
process.stdout.write(`http://127.0.0.1:${port} ${key.verifier.text}\n`)
