/**
 * A verifier of transparency logs that nobody here wrote, for specs: Go's checksum database, compiled by the run itself with
 * Debian's compiler and its package of golang.org/x/mod, installed where that is allowed here.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './runtime.ts'

const line = 'apt-get update && apt-get install -y --no-install-recommends golang-go golang-golang-x-mod-dev'
const compiler = '/usr/bin/go'
const packages = '/usr/share/gocode'
const isInstalled = () => existsSync(compiler) && existsSync(join(packages, 'src/golang.org/x/mod/sumdb'))

function install(): void {
  if (isInstalled()) return
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    try {
      execFileSync('sh', ['-c', line], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
    } catch {
      // Said below, with what to do about it.
    }
  }
  if (!isInstalled())
    throw new Error(`The specs of the evidence log need Go and its checksum database. As root, run:\n  ${line}`)
}

/** One claim of the log. Bytes are base64; sizes and indexes are leaves. */
export type GoCheck =
  | { readonly Kind: 'note'; readonly Note: string; readonly VerifierKeys: readonly string[] }
  | {
      readonly Kind: 'inclusion'
      readonly Record: string
      readonly Index: number
      readonly Size: number
      readonly Root: string
      readonly Proof: readonly string[]
    }
  | {
      readonly Kind: 'consistency'
      readonly OldSize: number
      readonly OldRoot: string
      readonly Size: number
      readonly Root: string
      readonly Proof: readonly string[]
    }

/** @returns what Go's code says to each check, in order: `ok`, or why it is refused */
export type GoVerifier = (checks: readonly GoCheck[]) => string[]

/** Compiles the verifier of test/evidence/go; it goes when the spec is done. */
export function goVerifier(): GoVerifier {
  install()
  const program = join(temporaryDirectory(), 'verify')
  const cache = join(temporaryDirectory(), 'cache')
  execFileSync(compiler, ['build', '-o', program, '.'], {
    cwd: join(import.meta.dirname, '../evidence/go'),
    env: { ...process.env, GO111MODULE: 'off', GOPATH: packages, GOCACHE: cache, GOFLAGS: '' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return (checks) => {
    const input = checks.map((check) => `${JSON.stringify(check)}\n`).join('')
    const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
    if (status !== 0) throw new Error(`The Go verifier failed: ${stderr}`)
    return stdout.trimEnd().split('\n')
  }
}
