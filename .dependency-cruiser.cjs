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

  'src/protection/': ['src/domain/'],
  'src/access/': ['src/domain/'],
  'src/commands/': ['src/access/', 'src/domain/', 'src/event-store/', 'src/protection/'],
  // Which cases are limited, kept level with the log.
  'src/reach/': ['src/access/', 'src/domain/', 'src/event-store/'],
  // What is done for the safety of partners, as it stands: read from the log, and in no read model.
  'src/partner-safety/': ['src/access/', 'src/domain/', 'src/event-store/', 'src/protection/'],
  'projections/': ['src/domain/', 'src/event-store/', 'src/protection/'],
  'src/queries/': ['projections/', 'src/access/', 'src/domain/', 'src/event-store/', 'src/protection/', 'src/reach/'],

  // What everything stands on: configuration, the lock on the data directory, and store, keys and read models opened in order.
  'src/runtime/': [
    'projections/',
    'src/access/access-settings.ts',
    'src/access/reach.ts',
    'src/commands/command-handlers.ts',
    'src/commands/erasure-command-handler.ts',
    'src/commands/installation-command-handler.ts',
    'src/domain/',
    'src/embedded-store/embedded-store.ts',
    'src/event-store/',
    'src/partner-safety/',
    'src/protection/',
    'src/reach/',
  ],
  'src/exchange/': [
    'projections/caseload.ts',
    'src/commands/',
    'src/domain/',
    'src/event-store/',
    'src/protection/',
    'src/runtime/',
  ],
  // What goes on by itself: registers are carried to journeys.
  'src/process/': ['src/commands/', 'src/domain/', 'src/event-store/', 'src/runtime/'],
  'src/simulator/': ['src/domain/', 'src/exchange/contact-log.ts', 'src/exchange/import-file.ts', 'src/runtime/'],

  // The Merkle log over the event store: it reads, and appends nothing.
  'src/evidence/': ['projections/projection.ts', 'src/domain/', 'src/event-store/', 'src/protection/', 'src/runtime/'],

  // What the auditor's desk reads with: it locates events, reads them from the log, and appends nothing.
  'src/audit/': ['src/domain/', 'src/event-store/', 'src/evidence/', 'src/protection/', 'src/runtime/'],

  // What operators are shown: status, throughput, metrics, traces.
  'src/operations/': [
    'projections/',
    'src/access/',
    'src/domain/',
    'src/event-store/',
    'src/protection/',
    'src/runtime/',
  ],

  // At the top: what people touch.
  'src/web/': [
    'projections/runner/read-models.ts',
    'src/access/',
    'src/audit/',
    'src/commands/',
    'src/domain/',
    'src/evidence/',
    'src/operations/',
    'src/partner-safety/',
    'src/process/',
    'src/queries/',
    'src/reach/',
  ],
  'src/cli/': [
    'projections/',
    'src/domain/calendar.ts',
    'src/domain/evidence-pack.ts',
    'src/event-store/',
    'src/evidence/',
    'src/exchange/',
    'src/queries/',
    'src/runtime/',
  ],
  'src/app.module.ts': [
    'src/access/access.module.ts',
    'src/commands/commands.module.ts',
    'src/evidence/evidence.module.ts',
    'src/operations/operations.module.ts',
    'src/process/process.module.ts',
    'src/queries/queries.module.ts',
    'src/runtime/',
    'src/simulator/demonstration.module.ts',
    'src/web/api/api.module.ts',
    'src/web/web.module.ts',
  ],
  'src/main.ts': [
    'src/access/identity-provider.ts',
    'src/app.module.ts',
    'src/cli/terminal.ts',
    'src/protection/vault.ts',
    'src/runtime/',
    'src/web/',
  ],
}

/**
 * What each folder of the embedded store may import of the store besides itself; none imports a file of the folder above it.
 * The files beside these folders put them together.
 */
