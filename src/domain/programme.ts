/** Programme definitions are versioned data: a journey stays with the version in force when it was referred. */

export interface ModuleDefinition {
  readonly key: string
  readonly name: string
}

export interface SessionDefinition {
  /** The code practitioners write in the contact log. */
  readonly id: string
  readonly name: string
  readonly module: string
  readonly kind: 'group' | 'individual' | 'review'
}

export interface ProgrammeDefinition {
  readonly key: string
  readonly version: number
  readonly name: string
  readonly modules: readonly ModuleDefinition[]
  /** In the order in which they are meant to be delivered. */
  readonly sessions: readonly SessionDefinition[]
}

const groupSessions = (module: string, letter: string, name: string): SessionDefinition[] => [
  ...Array.from({ length: 6 }, (_, i): SessionDefinition => ({
    id: `${letter}${i + 1}`,
    name: `${name} ${i + 1}`,
    module,
    kind: 'group',
  })),
  { id: `I${letter}`, name: `${name}: individual session`, module, kind: 'individual' },
]

/**
 * Building Better Relationships. The modules and the count of sessions are public; the split into pre-group one-to-ones,
 * six group sessions and one individual session a module, a mid and a final review is our own reading of it.
 */
const bbr1: ProgrammeDefinition = {
  key: 'bbr',
  version: 1,
  name: 'Building Better Relationships',
  modules: [
    { key: 'pre-group', name: 'Pre-group' },
    { key: 'foundation', name: 'Foundation' },
    { key: 'thinking', name: 'My Thinking' },
    { key: 'emotions', name: 'My Emotions' },
    { key: 'relationships', name: 'My Relationships' },
    { key: 'reviews', name: 'Reviews' },
  ],
  sessions: [
    ...[1, 2, 3].map((n): SessionDefinition => ({
      id: `PG${n}`,
      name: `Pre-group one-to-one ${n}`,
      module: 'pre-group',
      kind: 'individual',
    })),
    ...groupSessions('foundation', 'F', 'Foundation'),
    ...groupSessions('thinking', 'T', 'My Thinking'),
    { id: 'MR', name: 'Mid review', module: 'reviews', kind: 'review' },
    ...groupSessions('emotions', 'E', 'My Emotions'),
    ...groupSessions('relationships', 'R', 'My Relationships'),
    { id: 'FR', name: 'Final review', module: 'reviews', kind: 'review' },
  ],
}

export const programmes: readonly ProgrammeDefinition[] = [bbr1]

const byKeyAndVersion = new Map(programmes.map((programme) => [`${programme.key}@${programme.version}`, programme]))

/** The definition a journey is pinned to, or undefined where the service does not define that programme. */
export const programmeAt = (key: string, version: number): ProgrammeDefinition | undefined =>
  byKeyAndVersion.get(`${key}@${version}`)

/** The version a new referral is pinned to; 0 where the programme is one we only know by its key. */
export const versionInForce = (key: string): number =>
  Math.max(0, ...programmes.filter((programme) => programme.key === key).map((programme) => programme.version))

const sessionsOf = new Map(
  programmes.map((programme) => [programme, new Map(programme.sessions.map((session) => [session.id, session]))]),
)

export const sessionOf = (programme: ProgrammeDefinition, id: string): SessionDefinition | undefined =>
  sessionsOf.get(programme)?.get(id)
