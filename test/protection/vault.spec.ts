import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { KeyMissing, SealBroken, Vault } from '../../src/protection/vault.ts'
import { temporaryDirectory } from '../support/runtime.ts'

function vaultIn(dir = temporaryDirectory()): Vault {
  const vault = new Vault(dir)
  onTestFinished(() => vault.close())
  return vault
}

describe('the vault', () => {
  it('opens what it sealed, where it was sealed', () => {
    const vault = vaultIn()
    const key = vault.participant('X000001')
    expect(vault.open(key, 'journey-1/a', vault.seal(key, 'journey-1/a', 'Quiet, low.'))).toBe('Quiet, low.')
  })

  it('does not open a text moved to another event, altered, or sealed under another key', () => {
    const vault = vaultIn()
    const [his, other] = [vault.participant('X000001'), vault.participant('X000002')]
    const sealed = vault.seal(his, 'journey-1/a', 'Quiet, low.')
    const altered = sealed.slice(0, -3) + (sealed.endsWith('AAA') ? 'BBB' : 'AAA')
    expect(() => vault.open(his, 'journey-1/b', sealed)).toThrow(SealBroken)
    expect(() => vault.open(his, 'journey-1/a', altered)).toThrow(SealBroken)
    expect(() => vault.open(other, 'journey-1/a', sealed)).toThrow(SealBroken)
    expect(() => vault.open('nobody', 'journey-1/a', sealed)).toThrow(KeyMissing)
  })

  it('knows a participant and a journey again, also after it was closed', () => {
    const dir = temporaryDirectory()
    const first = new Vault(dir)
    const [participant, journey, token] = [
      first.participant('X000001'),
      first.journey('R-1'),
      first.token('crn', 'X000001'),
    ]
    first.close()
    const again = vaultIn(dir)
    expect(again.participant('X000001')).toBe(participant)
    expect(again.journey('R-1')).toBe(journey)
    expect(again.token('crn', 'X000001')).toEqual(token)
    expect(again.find('crn', 'X000002')).toBeUndefined()
  })

  it('gives tokens that tell nothing without its key: another vault gives others, and so does another kind', () => {
    const [one, other] = [vaultIn(), vaultIn()]
    expect(one.token('crn', 'X000001')).not.toEqual(other.token('crn', 'X000001'))
    expect(one.token('crn', 'X000001')).not.toEqual(one.token('name', 'X000001'))
  })

  it('keeps no identifier in its own file', () => {
    const dir = temporaryDirectory()
    const vault = vaultIn(dir)
    vault.participant('Q987654')
    vault.journey('REFERENCE-MARKER')
    for (const file of ['keys.sqlite', 'keys.sqlite-wal']) {
      const bytes = readFileSync(join(dir, file))
      expect(bytes.includes('Q987654')).toBe(false)
      expect(bytes.includes('REFERENCE-MARKER')).toBe(false)
    }
  })
})
