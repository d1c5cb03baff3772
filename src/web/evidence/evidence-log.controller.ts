/** The evidence log for any client that reads C2SP tlog-tiles: its signed head, its hashes and its entries. */
import { Controller, Get, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Public, RequiresPermission } from '../../access/permission.guard.ts'
import { Evidence } from '../../evidence/evidence.module.ts'
import { parseTilePath } from '../../evidence/tiles.ts'

/** A tile never changes once it can be asked for. Entries name histories by their opaque ids: nobody on the way keeps them. */
const cacheControl = {
  entries: 'private, max-age=31536000, immutable',
  hashes: 'public, max-age=31536000, immutable',
}

@Controller('evidence')
export class EvidenceLogController {
  constructor(private readonly evidence: Evidence) {}

  /** A count and a hash: nothing about anybody. */
  @Public()
  @Get('checkpoint')
  checkpoint(@Res() reply: FastifyReply) {
    if (!this.evidence.log) return unavailable(reply)
    const latest = this.evidence.log.file.latestCheckpoint()
    if (!latest) return unavailable(reply)
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache').send(latest.note)
  }

  /** Which kinds of events which histories have, by opaque ids: for who inspects, and nobody's record. */
  @RequiresPermission('review')
  @Get('tile/entries/*')
  entries(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer(request, reply, 'entries')
  }

  /** Hashes of hashes, and of records that have only hashes of what was recorded: nothing about anybody. */
  @Public()
  @Get('tile/:level/*')
  hashes(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer(request, reply, 'hashes')
  }

  private answer({ url }: FastifyRequest, reply: FastifyReply, kind: 'entries' | 'hashes') {
    if (!this.evidence.log) return unavailable(reply)
    const tile = parseTilePath(url.split('?')[0]!.slice('/evidence/'.length))
    const isOfKind = tile !== null && (tile.level === 'entries') === (kind === 'entries')
    const bytes = isOfKind ? this.evidence.log.file.tile(tile) : null
    if (!bytes) return reply.status(404).type('text/plain; charset=utf-8').send('The log has no such tile.\n')
    return reply.type('application/octet-stream').header('cache-control', cacheControl[kind]).send(bytes)
  }
}

const unavailable = (reply: FastifyReply) =>
  reply.status(503).type('text/plain; charset=utf-8').send('The evidence log is not available.\n')
