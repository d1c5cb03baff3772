/** The flags and the environment that profiles.json gives a command, so that a bench runs as the command does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../src/runtime/config.ts'

interface Profile {
  readonly entry: string
  /** Of Node. */
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

export function profileOf(command: 'import' | 'rebuild'): { flags: readonly string[]; environment: NodeJS.ProcessEnv } {
  const profiles = JSON.parse(readFileSync(join(projectRoot, 'profiles.json'), 'utf8')) as Record<string, Profile>
  const { flags = [], environment = {} } = profiles[command]!
  return { flags, environment: { ...process.env, ...environment } }
}
