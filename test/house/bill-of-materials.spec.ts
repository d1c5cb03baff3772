/** The bill of materials that the build writes, against what package-lock.json pins. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as unknown

interface Bill {
  readonly bomFormat: string
  readonly metadata: { readonly component: { readonly name: string } }
  readonly components: readonly { readonly purl: string; readonly hashes?: readonly unknown[] }[]
}

interface Lock {
  readonly packages: Readonly<Record<string, { version: string; dev?: boolean; devOptional?: boolean }>>
}

it('names every package that the product runs on, at its version, with its digest, and no other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'throughline-bill-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const { writeBillOfMaterials } = (await import(pathToFileURL(join(root, 'scripts/bill-of-materials.mjs')).href)) as {
    writeBillOfMaterials(root: string, file: string): void
  }
  writeBillOfMaterials(root, join(dir, 'bom.json'))
  const bill = json(join(dir, 'bom.json')) as Bill
  expect(bill.bomFormat).toBe('CycloneDX')
  expect(bill.metadata.component.name).toBe('throughline')
  const pinned = Object.entries((json(join(root, 'package-lock.json')) as Lock).packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version }]) => `pkg:npm/${path.split('node_modules/').at(-1)!.replace('@', '%40')}@${version}`)
  expect(pinned.length).toBeGreaterThan(100)
  expect(new Set(bill.components.map(({ purl }) => purl))).toEqual(new Set(pinned))
  for (const { purl, hashes } of bill.components) expect(hashes?.length, purl).toBeGreaterThan(0)
})
