/** Before any spec: threads and the specs of the commands run what is compiled, which must not be older than its source. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const build = join(import.meta.dirname, '../../scripts/build.mjs')

export default (): void => void execFileSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' })
