/** Each page's stylesheet keeps to its page: what two pages share stands in a shared sheet, and no page can spoil another. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, Logger } from 'sass'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'

/** What every page is made of. All other sheets belong to one page, or to the pages of one part of the service. */
const shared = ['layout', 'marks']

/** What is taken away from every page on paper: on a screen this sheet styles nothing but what is its own. */
const paper = 'print'

const assets = join(projectRoot, 'src/web/assets')

/** The selectors of a stylesheet, each with the classes of our own that it names. */
function selectorsOf(css: string): readonly { readonly selector: string; readonly classes: readonly string[] }[] {
  const plain = css.replace(/\/\*.*?\*\//gs, '')
  return [...plain.matchAll(/([^{};]+)\{/g)]
    .map(([, before]) => before!.trim())
    .filter((before) => !before.startsWith('@') && !/^(from|to|[\d.]+%)/.test(before))
    .flatMap((before) => before.split(/,(?![^()]*\))/))
    .map((selector) => ({
      selector: selector.trim(),
      classes: [...selector.matchAll(/\.(tl-[\w-]+)/g)].map(([, name]) => name!),
    }))
}

/** A stylesheet without what it says of paper. */
function onScreen(css: string): string {
  let kept = ''
  let rest = css
  for (let at = rest.indexOf('@media print'); at >= 0; at = rest.indexOf('@media print')) {
    kept += rest.slice(0, at)
    let end = rest.indexOf('{', at)
    let depth = 1
    while (depth > 0) {
      end++
      if (rest[end] === undefined) throw new Error('A block of the stylesheet does not end.')
      if (rest[end] === '{') depth++
      if (rest[end] === '}') depth--
    }
    rest = rest.slice(end + 1)
  }
  return kept + rest
}

interface Sheet {
  readonly name: string
  readonly css: string
}

/** What is wrong with the sheets of the pages: classes that two of them style, and selectors that reach beyond their own page. */
function strayStyles(sharedSheets: readonly Sheet[], pageSheets: readonly Sheet[]): readonly string[] {
  const common = new Set(sharedSheets.flatMap(({ css }) => selectorsOf(css).flatMap(({ classes }) => classes)))
  const owners = new Map<string, Set<string>>()
  const reaching: string[] = []
  for (const { name, css } of pageSheets) {
    for (const { selector, classes } of selectorsOf(css)) {
      const own = classes.filter((one) => !common.has(one))
      if (own.length === 0) reaching.push(`${name}: ${selector}`)
      for (const one of own) owners.set(one, (owners.get(one) ?? new Set()).add(name))
    }
  }
  const twice = [...owners].filter(([, by]) => by.size > 1).map(([one, by]) => `.${one}: ${[...by].join(' and ')}`)
  return [...twice, ...reaching]
}

const sheet = (name: string): Sheet => ({
  name,
  css: compile(join(assets, `_${name}.scss`), {
    loadPaths: [projectRoot, join(projectRoot, 'node_modules')],
    quietDeps: true,
    logger: Logger.silent,
  }).css,
})

describe('a page’s stylesheet', () => {
  it('styles only what no other page’s styles', () => {
    const used = [...readFileSync(join(assets, 'app.scss'), 'utf8').matchAll(/^@use '(\w[\w-]*)';$/gm)].map(
      ([, name]) => name!,
    )
    expect(used).toEqual(expect.arrayContaining([...shared, 'replay']))
    const pages = used.filter((name) => !shared.includes(name)).map(sheet)
    const told = pages.map((one) => (one.name === paper ? { ...one, css: onScreen(one.css) } : one))
    expect(strayStyles(shared.map(sheet), told)).toEqual([])
  })

  it('says of every page only how it is printed', () => {
    const css =
      '.tl-own { margin: 0 } @media print { @page { margin: 0 } .tl-other { color: red } } .tl-stray { top: 0 }'
    expect(selectorsOf(onScreen(css)).map(({ selector }) => selector)).toEqual(['.tl-own', '.tl-stray'])
  })

  it('is caught where it styles another’s, or everybody’s', () => {
    const common = [{ name: 'layout', css: '.tl-tag { color: red }' }]
    const pages = [
      { name: 'one', css: '.tl-figures .tl-tag { margin: 0 } @media print { .tl-one, .tl-figure { margin: 0 } }' },
      { name: 'two', css: '.tl-figure { height: 1px } .tl-tag { margin: 1px } .govuk-button { margin: 0 }' },
    ]
    expect(strayStyles(common, pages)).toEqual(['.tl-figure: one and two', 'two: .tl-tag', 'two: .govuk-button'])
  })
})
