/** npm run bench -- NAME [--json]: runs one bench of this folder. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const names = readdirSync(here)
  .map((file) => /^(.+)\.js$/.exec(file)?.[1])
  // What has a dash in its name is a part of the bench it begins with.
  .filter(
    (name) => name !== undefined && name !== 'bench' && name !== 'rows' && name !== 'profile' && !/[-.]/.test(name),
  )
const [name = '', ...rest] = process.argv.slice(2)
if (!names.includes(name) || !existsSync(join(here, `${name}.js`))) {
  process.stderr.write(`There is no bench "${name}". Run: npm run bench -- ${names.join(' | ')} [--json]\n`)
  process.exitCode = 1
} else {
  process.exitCode = spawnSync(process.execPath, [join(here, `${name}.js`), ...rest], { stdio: 'inherit' }).status ?? 1
}
