/** docs/corrections.md says of every field what puts it right, and the check that sees to it would notice. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { correctable } from '../../src/domain/journey/correctable.ts'
import { journeyPrivacy } from '../../src/domain/journey/journey.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const check = (...file: string[]) =>
  spawnSync(process.execPath, ['scripts/corrections-doc.mjs', '--check', ...file], { cwd: root, encoding: 'utf8' })

describe('docs/corrections.md', () => {
  const page = readFileSync(join(root, 'docs/corrections.md'), 'utf8')
  it('is what the source says; if not, run npm run docs:corrections', () =>
    expect(check()).toMatchObject({ status: 0, stderr: '' }))
  it('tells every event of a journey, and every field of each that tells a fact', () => {
    expect(Object.keys(correctable).toSorted()).toEqual(Object.keys(journeyPrivacy).toSorted())
    for (const [type, fields] of Object.entries(journeyPrivacy)) {
      expect(page).toContain(`\`${type}\``)
      if ('versionOf' in correctable[type as keyof typeof correctable]) continue
      const section = page.slice(page.indexOf(`\n\`${type}\`; `)).split('\n### ')[0]!
      for (const field of Object.keys(fields)) expect(section, type).toContain(`| \`${field}\` |`)
    }
  })
  it('is seen to differ where a field is missing', () => {
    const copies = mkdtempSync(join(tmpdir(), 'corrections-'))
    try {
      const less = join(copies, 'less.md')
      writeFileSync(less, page.replace('| `groupId` | `RecordCorrected` | must not be empty |\n', ''))
      const { status, stderr } = check(less)
      expect(status).toBe(1)
      expect(stderr).toContain('npm run docs:corrections')
    } finally {
      rmSync(copies, { recursive: true })
    }
  })
})
