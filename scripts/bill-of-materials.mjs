// Writes the CycloneDX bill of materials: every package that the product runs on, as package-lock.json pins it. npm makes it.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The package URLs of what is installed without development dependencies. */
function pinnedIn(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return new Set(
    Object.entries(packages)
      .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
      .map(([path, { version }]) => `pkg:npm/${path.split('node_modules/').at(-1).replace('@', '%40')}@${version}`),
  )
}

/** @param file where it is written */
export function writeBillOfMaterials(root, file) {
  const words = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
  // Within `npm run`, the npm that runs; else the one on the path.
  const npm = process.env.npm_execpath
  const [command, before] = npm ? [process.execPath, [npm]] : ['npm', []]
  const bill = JSON.parse(
    execFileSync(command, [...before, ...words], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }),
  )
  // Not by npm's own --omit=dev, which leaves out what the product and its tools both need.
  const pinned = pinnedIn(root)
  const left = new Set(bill.components.filter(({ purl }) => !pinned.has(purl)).map((one) => one['bom-ref']))
  bill.components = bill.components.filter((component) => !left.has(component['bom-ref']))
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => !left.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => !left.has(one)) }))
  // npm calls the product by the folder it lies in.
  bill.metadata.component.name = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name
  writeFileSync(file, `${JSON.stringify(bill, null, 2)}\n`)
}
