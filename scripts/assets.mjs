// The stylesheet, the browser script and the pictures the pages need, built into dist/public; and the page that goes into evidence
// packs, built into dist/evidence-pack.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { compile, Logger } from 'sass'

export async function buildAssets(root) {
  const from = join(root, 'src/web/assets')
  const to = join(root, 'dist/public')
  mkdirSync(join(to, 'images'), { recursive: true })

  const { css } = compile(join(from, 'app.scss'), {
    loadPaths: [root, join(root, 'node_modules')],
    style: 'compressed',
    quietDeps: true,
    logger: Logger.silent,
  })
  writeFileSync(join(to, 'app.css'), css)

  await build({
    entryPoints: [join(from, 'app.js')],
    outfile: join(to, 'app.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
  })

  const page = join(root, 'src/evidence/pack/page')
  const packed = join(root, 'dist/evidence-pack')
  await build({
    entryPoints: [join(page, 'page.js'), join(page, 'page.css')],
    outdir: packed,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
  })
  cpSync(join(page, 'page.html'), join(packed, 'page.html'))

  // Only the pictures of MoJ Frontend's components; the crest and the crown are not ours to show.
  const moj = join(root, 'node_modules/@ministryofjustice/frontend/moj/assets/images')
  cpSync(moj, join(to, 'images'), {
    recursive: true,
    filter: (file) => !/crest|crown|moj-|\.png$/.test(file.slice(moj.length)),
  })
  cpSync(join(from, 'images'), join(to, 'images'), { recursive: true })
}
