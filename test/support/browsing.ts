/** A browser as far as signing in needs one: it keeps cookies by port and follows redirects when told to. */
import type { Role } from '../../src/access/policy.ts'
import { developmentClientSecret, developmentPeople } from '../../src/access/development-provider.ts'

const personOf = (role: Role) => developmentPeople.find((one) => one.role === role)!

export class Visitor {
  private readonly jars = new Map<string, Map<string, string>>()

  async ask(address: string | URL, init: RequestInit = {}): Promise<Response> {
    const url = new URL(address)
    const jar = this.jar(url)
    const headers = new Headers({ accept: 'text/html', ...(init.headers as Record<string, string> | undefined) })
    if (jar.size > 0) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie)!
      if (value === '' || /expires=thu, 01 jan 1970/i.test(cookie)) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }

  /** @returns the answer that is no redirect, and its address */
  async open(address: string | URL, init?: RequestInit): Promise<{ answer: Response; at: URL }> {
    let at = new URL(address)
    let answer = await this.ask(at, init)
    for (let hops = 0; answer.status >= 300 && answer.status < 400; hops++) {
      if (hops > 10) throw new Error(`${at.href} leads in circles.`)
      at = new URL(answer.headers.get('location')!, at)
      answer = await this.ask(at)
    }
    return { answer, at }
  }

  /** From the first page to the provider's, there the choice of a role, and back. */
  async signIn(url: string, role: Role, to = '/account'): Promise<{ answer: Response; at: URL }> {
    const chooser = await this.open(`${url}/sign-in?to=${encodeURIComponent(to)}`)
    return this.open(`${chooser.at.href}/as/${personOf(role).id}`, { method: 'POST' })
  }

  cookie(url: string, name: string): string | undefined {
    return this.jar(new URL(url)).get(name)
  }

  setCookie(url: string, name: string, value: string): void {
    this.jar(new URL(url)).set(name, value)
  }

  private jar({ host }: URL): Map<string, string> {
    if (!this.jars.has(host)) this.jars.set(host, new Map())
    return this.jars.get(host)!
  }
}

/** An access token of the development provider, as a program gets one. */
export async function accessTokenFor(issuer: string, role: Role): Promise<string> {
  const { id } = personOf(role)
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${id}:${developmentClientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  if (token === undefined) throw new Error(`The development provider gave no token: ${answer.status}.`)
  return token
}
