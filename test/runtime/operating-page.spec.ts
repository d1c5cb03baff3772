/** Every command of the page for three in the morning is typed, in the order of the page, on a log that is really damaged. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const page = readFileSync(join(projectRoot, 'docs/operating.md'), 'utf8')
const smallLog = new URL('../fixtures/contact-logs/nasty.csv', import.meta.url).pathname
const PAGE_BYTES = 4096

/** The lines to type under a heading, block by block. */
function blocksUnder(heading: string): string[] {
  const section = page.split(/^###? /m).find((text) => text.startsWith(`${heading}\n`))
  expect(section, heading).toBeDefined()
  return [...section!.matchAll(/```sh\n(.*?)```/gs)].map(([, lines]) => lines!)
}

it('what the page for three in the morning says works, line by line', { timeout: 600_000 }, () => {
  const [DATA_DIR, COPIES] = [join(temporaryDirectory(), 'data'), temporaryDirectory()]
  const env = { ...process.env, DATA_DIR, COPIES, BACKUP: '' }
  const type = (lines: string) =>
    spawnSync('bash', ['-e', '-c', lines], { cwd: projectRoot, env, encoding: 'utf8', timeout: 300_000 })
  const worked = (lines: string) => {
    const { status, stdout, stderr } = type(lines)
    expect(status, `${lines}\n${stdout}\n${stderr}`).toBe(0)
    return stdout
  }
  const events = join(DATA_DIR, 'store/events.sqlite')
  const rejects = `--rejects ${join(COPIES, 'rejects.csv')}`
  worked(`npm run import -- ${smallLog} --json ${rejects}`)

  const [copy] = blocksUnder('Take a copy now') as [string]
  expect(worked(copy)).toMatch(/\d+ events in \d+ streams/)
  env.BACKUP = join(
    COPIES,
    readdirSync(COPIES).find((name) => name.endsWith('.sqlite'))!,
  )

  const content = readFileSync(events)
  const at = content.indexOf('AttendanceRecorded', content.length / 3)
  writeSync(
    openSync(events, 'r+'),
    Buffer.alloc(PAGE_BYTES, 7),
    0,
    PAGE_BYTES,
    PAGE_BYTES * Math.floor(at / PAGE_BYTES),
  )
  const damaged = join(COPIES, 'damaged')
  cpSync(DATA_DIR, damaged, { recursive: true })

  const [verify, verifyBackup, salvage, exchange, restore] = blocksUnder('The event log is damaged') as [
    string,
    string,
    string,
    string,
    string,
  ]
  const found = type(verify)
  expect(found.status).toBe(1)
  expect(found.stdout).toMatch(/^Stream '[a-z]+-[^']+': revisions? \d+.* lost$/m)
  expect(worked(verifyBackup)).toMatch(/, 0 problems/)
  expect(worked(salvage)).toMatch(/; 0 events lost/)
  expect(worked(exchange)).toMatch(/, 0 problems/)
  expect(existsSync(join(DATA_DIR, 'store-damaged/events.sqlite'))).toBe(true)
  const again = blocksUnder('Build the read models again').join('')
  expect(worked(again)).toMatch(/as the log says/)

  env.DATA_DIR = damaged
  expect(worked(salvage.replace(' --backup "$BACKUP"', ''))).toMatch(/; [1-9]\d* events lost/)
  worked(exchange)
  expect(worked(again)).toMatch(/unknown event type EventLost/)

  worked(restore)
  worked('mv "$DATA_DIR/store" "$DATA_DIR/store-salvaged-before"')
  worked('mv "$DATA_DIR/store-restored" "$DATA_DIR/store"')
  expect(worked(again.split('\n').slice(0, 3).join('\n'))).toMatch(/No stream is parked/)
})
