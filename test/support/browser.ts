/**
 * A real browser for the specs: the system's Chromium where there is one, else the one inside the npm package, with the
 * Debian libraries it needs installed when that is allowed here. Where neither runs, it says the one line to run.
 */
import { execFile, execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'

const systemNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The Debian package of each library the packaged browser links to. */
const packageOf: Record<string, string> = {
  'libnss3.so': 'libnss3',
  'libnssutil3.so': 'libnss3',
  'libsmime3.so': 'libnss3',
  'libnspr4.so': 'libnspr4',
  'libplc4.so': 'libnspr4',
  'libplds4.so': 'libnspr4',
  'libexpat.so.1': 'libexpat1',
  'libuuid.so.1': 'libuuid1',
}
const always = ['libnss3', 'libnspr4']

export async function openBrowser(): Promise<Browser> {
  const executablePath = systemBrowser() ?? (await packagedBrowser())
  // A container's root user has no sandbox to offer, and a small /dev/shm.
  const args = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-dev-shm-usage',
    '--disable-gpu',
    '--font-render-hinting=none',
  ]
  return chromium.launch({ executablePath, headless: true, args })
}

function systemBrowser(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env
  if (CHROMIUM) {
    if (!runnable(CHROMIUM)) throw new Error(`CHROMIUM names ${CHROMIUM}, which cannot be run.`)
    return CHROMIUM
  }
  return PATH.split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => systemNames.map((name) => join(folder, name)))
    .find(runnable)
}

function runnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function packagedBrowser(): Promise<string> {
  const file = await unpacked()
  const missing = missingLibraries(file)
  if (missing.length === 0) return file
  const packages = [...new Set([...always, ...missing.map((library) => packageOf[library] ?? library)])]
  const line = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
  const mayInstall =
    process.getuid?.() === 0 && existsSync('/etc/debian_version') && missing.every((library) => library in packageOf)
  if (mayInstall) {
    try {
      execFileSync('sh', ['-c', line], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
    } catch {
      // Said below, with what to do about it.
    }
  }
  if (missingLibraries(file).length > 0) {
    throw new Error(
      `The browser specs need a browser. It lacks ${missing.join(', ')}. As root, run:\n  ${line}\nor point CHROMIUM at a browser.`,
    )
  }
  return file
}

/**
 * The package unpacks into the temporary folder under a fixed name and believes whatever it finds there. Here each version
 * has a folder of its own, and one left half unpacked is never mistaken for a browser.
 */
async function unpacked(): Promise<string> {
  const require = createRequire(import.meta.url)
  const entry = require.resolve('@sparticuz/chromium')
  const { version } = JSON.parse(readFileSync(packageJsonAbove(entry), 'utf8')) as { version: string }
  const home = join(tmpdir(), `throughline-chromium-${version}-${process.arch}-${process.getuid?.() ?? 'user'}`)
  const file = join(home, 'chromium')
  if (existsSync(file)) return file
  mkdirSync(dirname(home), { recursive: true })
  const attempt = mkdtempSync(`${home}-`)
  // In a process of its own: whoever asks this one for a temporary folder meanwhile must not be given one inside.
  const unpack = `const { default: packaged } = await import(process.argv[1])
    packaged.setGraphicsMode = false
    await packaged.executablePath()`
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', unpack, pathToFileURL(entry).href], {
    env: { ...process.env, TMPDIR: attempt },
  })
  try {
    renameSync(attempt, home)
  } catch (error) {
    rmSync(attempt, { recursive: true, force: true })
    if (!existsSync(file)) throw error
  }
  return file
}

function packageJsonAbove(file: string): string {
  let folder = dirname(file)
  while (!readFileSyncOrNull(join(folder, 'package.json'))?.includes('"@sparticuz/chromium"')) folder = dirname(folder)
  return join(folder, 'package.json')
}

function readFileSyncOrNull(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

function missingLibraries(file: string): readonly string[] {
  try {
    const links = execFileSync('ldd', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return [...links.matchAll(/^\s*(\S+) => not found/gm)].map(([, library]) => library!)
  } catch {
    return []
  }
}
