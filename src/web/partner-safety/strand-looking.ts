/** Writes down each look at the partner-safety strand, in streams that no page about the men's records reads. */
import { Injectable } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { consultationWritten } from '../../access/consulted.ts'
import { whoIsAsking } from '../../access/session.ts'
import { ConsultationLog } from '../../commands/consultation-log.ts'
import { strandLookCategory, strandLookByCategory, type StrandView } from '../../domain/partner-safety/strand-looks.ts'

@Injectable()
export class StrandLooking {
  constructor(private readonly log: ConsultationLog) {}

  /** One record is about to be shown. @throws ConsultationLogUnavailable, and then it must not be */
  at(request: FastifyRequest, strandId: string, view: StrandView): Promise<void> {
    const streams = [`${strandLookCategory}-${strandId}`]
    return this.write(request, 'RecordConsulted', streams, [strandId], view)
  }

  /** Lists of records are about to be shown. @throws ConsultationLogUnavailable, and then they must not be */
  along(request: FastifyRequest, strandIds: readonly string[], view: StrandView): Promise<void> {
    return this.write(request, 'RecordsListed', [], strandIds, view)
  }

  private async write(
    request: FastifyRequest,
    type: 'RecordConsulted' | 'RecordsListed',
    streams: readonly string[],
    subjects: readonly string[],
    view: StrandView,
  ): Promise<void> {
    const by = whoIsAsking(request)
    const all = [...streams, `${strandLookByCategory}-${by.id}`]
    await this.log.writeApart(all, { type, view, subjects, by, source: 'ui', requestId: request.id })
    consultationWritten(request)
  }
}