const storeFolders = {
  'src/embedded-store/wire/': [],
  'src/embedded-store/grpc/': ['src/embedded-store/wire/'],
  'src/embedded-store/storage/': ['src/embedded-store/wire/'],
  'src/embedded-store/services/': [
    'src/embedded-store/grpc/',
    'src/embedded-store/storage/',
    'src/embedded-store/wire/',
  ],
  // What only other clients of EventStoreDB need: persistent subscriptions, system projections, user accounts.
  'src/embedded-store/compatibility/': [
    'src/embedded-store/grpc/',
    'src/embedded-store/services/',
    'src/embedded-store/storage/',
    'src/embedded-store/wire/',
  ],
}

/** What each folder of the projections may import of the projections besides itself. The questions are at the top, and above storage only. */
const projectionFolders = {
  'projections/storage/': ['projections/projection.ts'],
  'projections/runner/': ['projections/projection.ts', 'projections/retired.ts', 'projections/storage/'],
  // The runner asks for a rebuild through an interface of its own: the two are put together where they are started.
  'projections/rebuild/': [
    'projections/projection.ts',
    'projections/projections.ts',
    'projections/runner/',
    'projections/storage/',
  ],
}

/** The few files that may know more than their room, each for its own reason. */
const exceptions = {
  // Failures have names in the rooms they come from; one file classifies them for pages and API.
  'src/web/errors/failure.ts': [
    'projections/storage/availability.ts',
    'src/event-store/store-errors.ts',
    'src/protection/vault.ts',
  ],
  // Every command at the terminal says in a sentence that the clock is wrong.
  'src/cli/terminal.ts': ['src/commands/clock-check.ts'],
  // A contact log that is sent through a page is judged as at the terminal.
  'src/web/import/': ['src/exchange/'],
  // What is taken away as CSV is made harmless as rejected records are.
  'src/web/registers/registers.controller.ts': ['src/exchange/csv-records.ts'],
  'src/web/web.module.ts': ['src/exchange/uploaded-imports.ts', 'src/runtime/runtime.ts'],
  // Copying between servers reads their addresses as the application does: no password is shown, and each cause has its sentence.
  'src/embedded-store/copy-between.ts': ['src/event-store/connection.ts', 'src/event-store/store-errors.ts'],
  // Whether the log can be reached, and how far behind it we are, is asked of the log.
  'src/web/api/health.controller.ts': ['src/event-store/event-store.ts', 'projections/projection.ts'],
  // A request's key and body are remembered only as keyed digests.
  'src/web/api/idempotent-commands.ts': ['src/protection/vault.ts'],
}

const inside = (path) => `^${path.replaceAll('.', '\\.')}${path.endsWith('/') ? '' : '$'}`
const anyOf = (paths) => paths.map(inside).join('|')
const ours = '^(src|projections)/'

/** The pages of auditors and what they read with; the module that puts it together is given everything, and shows nothing. */
const auditors = { path: '^src/(audit|web/audit|web/registers)/', pathNot: '^src/audit/audit\\.module\\.ts$' }
const recordsAuditing = '^src/commands/(consultation-log|evidence-pack-command-handler)\\.ts$'
// What is unusual and which days are holidays are said by pages too; neither writes anything.
const writesNothing = '^src/commands/(bank-holidays|unconfirmed-oddities)\\.ts$'
const recordsAuditingWith =
  '^src/commands/(decide-and-append|kept-folds|stream-queues|event-envelope|clock|clock-check)\\.ts$'

/** All that knows of the partner-safety strand, and the few files that put it together with the rest. */
const strand =
  '^src/(domain/partner-safety/|commands/partner-safety/|partner-safety/|web/partner-safety/|protection/strand-sealing\\.ts$)'
const joinsStrand =
  '^src/(commands/(command-handlers|commands\\.module)\\.ts|runtime/runtime(\\.module)?\\.ts|web/web\\.module\\.ts)$'
