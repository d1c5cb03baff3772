/** A store in a process of its own, to be killed. Prints its port when it listens. */
import { startEmbeddedStore } from '../../../src/embedded-store/embedded-store.ts'

const { port } = await startEmbeddedStore({ dataDir: process.argv[2]! })
process.stdout.write(`${port}\n`)
