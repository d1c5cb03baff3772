/** Writes down what is taken away, before the first byte of it is sent: who took what, and how much it held. */
import { Injectable } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import { whoIsAsking } from '../access/session.ts'
import { EvidencePackCommandHandler } from '../commands/evidence-pack-command-handler.ts'
import type { ExportData } from '../domain/evidence-pack.ts'

@Injectable()
export class Exports {
  constructor(private readonly commands: EvidencePackCommandHandler) {}

  /** @throws StoreUnavailable, and then nothing may be sent */
  async record(request: FastifyRequest, data: ExportData): Promise<void> {
    const source = request.url.startsWith('/api/') ? 'api' : 'ui'
    const issuer = { by: whoIsAsking(request), source, recordedAt: new Date().toISOString() } as const
    await this.commands.recordExport(randomUUID(), data, issuer)
  }
}
