// Runs a command of package.json: builds what is out of date, then becomes Node with the entry, flags and environment that
// profiles.json gives the command of that name. The arguments after the name go to the command. The command takes this
// process's place, so that signals, the terminal and the exit code are its own.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const [name, ...words] = process.argv.slice(2)
const profiles = JSON.parse(readFileSync(join(root, 'profiles.json'), 'utf8'))
if (!Object.hasOwn(profiles, name ?? '')) {
  process.stderr.write(`profiles.json has no profile "${name ?? ''}". It has: ${Object.keys(profiles).join(', ')}.\n`)
  process.exit(1)
}

try {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), '--if-stale'], { stdio: 'inherit' })
} catch {
  process.exit(1) // the build has said what is wrong
}

const { entry, flags = [], environment = {} } = profiles[name]
process.execve(process.execPath, [process.execPath, ...flags, join(root, entry), ...words], {
  ...process.env,
  ...environment,
})
