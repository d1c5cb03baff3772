/** The one HTML page of a pack: script, style and evidence in it, and a policy under which it can load and send nothing. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../runtime/config.ts'
import type { EvidencePack } from './pack-format.ts'

const built = join(projectRoot, 'dist/evidence-pack')

export function packPage(pack: EvidencePack): string {
  const [template, style, script] = ['page.html', 'page.css', 'page.js'].map((file) =>
    readFileSync(join(built, file), 'utf8'),
  ) as [string, string, string]
  const policy = [
    "default-src 'none'",
    `script-src ${sourceHash(script)}`,
    `style-src ${sourceHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const parts: Record<string, string> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    style: `<style>${style}</style>`,
    // No text of an event can end the element it stands in.
    pack: `<script type="application/json" id="pack">${JSON.stringify(pack).replaceAll('<', '\\u003c')}</script>`,
    script: `<script>${script}</script>`,
  }
  return template.replace(/<!-- (\w+) -->/g, (_, name: string) => parts[name]!)
}

/** @returns null where the page carries none that can be read */
export function packInPage(page: string): EvidencePack | null {
  const [, json] = /<script type="application\/json" id="pack">([^<]*)<\/script>/.exec(page) ?? []
  try {
    return json === undefined ? null : (JSON.parse(json) as EvidencePack)
  } catch {
    return null
  }
}

const sourceHash = (source: string): string => `'sha256-${createHash('sha256').update(source).digest('base64')}'`
