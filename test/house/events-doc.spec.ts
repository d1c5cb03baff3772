/** docs/events.md says what the source says, and the check that sees to it would notice. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { eventTypes } from '../../src/domain/events.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const check = (...file: string[]) =>
  spawnSync(process.execPath, ['scripts/events-doc.mjs', '--check', ...file], { cwd: root, encoding: 'utf8' })

describe('docs/events.md', () => {
  const page = readFileSync(join(root, 'docs/events.md'), 'utf8')
  it('is what the source says; if not, run npm run docs:events', () =>
    expect(check()).toMatchObject({ status: 0, stderr: '' }))
  it('tells every event', () => {
    for (const type of eventTypes) expect(page).toContain(`\n#### ${type}\n`)
    expect(page.match(/^> .+\.$/gm)).toHaveLength(eventTypes.length)
  })
  it('is seen to differ where it calls a sealed field open', () => {
    const copies = mkdtempSync(join(tmpdir(), 'events-'))
    try {
      const opened = join(copies, 'opened.md')
      writeFileSync(opened, page.replace('| `note?` | `string` | personal |', '| `note?` | `string` | open |'))
      const { status, stderr } = check(opened)
      expect(status).toBe(1)
      expect(stderr).toContain('npm run docs:events')
    } finally {
      rmSync(copies, { recursive: true })
    }
  })
})
