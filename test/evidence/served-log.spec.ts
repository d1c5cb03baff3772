/** The evidence log as a standard client meets it over HTTP: from the signed head to each entry, with nothing taken on trust. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Role } from '../../src/access/policy.ts'
import { openCheckpoint, type Checkpoint } from '../../src/evidence/checkpoint.ts'
import { Evidence } from '../../src/evidence/evidence.module.ts'
import { coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { parseRecord } from '../../src/evidence/leaf.ts'
import { leafHash, rootOf } from '../../src/evidence/merkle-tree.ts'
import { parseVerifierKey } from '../../src/evidence/signed-note.ts'
import { decodeBundle, subtreesIn, tilePath, tilesOf, widthAt } from '../../src/evidence/tiles.ts'
import { cookieFor } from '../support/signed-in.ts'
import { serve, type Served } from '../support/served.ts'

let served: Served
let checkpoint: Checkpoint
const get = async (path: string, role: Role = 'auditor') =>
  fetch(`${served.url}/evidence/${path}`, { headers: { cookie: await cookieFor(served.app, role) } })
const bytes = async (path: string) => Buffer.from(await (await get(path)).arrayBuffer())

beforeAll(async () => {
  served = await serve({ journeys: 25 })
  const { log } = served.app.get(Evidence)
  const head = await served.runtime.store.headPositionOf(coveredCategories)
  await vi.waitFor(() => expect(log!.readUpTo).toBe(head), 60_000)
  await vi.waitFor(() => expect(log!.file.latestCheckpoint()!.size).toBe(log!.size), 10_000)
  const key = readFileSync(join(served.runtime.config.keysDir, 'evidence.pub'), 'utf8').trim()
  checkpoint = openCheckpoint(await (await get('checkpoint')).text(), [parseVerifierKey(key)])
})
afterAll(() => served?.stop())

describe('the served evidence log', () => {
  it('has a head that is plain text and never kept', async () => {
    const answer = await get('checkpoint')
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-cache')
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(checkpoint.size).toBeGreaterThan(256)
  })

  it('has tiles that lead to that head', async () => {
    const tiles = new Map<string, Buffer>()
    for (const tile of tilesOf(checkpoint.size)) tiles.set(`${tile.level} ${tile.index}`, await bytes(tilePath(tile)))
    const root = rootOf(
      checkpoint.size,
      subtreesIn((level, index) => tiles.get(`${level} ${index}`)!),
    )
    expect(root).toEqual(checkpoint.root)
  })

  it('has every entry, each hashing to its leaf', async () => {
    const seen: string[] = []
    for (let index = 0, width; (width = widthAt(checkpoint.size, 'entries', index)) > 0; index++) {
      const entries = decodeBundle(await bytes(tilePath({ level: 'entries', index, width })))
      const hashes = await bytes(tilePath({ level: 0, index, width }))
      expect(Buffer.concat(entries.map((entry) => leafHash(entry)))).toEqual(hashes)
      seen.push(...entries.map((entry) => parseRecord(entry).id))
    }
    const events = await Array.fromAsync(served.runtime.store.readAll(coveredCategories))
    expect(seen).toEqual(events.map(({ id }) => id))
  })

  it('may be kept for ever: entries by who reads them, hashes by anybody', async () => {
    const [hashes, entries] = [await get('tile/0/000'), await get('tile/entries/000')]
    for (const { headers } of [hashes, entries]) {
      expect(headers.get('content-type')).toBe('application/octet-stream')
      expect(headers.get('set-cookie')).toBeNull()
    }
    expect(hashes.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(entries.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
    expect((await bytes('tile/0/000')).length).toBe(8_192)
  })

  it('shows its entries to who reviews, and its hashes to anybody', async () => {
    expect((await get('tile/entries/000', 'facilitator')).status).toBe(403)
    expect((await get('tile/0/000', 'partner_safety_worker')).status).toBe(200)
    expect((await fetch(`${served.url}/evidence/checkpoint`)).status).toBe(200)
  })

  it('serves each smaller tile too, for heads that were signed earlier', async () => {
    expect(await bytes('tile/0/000.p/3')).toEqual((await bytes('tile/0/000')).subarray(0, 96))
    expect(decodeBundle(await bytes('tile/entries/000.p/3')).length).toBe(3)
  })

  it.each([
    'tile/0/999',
    'tile/entries/999',
    'tile/9/000',
    'tile/0/000.p/256',
    'tile/0/0',
    'tile/64/000',
    'tile/entries/x000/000',
    'tile/%65ntries/000',
    'tile/0/..%2f000',
  ])('has no %s', async (path) => {
    const answer = await get(path)
    expect([404, 400]).toContain(answer.status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })
})
