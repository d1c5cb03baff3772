// Joins each program and each thread of the product with the packages it imports, into dist/bundle: a start then reads a few files
// instead of 3,400, which took more than half of its time. The modules in dist/ stay as they are beside it.
import { globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const programs = ['src/main', 'src/cli/!(terminal)', 'src/embedded-store/cli', 'src/evidence/witness/cli']
const threads = ['src/embedded-store/worker', 'projections/rebuild/partition.worker']

/** Compiled code of another language, and what packages ask for only where somebody has installed it. */
const leftOutside = [
  'better-sqlite3',
  'pg-native',
  'oidc-provider',
  'class-transformer/storage',
  '@fastify/view',
  '@grpc/proto-loader',
  '@mikro-orm/*',
  ...['microservices', 'websockets', 'platform-express', 'mongoose', 'sequelize', 'typeorm'].flatMap((name) => [
    `@nestjs/${name}`,
    `@nestjs/${name}/*`,
  ]),
]

/** What packages written as CommonJS find in their place. */
const commonJs = [
  `import { createRequire as createRequireOfBundle } from 'node:module'`,
  `const require = createRequireOfBundle(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename`,
].join('\n')

export async function bundlePrograms(root) {
  const compiled = join(root, 'dist')
  const into = join(compiled, 'bundle')
  rmSync(into, { recursive: true, force: true })
  await build({
    entryPoints: globSync(
      [...programs, ...threads].map((file) => `${file}.js`),
      { cwd: compiled },
    ).map((file) => join(compiled, file)),
    outbase: compiled,
    outdir: into,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Nest and gRPC name things by their classes.
    keepNames: true,
    external: leftOutside,
    banner: { js: commonJs },
    legalComments: 'none',
    logLevel: 'warning',
  })
}
