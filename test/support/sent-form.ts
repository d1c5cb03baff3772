/** A form as a browser holds it after check your answers: sent with its cookie and its token, as often as one likes. */
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import type { Served } from './served.ts'

export class ContactForm {
  private constructor(
    private readonly address: string,
    private readonly cookie: string,
    private readonly fields: Readonly<Record<string, string>>,
  ) {}

  /** A three-way meeting on a journey, with a note. */
  static async of({ url }: Served, journeyId: string, note: string): Promise<ContactForm> {
    const address = `${url}/journeys/${journeyId}/contact`
    const page = await fetch(address)
    const html = await page.text()
    const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(html)![1]!
    return new ContactForm(address, page.headers.get('set-cookie')!.split(';')[0]!, {
      _csrf: hidden('_csrf'),
      commandId: hidden('commandId'),
      contact: 'three-way-meeting',
      'happenedOn-day': '30',
      'happenedOn-month': '3',
      'happenedOn-year': '2025',
      note,
      step: 'confirm',
      confirmedOddities: oddityCodes.join(' '),
    })
  }

  get commandId(): string {
    return this.fields.commandId!
  }

  send(): Promise<Response> {
    return fetch(this.address, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: this.cookie },
      body: new URLSearchParams(this.fields),
    })
  }
}
