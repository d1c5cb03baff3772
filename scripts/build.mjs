// Compiles the product into dist/: the server (nest build), its programs in one piece each, the stylesheet (sass), the browser script
// (esbuild), and the bill of materials (npm).
// Run with --if-tools it does nothing where the development tools are absent (a production install brings its own dist/);
// with --if-stale it does nothing when dist/ is newer than every source.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeBillOfMaterials } from './bill-of-materials.mjs'
import { bundlePrograms } from './bundle.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stamp = join(root, 'dist/.built')
const require = createRequire(import.meta.url)

function toolsPresent() {
  try {
    require.resolve('@nestjs/cli/package.json')
    return true
  } catch {
    return false
  }
}

function stale() {
  if (!existsSync(stamp)) return true
  const builtAt = statSync(stamp).mtimeMs
  const sources = [
    '{src,projections,bench}/**/*',
    'package-lock.json',
    'nest-cli.json',
    'tsconfig*.json',
    'scripts/*.mjs',
  ]
  return globSync(sources, { cwd: root }).some((file) => statSync(join(root, file)).mtimeMs > builtAt)
}

const has = (flag) => process.argv.includes(flag)

if (has('--if-tools') && !toolsPresent()) process.exit(0)
if (has('--if-stale') && (!stale() || !toolsPresent())) process.exit(0)

const nest = join(dirname(require.resolve('@nestjs/cli/package.json')), 'bin/nest.js')
execFileSync(process.execPath, [nest, 'build'], { cwd: root, stdio: ['ignore', 2, 2] })
await bundlePrograms(root)

const assets = join(root, 'scripts/assets.mjs')
if (existsSync(assets)) await (await import(assets)).buildAssets(root)

mkdirSync(dirname(stamp), { recursive: true })
const bill = join(root, 'dist/bom.cdx.json')
const pinned = statSync(join(root, 'package-lock.json')).mtimeMs
if (!existsSync(bill) || statSync(bill).mtimeMs < pinned) writeBillOfMaterials(root, bill)
writeFileSync(stamp, '')
