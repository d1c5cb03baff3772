import { describe, expect, it } from 'vitest'
import { programmeAt, programmes, sessionOf, versionInForce } from '../../src/domain/programme.ts'

const bbr = programmeAt('bbr', 1)!

describe('Building Better Relationships, version 1', () => {
  it('has these sessions, in the order in which they are meant to be delivered', () =>
    expect(bbr.sessions.map(({ id }) => id).join(' ')).toBe(
      'PG1 PG2 PG3 F1 F2 F3 F4 F5 F6 IF T1 T2 T3 T4 T5 T6 IT MR E1 E2 E3 E4 E5 E6 IE R1 R2 R3 R4 R5 R6 IR FR',
    ))
  it('has 24 group sessions, seven individual ones and two reviews', () => {
    const of = (kind: string) => bbr.sessions.filter((session) => session.kind === kind).map(({ id }) => id)
    expect(of('group')).toHaveLength(24)
    expect(of('individual')).toEqual(['PG1', 'PG2', 'PG3', 'IF', 'IT', 'IE', 'IR'])
    expect(of('review')).toEqual(['MR', 'FR'])
  })
})

describe('a programme', () => {
  for (const programme of programmes) {
    it(`${programme.key}@${programme.version} is defined once, and so is each of its sessions, in a module that is there`, () => {
      expect(
        programmes.filter(({ key, version }) => key === programme.key && version === programme.version),
      ).toHaveLength(1)
      const ids = programme.sessions.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(new Set(programme.sessions.map(({ name }) => name)).size).toBe(ids.length)
      expect(new Set(programme.sessions.map(({ module }) => module))).toEqual(
        new Set(programme.modules.map(({ key }) => key)),
      )
      for (const session of programme.sessions) expect(sessionOf(programme, session.id)).toBe(session)
    })
  }
  it('is asked for by key and version', () => {
    expect(programmeAt('bbr', 1)).toBe(bbr)
    expect(programmeAt('bbr', 2)).toBeUndefined()
    expect(programmeAt('BBR', 1)).toBeUndefined()
    expect(sessionOf(bbr, 'F7')).toBeUndefined()
  })
  it('has a version in force, or none where we know only its key', () => {
    expect(versionInForce('bbr')).toBe(1)
    expect(versionInForce('caledonian')).toBe(0)
  })
})
