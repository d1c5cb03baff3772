import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const read = (file: string): unknown => JSON.parse(readFileSync(join(projectRoot, file), 'utf8'))
const profiles = read('profiles.json') as Record<string, { entry: string }>
const { scripts } = read('package.json') as { scripts: Record<string, string> }

/** A project of its own, whose one command prints what it was run with. */
function project(program: string): string {
  const root = temporaryDirectory()
  mkdirSync(join(root, 'scripts'))
  cpSync(join(projectRoot, 'scripts/run.mjs'), join(root, 'scripts/run.mjs'))
  writeFileSync(join(root, 'scripts/build.mjs'), '')
  writeFileSync(join(root, 'command.mjs'), program)
  const profile = { entry: 'command.mjs', flags: ['--max-old-space-size=80'], environment: { MALLOC_ARENA_MAX: '2' } }
  writeFileSync(join(root, 'profiles.json'), JSON.stringify({ command: profile }))
  return join(root, 'scripts/run.mjs')
}

describe('the commands of package.json', () => {
  it('take their flags and environment from the profile of their name, and no profile is left over', () => {
    const run = Object.entries(scripts).filter(([, script]) => script.startsWith('node scripts/run.mjs'))
    expect(run).toEqual(Object.keys(profiles).map((name) => [name, `node scripts/run.mjs ${name}`]))
  })
  it('lead to a file that is there once the product is built', () => {
    for (const { entry } of Object.values(profiles)) expect(existsSync(join(projectRoot, entry)), entry).toBe(true)
  })
})

describe('a profile', () => {
  it('gives Node its flags, its environment and the arguments, and the exit code comes back', () => {
    const run = project(`
      const { execArgv, argv, env } = process
      process.stdout.write(JSON.stringify([execArgv, argv.slice(2), env.MALLOC_ARENA_MAX]))
      process.exitCode = 7`)
    const { status, stdout } = spawnSync(process.execPath, [run, 'command', 'a b', '--json'], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual([['--max-old-space-size=80'], ['a b', '--json'], '2'])
    expect(status).toBe(7)
  })
  it('leaves the command its signals', async () => {
    const run = project(`
      process.once('SIGTERM', () => process.exit(9))
      setInterval(() => undefined, 1_000)
      process.stdout.write('ready')`)
    const command = spawn(process.execPath, [run, 'command'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(command.stdout, 'data')
    command.kill('SIGTERM')
    expect(await once(command, 'exit')).toEqual([9, null])
  })
  it('that is not there is named, with those that are', () => {
    expect(() => execFileSync(process.execPath, [project(''), 'comand'], { stdio: 'pipe' })).toThrow(
      'profiles.json has no profile "comand". It has: command.',
    )
  })
})
