/**
 * Which room may know which. The arrows point from what people touch to what may happen, and never back: a convenient import
 * here can put someone in danger. Change a line only together with a reason that a stranger would accept.
 */

/** What a room may import of ours besides itself. A room that is not listed may import nothing, and is reported. */
const rooms = {
  // At the bottom: nothing of ours.
  'src/domain/': [],
  'src/event-store/': [],
  'src/embedded-store/': [],
  'src/config.ts': [],
  'src/instance.ts': [],
  'src/belonging.ts': [],

  'src/protection/': ['src/domain/'],
  'src/access/': ['src/domain/'],
  'src/commands/': ['src/access/', 'src/domain/', 'src/event-store/', 'src/protection/'],
  'projections/': ['src/domain/', 'src/event-store/', 'src/protection/'],
  'src/reading/': ['projections/', 'src/access/', 'src/domain/', 'src/event-store/', 'src/protection/'],

  // What everything stands on, opened in order.
  'src/workplace.ts': [
    'src/belonging.ts',
    'projections/lanes.ts',
    'projections/projection.ts',
    'projections/projections.ts',
    'projections/projector.ts',
    'projections/read-models.ts',
    'projections/retired.ts',
    'src/commands/',
    'src/config.ts',
    'src/embedded-store/embedded-store.ts',
    'src/event-store/',
    'src/instance.ts',
    'src/protection/',
  ],
  'src/exchange/': ['src/commands/', 'src/domain/', 'src/event-store/', 'src/protection/', 'src/workplace.ts'],
  'src/simulator/': ['src/exchange/contact-log.ts', 'src/exchange/import-file.ts', 'src/workplace.ts'],

  // What those who run it are told.
  'src/telemetry/': ['projections/', 'src/event-store/', 'src/workplace.ts'],

  // At the top: what people touch.
  'src/web/': ['projections/read-models.ts', 'src/access/', 'src/commands/', 'src/domain/', 'src/reading/'],
  'src/cli/': [
    'src/belonging.ts',
    'projections/',
    'src/config.ts',
    'src/event-store/',
    'src/exchange/',
    'src/instance.ts',
    'src/reading/',
    'src/workplace.ts',
  ],
  'src/app.module.ts': [
    'projections/read-models.ts',
    'projections/standing.ts',
    'src/access/',
    'src/commands/',
    'src/event-store/',
    'src/protection/',
    'src/reading/',
    'src/telemetry/',
    'src/web/',
    'src/workplace.ts',
  ],
  'src/main.ts': [
    'src/app.module.ts',
    'src/cli/terminal.ts',
    'src/config.ts',
    'src/simulator/demonstration.ts',
    'src/telemetry/tracing.ts',
    'src/web/',
    'src/workplace.ts',
  ],
}

/** The few files that may know more than their room, each for its own reason. */
const exceptions = {
  // Failures have names in the rooms they come from; these say them to people and programs.
  'src/web/errors/': ['projections/databases/away.ts', 'src/event-store/event-store.ts'],
  'src/web/api/problems.ts': [
    'projections/databases/away.ts',
    'src/event-store/event-store.ts',
    'src/protection/vault.ts',
  ],
  // Whether the log can be reached, and how far behind it we are, is asked of the log.
  'src/web/api/health.controller.ts': [
    'src/event-store/event-store.ts',
    'projections/projection.ts',
    'projections/standing.ts',
  ],
  // A request's key and body are remembered only as keyed digests.
  'src/web/api/teller.ts': ['src/protection/vault.ts'],
}

const inside = (path) => `^${path.replaceAll('.', '\\.')}${path.endsWith('/') ? '' : '$'}`
const anyOf = (paths) => paths.map(inside).join('|')
const ours = '^(src|projections)/'

const knowsOnly = (path, may, from) => ({
  name: `${path.replace(/\/$/, '')} knows only its own`,
  comment: may.length === 0 ? `${path} imports nothing of ours.` : `Of ours, ${path} imports only ${may.join(', ')}.`,
  severity: 'error',
  from,
  to: { path: ours, pathNot: anyOf(may) },
})

const exceptionsIn = (room) => Object.keys(exceptions).filter((file) => file.startsWith(room))

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, may]) =>
      knowsOnly(room, [room, ...may], {
        path: inside(room),
        ...(exceptionsIn(room).length > 0 && { pathNot: anyOf(exceptionsIn(room)) }),
      }),
    ),
    ...Object.entries(exceptions).map(([file, more]) => {
      const room = Object.keys(rooms).find((room) => file.startsWith(room))
      return knowsOnly(file, [room, ...rooms[room], ...more], { path: inside(file) })
    }),
    {
      name: 'every file has a room',
      comment: 'A new room has no arrows until they are written down here.',
      severity: 'error',
      from: { path: ours, pathNot: anyOf(Object.keys(rooms)) },
      to: {},
    },
    {
      name: 'the domain is pure',
      comment: 'No clock, no random, no IO, no library: nothing from outside the domain at all.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { pathNot: '^src/domain/' },
    },
    {
      name: 'only the workplace opens the embedded store',
      comment: 'Everybody else speaks to a log and cannot tell which.',
      severity: 'error',
      from: { pathNot: '^(src/embedded-store/|src/workplace\\.ts$|test/|bench/)' },
      to: { path: '^src/embedded-store/' },
    },
    {
      name: 'nothing imports the entrance',
      comment: 'main.ts is where it starts; a test may start it too.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'the terminal is at the top',
      comment: 'Only the entrance borrows from it, to say plainly at the terminal what went wrong.',
      severity: 'error',
      from: { pathNot: '^(src/cli/|src/main\\.ts$|test/)' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'no circle',
      comment: 'Two files that need each other are one file, or three.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no circle of types',
      comment:
        'But for the read models: their database is the union of the tables, and a table’s questions are asked of the database.',
      severity: 'error',
      from: { pathNot: '^projections/' },
      to: { circular: true },
    },
    {
      name: 'nothing unresolved',
      comment: 'A path that leads nowhere keeps no rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no development tool in the product',
      comment: 'What runs is declared as what it needs to run.',
      severity: 'error',
      from: { path: ours },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Importing only a type of another room is knowing that room.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'node', 'import', 'default'] },
    exclude: { path: '^src/web/assets/' },
  },
}
