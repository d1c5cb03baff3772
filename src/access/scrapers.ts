/** Who may read the metrics: whoever holds the token where there is one, else this machine itself, and nobody through a proxy. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface Scrape {
  /** The address of whoever is connected. */
  readonly from: string
  readonly headers: IncomingHttpHeaders
}

export interface ScrapeRefused {
  readonly status: 401 | 403
  readonly headers: Readonly<Record<string, string>>
  readonly why: string
}

export class Scrapers {
  /** @param token what must be shown; undefined lets this machine in without */
  constructor(private readonly token: string | undefined) {}

  /** @returns null for who may */
  refuse({ from, headers }: Scrape): ScrapeRefused | null {
    if (this.token !== undefined) {
      const shown = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
      if (shown !== undefined && same(shown, this.token)) return null
      return { status: 401, headers: { 'www-authenticate': 'Bearer' }, why: 'The metrics need their token.' }
    }
    // Behind a proxy on this machine everybody seems to be this machine.
    const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers['x-real-ip']
    if (forwarded === undefined && isThisMachine(from)) return null
    return {
      status: 403,
      headers: {},
      why: 'The metrics are for this machine only. Set METRICS_TOKEN to ask from elsewhere.',
    }
  }
}

const isThisMachine = (address: string) => /^(127(\.\d+){3}|::1|::ffff:127(\.\d+){3})$/.test(address)

/** Takes as long whatever is shown. */
const same = (one: string, other: string) => timingSafeEqual(digest(one), digest(other))

const digest = (text: string) => createHash('sha256').update(text).digest()
