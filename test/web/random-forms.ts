/** What random requests to the pages are made of: the forms and the addresses that the pages themselves show, and what spoils them. */
import fc from 'fast-check'
import type { DeclaredRoute } from '../support/page-routes.ts'

/** The fields of a form, each with what could be chosen. */
export type Form = Readonly<Record<string, readonly string[]>>

export function formIn(html: string): Form {
  const form: Record<string, string[]> = {}
  const main = html.slice(html.indexOf('<main'))
  for (const [tag, name] of main.matchAll(/<(?:input|textarea|select)[^>]*\sname="([^"]+)"[^>]*>/g)) {
    const value = /\svalue="([^"]*)"/.exec(tag)?.[1]
    form[name!] = [...(form[name!] ?? []), ...(value === undefined ? [] : [value])]
  }
  for (const [, name, options] of main.matchAll(/<select[^>]*\sname="([^"]+)"[^>]*>([\s\S]*?)<\/select>/g))
    form[name!] = [...options!.matchAll(/value="([^"]*)"/g)].map(([, value]) => value!)
  return form
}

const likely: Record<string, string> = { day: '31', month: '3', year: '2025', actual: 'F001', planned: 'F001' }

/** The form with one choice for each field. */
export const filled = (form: Form, which: number): Record<string, string> =>
  Object.fromEntries(
    Object.entries(form).map(([name, values]) => [
      name,
      likely[name.split('-').at(-1)!] ?? values[which % Math.max(1, values.length)] ?? 'x',
    ]),
  )

/** How many addresses of a route are remembered: the newest, which are of what was made last. */
const remembered = 20

/** The addresses that pages link, post and redirect to, by the route that answers them. */
export class ShownAddresses {
  private readonly byRoute = new Map<DeclaredRoute, string[]>()
  private readonly patterns

  constructor(routes: readonly DeclaredRoute[]) {
    // An address that is a route word for word is that route's, also where a parameter of another would take it.
    const inOrder = routes.toSorted((one, other) => one.path.split(':').length - other.path.split(':').length)
    this.patterns = inOrder.map((route) => ({
      route,
      matches: new RegExp(`^${route.path.replace(/[.]/g, '\\.').replace(/:\w+|\*/g, '[^/?]+')}$`),
    }))
  }

  learn(html: string, location: unknown): void {
    for (const [, address] of html.matchAll(/\shref="(\/[^"#]*)/g)) this.remember('GET', address!)
    for (const [, address] of html.matchAll(/\saction="(\/[^"#]*)/g)) this.remember('POST', address!)
    if (typeof location === 'string' && location.startsWith('/')) this.remember('GET', location.split('#')[0]!)
  }

  /** @returns undefined where no page has shown one */
  of(route: DeclaredRoute, which: number): string | undefined {
    const shown = this.byRoute.get(route)
    return shown?.[which % shown.length]
  }

  private remember(method: string, escaped: string): void {
    const address = escaped.replaceAll('&amp;', '&')
    const path = address.split('?')[0]!
    const route = this.patterns.find(({ route, matches }) => route.method === method && matches.test(path))?.route
    if (!route) return
    const shown = this.byRoute.get(route) ?? []
    if (shown.includes(address)) return
    this.byRoute.set(route, [...shown, address].slice(-remembered))
  }
}

export const nasty = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\t',
    '\u001b[31m',
    '__proto__',
    'constructor',
    '-1',
    '2025-02-30',
    '0224',
    '😀',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ minLength: 4_001, maxLength: 4_100 }),
)

/** Names that fields and queries of the pages have, and some that JavaScript objects have. */
export const names = fc.oneof(
  fc.constantFrom('clock', 'at', 'place', 'done', 'after', 'page', 'order', 'status', 'find', 'sessionId', 'from'),
  fc.constantFrom('count', 'date-day', 'date-month', 'date-year', 'outcome', 'commandId', 'revision', 'stream', 'to'),
  fc.constantFrom('constructor', '__proto__', 'toString'),
)
