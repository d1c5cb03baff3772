/** The drawing of a replay as a picture of its own: styles, legend and moment are in the file, and no address is. */

/** The rules of the pages' stylesheet that a drawing uses; those for a screen, a printer or a visitor's own colours are left out. */
export function stylesOf(drawing: string, stylesheet: string): string {
  const used = new Set([...drawing.matchAll(/class="([^"]*)"/g)].flatMap(([, names]) => names!.split(/\s+/)))
  return [...withoutAtRules(stylesheet).matchAll(/([^{}]+)\{([^{}]*)\}/g)]
    .flatMap(([, selectors = '', declarations = '']) => {
      const own = selectors.split(',').filter((selector) => {
        const classes = [...selector.matchAll(/\.([\w-]+)/g)].map(([, name]) => name!)
        return (
          (classes.length > 0 || selector.trim() === ':root') &&
          classes.every((name) => used.has(name)) &&
          !/:(?!root|not\(|first|last)/.test(selector)
        )
      })
      return own.length > 0 ? [`${own.join(',')}{${declarations}}`] : []
    })
    .join('\n')
}

/** Rules within `@media` and its like, which are in braces within braces. */
function withoutAtRules(css: string): string {
  let kept = ''
  for (let at = 0; at < css.length;) {
    const next = css.indexOf('@', at)
    if (next < 0) return kept + css.slice(at)
    kept += css.slice(at, next)
    at = endOfRule(css, next)
  }
  return kept
}

function endOfRule(css: string, from: number): number {
  let depth = 0
  for (let at = from; at < css.length; at++) {
    if (css[at] === ';' && depth === 0) return at + 1
    if (css[at] === '{') depth++
    if (css[at] === '}' && --depth === 0) return at + 1
  }
  return css.length
}

/** A picture leads nowhere and is moved by no script: what is a link on the page is a group in the file. */
export const withoutLinks = (drawing: string): string =>
  drawing
    .replaceAll(/<a\s+href="[^"]*"/g, '<g')
    .replaceAll('</a>', '</g>')
    .replaceAll(/\s(?:tabindex|data-[\w-]+)(?:="[^"]*")?(?=[\s/>])/g, '')

/** What the marks mean, in the order of the page's own key. */
export const legend: readonly { readonly glyph: string; readonly words: string }[] = [
  { glyph: 'attended', words: 'Attended' },
  { glyph: 'failed_to_comply', words: 'Attended, failed to comply' },
  { glyph: 'sent_home', words: 'Sent home' },
  { glyph: 'acceptable_absence', words: 'Acceptable absence' },
  { glyph: 'unacceptable_absence', words: 'Unacceptable absence' },
  { glyph: 'not_held', words: 'Not held' },
  { glyph: 'stand_in', words: 'Stand-in facilitator' },
  { glyph: 'warning', words: 'Warning' },
  { glyph: 'breach', words: 'Breach or recall' },
  { glyph: 'late', words: 'Recorded late' },
  { glyph: 'correction', words: 'Correction' },
  { glyph: 'recategorisation', words: 'Outcome recategorised' },
  { glyph: 'withdrawal', words: 'Withdrawn as recorded in error' },
  { glyph: 'completed', words: 'Completed' },
  { glyph: 'dropped_out', words: 'Dropped out' },
]