/** Where a case manager asks for a contact offer: it may ask, and be told nothing. */
const asksStrand = '^src/web/partner-contact/'
const strandCommands = '^src/commands/partner-safety/partner-safety-command-handler\\.ts$'
/** The commands that the strand records and logs its looks with, and no other. */
const strandRecordsWith = '^src/commands/(partner-safety/|consultation-log\\.ts$)'
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
    ...Object.entries(storeFolders).map(([folder, may]) =>
      knowsOnly(folder, [folder, ...may], { path: inside(folder) }),
    ),
    ...Object.entries(projectionFolders).map(([folder, may]) =>
      knowsOnly(folder, [folder, ...may, ...rooms['projections/']], { path: inside(folder) }),
    ),
    {
      name: 'a question knows its contract',
      comment:
        'A question imports the contract, other questions, and the type of the database it asks: never how it is projected.',
      severity: 'error',
      from: { path: '^projections/[^/]+$' },
      to: { path: ours, pathNot: '^projections/([^/]+|storage/bookkeeping\\.ts)$|^src/(domain|protection)/' },
    },
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
      name: 'only the runtime opens the embedded store',
      comment:
        'Everybody else speaks to a log and cannot tell which; who verifies the log reads its file as it lies there.',
      severity: 'error',
      from: { pathNot: '^(src/embedded-store/|src/runtime/(runtime|stored-events)\\.ts$|test/|bench/)' },
      to: { path: '^src/embedded-store/' },
    },
    {
      name: 'the embedded store is entered by its start function',
      comment: 'The rest of the product imports embedded-store.ts and no other file of it; tests and benches may.',
      severity: 'error',
      from: { pathNot: '^(src/embedded-store/|test/|bench/)' },
      to: { path: '^src/embedded-store/', pathNot: '^src/embedded-store/embedded-store\\.ts$' },
    },
    {
      name: 'only the server adds compatibility',
      comment: 'The store serves Throughline without compatibility/: server.ts alone puts the two together.',
      severity: 'error',
      from: { path: '^src/embedded-store/', pathNot: '^src/embedded-store/(compatibility/|server\\.ts$)' },
      to: { path: '^src/embedded-store/compatibility/' },
    },
    {
      name: 'only the commands append',
      comment:
        'Everything that changes anything is decided in src/commands/; the runtime hands it the appender and nobody else.',
      severity: 'error',
      from: { pathNot: '^(src/commands/|src/runtime/runtime\\.ts$|test/|bench/)' },
      to: { path: '^src/event-store/event-appender\\.ts$' },
    },
    {
      name: 'auditors change nothing',
      comment: 'From the pages of an auditor no command can be reached but those that record looking and exporting.',
      severity: 'error',
      from: auditors,
      to: {
        path: '^src/commands/',
        pathNot: `${recordsAuditing}|${recordsAuditingWith}|${writesNothing}`,
        reachable: true,
      },
    },
    {
      name: 'auditors record only looking and exporting',
      comment: 'What those two record with, they themselves use.',
      severity: 'error',
      from: auditors,
      to: { path: '^src/commands/', pathNot: recordsAuditing },
    },
    {
      name: 'the partner-safety strand stays apart',
      comment:
        'Nothing else imports it, but what puts the product together: a convenient import could tell a man who was spoken to.',
      severity: 'error',
      from: { path: ours, pathNot: `${strand}|${joinsStrand}|${asksStrand}` },
      to: { path: strand },
    },
    {
      name: 'asking for a contact offer tells nothing back',
      comment: 'The page of a case manager may issue that one command, and reads nothing of the strand.',
      severity: 'error',
      from: { path: asksStrand },
      to: { path: strand, pathNot: strandCommands },
    },
    {
      name: 'the partner-safety strand changes no man’s record',
      comment:
        'From its pages and commands no other command can be reached but those that it records and logs its looks with.',
      severity: 'error',
      from: { path: strand },
      to: { path: '^src/commands/', pathNot: `${strandRecordsWith}|${recordsAuditingWith}`, reachable: true },
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
      name: 'the terminal starts without Nest',
      comment: 'Its commands open the runtime themselves: docs/decisions/0025.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '(^|/)node_modules/@nestjs/', reachable: true },
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
      comment: 'A type that needs another, which needs the first, cannot be read without it.',
      severity: 'error',
      from: {},
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
