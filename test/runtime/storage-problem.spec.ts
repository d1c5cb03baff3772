import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'
import { keptIn, storageProblem } from '../../src/runtime/storage-problem.ts'
import { mayMakeDisks } from '../embedded-store/failing-disk.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const log = new URL('../fixtures/contact-logs/legacy-export.csv', import.meta.url).pathname
const smallLog = new URL('../fixtures/contact-logs/nasty.csv', import.meta.url).pathname

const run = (command: string, words: string[], DATA_DIR: string) =>
  spawnSync(process.execPath, [join(projectRoot, `dist/bundle/src/cli/${command}.js`), ...words], {
    env: { ...process.env, DATA_DIR },
    encoding: 'utf8',
    timeout: 60_000,
  })

const importInto = (dataDir: string, file = smallLog) =>
  run('import', [file, '--json', '--rejects', join(temporaryDirectory(), 'rejects.csv')], dataDir)

/** One sentence that names the place, and no stack. */
function toldInASentence({ status, stderr }: { status: number | null; stderr: string }, ...words: (string | RegExp)[]) {
  expect(status).toBe(1)
  expect(stderr).not.toMatch(/\n\s+at |went wrong/)
  for (const word of words) expect(stderr).toMatch(word)
}

describe('a command on ground that gives way says in a sentence what to do', () => {
  it('where a file is in the place of the data directory, or above it', () => {
    const file = join(temporaryDirectory(), 'file')
    writeFileSync(file, '')
    for (const place of [file, join(file, 'data')])
      toldInASentence(
        run('report', ['journeys'], place),
        place,
        /there is a file in the directory's place.*set DATA_DIR/,
      )
  })

  it.each([
    ['keys/keys.sqlite', /The keys in .* are damaged .*Put the newest copy of keys.sqlite back.*Do not delete it/],
    [
      'store/events.sqlite',
      /The event log in .* is damaged .*npm run store -- verify.*npm run store -- restore .*npm run store -- salvage/,
    ],
  ])('where %s is damaged', (name, sentence) => {
    const dataDir = join(temporaryDirectory(), 'data')
    expect(importInto(dataDir).status).toBe(0)
    const damaged = join(temporaryDirectory(), 'data')
    cpSync(dataDir, damaged, { recursive: true })
    writeSync(openSync(join(damaged, name), 'r+'), Buffer.alloc(4_000, 7), 0, 4_000, 0)
    toldInASentence(run('report', ['journeys'], damaged), sentence)
  })

  it('where one event in the middle of the log is damaged, or the pages of many', { timeout: 240_000 }, () => {
    const dataDir = join(temporaryDirectory(), 'data')
    expect(importInto(dataDir).status).toBe(0)
    const events = join(dataDir, 'store/events.sqlite')
    const content = readFileSync(events)
    const sentence =
      /^The event log in \S*\/store is damaged \(.*\)\. Do not delete it\. .*verify.*restore.*salvage[^\n]*\n$/
    const at = content.indexOf('AttendanceRecorded', content.length / 3)
    writeSync(openSync(events, 'r+'), Buffer.alloc(1, 7), 0, 1, at + 3)
    toldInASentence(run('rebuild', ['caseload'], dataDir), sentence, /revision \d+ of stream 'journey-/)
    const page = 4096 * Math.floor(content.length / 4096 / 3)
    writeSync(openSync(events, 'r+'), Buffer.alloc(3 * 4096, 7), 0, 3 * 4096, page)
    toldInASentence(run('verify', ['projections'], dataDir), sentence)
  })

  it.skipIf(!mayMakeDisks())('where its disk is full, and goes on where it stopped once there is room', () => {
    const disk = mounted('size=6m')
    const dataDir = join(disk, 'data')
    const full = importInto(dataDir, log)
    toldInASentence(
      full,
      /(its disk is full|its disk fails, or is full) \(\d+ MB free on the disk of \S+, about 17 MB are needed\)\..*start the same command again/,
    )
    execFileSync('mount', ['-o', 'remount,size=80m', disk])
    const again = importInto(dataDir, log)
    expect([again.status, again.stderr]).toEqual([0, expect.not.stringContaining('cannot')])
    const { accepted, duplicates } = JSON.parse(again.stdout) as { accepted: number; duplicates: number }
    expect(duplicates).toBeGreaterThan(0)
    const whole = JSON.parse(importInto(join(temporaryDirectory(), 'data'), log).stdout) as {
      accepted: number
      duplicates: number
    }
    expect(accepted + duplicates).toBe(whole.accepted + whole.duplicates)
    expect(run('verify', ['projections'], dataDir).status).toBe(0)
  })

  it.skipIf(!mayMakeDisks())(
    'where a rebuild or a backup fills the disk, and works once there is room',
    { timeout: 240_000 },
    () => {
      const disk = mounted('size=40m')
      const [dataDir, copy] = [join(disk, 'data'), join(disk, 'copy.sqlite')]
      expect(importInto(dataDir).status).toBe(0)
      const backUp = () => run('../embedded-store/cli', ['backup', '--data-dir', join(dataDir, 'store'), copy], dataDir)
      const rebuild = () => run('rebuild', ['all'], dataDir)
      const ballast = openSync(join(disk, 'ballast'), 'w')
      expect(() => {
        for (;;) writeSync(ballast, Buffer.alloc(65_536))
      }).toThrow('ENOSPC')
      closeSync(ballast)
      toldInASentence(
        backUp(),
        /^The disk of \S+ is full: \d MB are free, about \d MB are needed\. .*type the same line again\.\n$/,
      )
      expect(readdirSync(disk).sort()).toEqual(['ballast', 'data'])
      toldInASentence(
        rebuild(),
        /(its disk is full|its disk fails, or is full) \(\d+ MB free on the disk of \S+, about \d+ MB are needed\)\..*start the same command again/,
      )
      rmSync(join(disk, 'ballast'))
      for (const { status, stderr } of [rebuild(), backUp()]) expect(status, stderr).toBe(0)
    },
  )

  it.skipIf(!mayMakeDisks())('where its disk can only be read', () => {
    const disk = mounted('ro')
    toldInASentence(run('report', ['journeys'], join(disk, 'data')), /can only be read.*set DATA_DIR/)
  })
})

describe('the reason', () => {
  const kept = keptIn.dataDirectory('/data')
  const failure = (code: string) => Object.assign(new Error('x'), { code })

  it.each([
    ['EACCES', /may not be written by this user/],
    ['SQLITE_READONLY_DIRECTORY', /may not be written by this user/],
    ['EROFS', /its disk can only be read/],
    ['ENOSPC', /its disk is full/],
    ['EMFILE', /ulimit -n/],
    ['EIO', /its disk fails/],
    ['SQLITE_CORRUPT', /is damaged/],
  ])('%s is said in plain words', (code, words) => expect(storageProblem(failure(code), kept)?.message).toMatch(words))

  it.each(['ENOSPC', 'EIO'])('%s says how much is free and about how much is needed', (code) => {
    expect(storageProblem(failure(code), { ...kept, neededBytes: () => 25 * 2 ** 20 - 1 })?.message).toMatch(
      /^The data directory in \/data .* full \(\d+ MB free on the disk of \/\S*, about 25 MB are needed\)\. Nothing that was .* is lost\. .*start the same command again/,
    )
    expect(storageProblem(failure(code), kept)?.message).not.toContain('needed')
  })

  it('of a fault that has nothing to do with the disk is left alone', () => {
    for (const error of [failure('ECONNREFUSED'), new TypeError('x is not a function'), null, 'x'])
      expect(storageProblem(error, kept)).toBeNull()
  })
})

function mounted(options: string): string {
  const disk = join(temporaryDirectory(), 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk])
  onTestFinished(() => void execFileSync('umount', [disk]))
  return disk
}
