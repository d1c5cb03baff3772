import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { columns } from '../../src/exchange/contact-log.ts'
import { countEvents } from '../support/runtime.ts'
import { serve, type Served } from '../support/served.ts'

const nasty = readFileSync(new URL('../fixtures/contact-logs/nasty.csv', import.meta.url))

describe('a contact log sent through a page', () => {
  let served: Served
  let cookie: string
  let token: string
  beforeAll(async () => {
    served = await serve({ journeys: 0 })
    const page = await fetch(`${served.url}/import`)
    cookie = page.headers.get('set-cookie')!.split(';')[0]!
    token = /name="_csrf" value="([^"]+)"/.exec(await page.text())![1]!
  })
  afterAll(() => served.stop())

  const post = (path: string, body: FormData | URLSearchParams) =>
    fetch(`${served.url}${path}`, { method: 'POST', redirect: 'manual', headers: { cookie }, body })
  const sent = (content: string | Buffer, name = 'log.csv', csrf = token) => {
    const form = new FormData()
    form.set('_csrf', csrf)
    form.set('file', new Blob([new Uint8Array(Buffer.from(content))]), name)
    return post('/import', form)
  }
  /** Files that were received and belong to no upload. */
  const unkept = () =>
    readdirSync(join(served.runtime.config.dataDir, 'uploads'), { withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
  const text = async (path: string) => (await fetch(`${served.url}${path}`)).text()
  /** The page once nothing is running any more. */
  async function settled(path: string): Promise<string> {
    for (;;) {
      const html = await text(path)
      if (!html.includes('data-until-done')) return html
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  it('is checked, and imported by a second step, with the same figures', async () => {
    const answer = await sent(nasty, 'C:\\exports\\nasty <1>.csv')
    expect(answer.status).toBe(303)
    const path = answer.headers.get('location')!
    const checked = await settled(path)
    expect(checked).toContain('Check what will be imported')
    expect(checked).toContain('nasty &lt;1&gt;.csv')
    expect(await countEvents(served.runtime)).toBe(0)
    const accepted = Number(/Import (\d+) records/.exec(checked)![1])
    expect(accepted).toBeGreaterThan(0)
    const rejects = await text(`${path}/rejects.csv`)
    expect(rejects).toContain('line,reason,column,expected,')

    expect((await post(path, new URLSearchParams({ _csrf: token }))).status).toBe(303)
    const imported = await settled(path)
    expect(imported).toContain('Contact log imported')
    const figure = (html: string, key: string) =>
      new RegExp(`${key}\\s*</dt>\\s*<dd[^>]*>\\s*([^<]*?)\\s*<`).exec(html)![1]
    expect(figure(imported, 'New records imported')).toBe(String(accepted))
    for (const key of ['Records in the file', 'In already', 'Refused', 'Participants', 'Journeys'])
      expect(figure(imported, key), key).toBe(figure(checked, key))
    expect(await text(`${path}/rejects.csv`)).toBe(rejects)
    const [event] = await Array.fromAsync(served.runtime.store.readAll(['journey']))
    expect(event!.metadata).toMatchObject({ source: 'import', importedBy: { id: 'CM001', role: 'case_manager' } })
    expect(JSON.stringify(event!.metadata)).not.toContain('seeded')
    expect(readdirSync(join(served.runtime.config.dataDir, 'uploads', path.split('/').at(-1)!))).toEqual([
      'rejects.csv',
    ])

    const again = await settled((await sent(nasty)).headers.get('location')!)
    expect(again).toContain('There is nothing new to import in this file')
  })

  it.each([
    ['a workbook', Buffer.from('PK\u0003\u0004 and so on'), 'choose save as'],
    ['a file that is no contact log', 'a,b\n1,2\n', 'There is a problem'],
  ])('that is %s is refused with what to do', async (_name, content, words) => {
    const html = await settled((await sent(content)).headers.get('location')!)
    expect(html).toContain('This file cannot be imported')
    expect(html.toLowerCase()).toContain(words.toLowerCase())
  })

  it('asks for a file where none was chosen, and where it is empty', async () => {
    const none = await sent('', '')
    expect([none.status, await none.text()]).toEqual([400, expect.stringContaining('Select a contact log') as string])
    const empty = await sent('', 'log.csv')
    expect([empty.status, await empty.text()]).toEqual([400, expect.stringContaining('is empty') as string])
  })

  it('is not kept where the form is not one of ours, nor taken elsewhere', async () => {
    expect((await sent(nasty, 'log.csv', 'x')).status).toBe(403)
    const form = new FormData()
    form.set('file', new Blob(['x']), 'log.csv')
    expect((await post('/operations/replay', form)).status).toBe(415)
    expect((await post('/import', new URLSearchParams({ _csrf: token }))).status).toBe(415)
    await expect.poll(unkept).toEqual([])
  })

  it('is taken one at a time from each person, and what he sent before is removed', async () => {
    const first = (await sent(nasty)).headers.get('location')!
    const second = await sent(nasty)
    expect([second.status, await second.text()]).toEqual([
      409,
      expect.stringContaining('Wait until that has ended') as string,
    ])
    await settled(first)
    const third = (await sent(nasty)).headers.get('location')!
    await settled(third)
    expect((await fetch(`${served.url}${first}`)).status).toBe(404)
    expect(readdirSync(join(served.runtime.config.dataDir, 'uploads'))).toEqual([third.split('/').at(-1)])
  })

  it('has a template with the columns', async () => {
    expect(await text('/import/template.csv')).toBe(`${columns.join()}\r\n`)
  })

  it('is nobody else’s to see', async () => {
    expect((await fetch(`${served.url}/import/${crypto.randomUUID()}`)).status).toBe(404)
  })
})
