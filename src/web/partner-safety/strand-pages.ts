/** What the pages of the partner-safety strand show: the records that are for whoever asks, and whose partner each is about. */
import { Injectable, NotFoundException } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { whoIsAsking, type SignedIn } from '../../access/session.ts'
import { PartnerSafetyCommandHandler } from '../../commands/partner-safety/partner-safety-command-handler.ts'
import type { StrandView } from '../../domain/partner-safety/strand-looks.ts'
import type { PartnerDetails } from '../../domain/partner-safety/partner-safety.ts'
import { PartnerSafetyStrand, type StrandRecord } from '../../partner-safety/strand.ts'
import { Journeys } from '../../queries/journeys.ts'
import { StrandLooking } from './strand-looking.ts'

/** One record, as every page of it begins. */
export interface StrandPage extends StrandRecord {
  readonly path: string
  readonly as: SignedIn
  /** Null where nobody was recorded, or it cannot be read. */
  readonly partner: PartnerDetails | null
  /** Whose partner it is; null where his case is limited to others, or he was erased. */
  readonly man: { readonly name: string; readonly crn: string } | null
}

@Injectable()
export class StrandPages {
  constructor(
    private readonly strand: PartnerSafetyStrand,
    private readonly commands: PartnerSafetyCommandHandler,
    private readonly journeys: Journeys,
    private readonly looking: StrandLooking,
  ) {}

  /** Every record that is for whoever asks, with the name of the partner. What is listed of them is to be logged. */
  async listed(who: SignedIn): Promise<readonly (StrandRecord & { readonly name: string | null })[]> {
    const listed: (StrandRecord & { name: string | null })[] = []
    for (const record of await this.strand.all())
      if (await this.commands.mayWorkOn(record.facts, who))
        listed.push({ ...record, name: this.strand.detailsOf(record)?.name ?? null })
    return listed
  }

  /** @throws NotFoundException also where it is not for whoever asks; ConsultationLogUnavailable where the look cannot be written down */
  async open(request: FastifyRequest, strandId: string, view: StrandView): Promise<StrandPage> {
    const as = whoIsAsking(request)
    const { after } = request.query as { after?: unknown }
    if (typeof after === 'string' && /^\d{1,19}$/.test(after)) await this.strand.catchUpTo(BigInt(after))
    const record = (await this.strand.all()).find((one) => one.strandId === strandId)
    if (!record || !(await this.commands.mayWorkOn(record.facts, as)))
      throw new NotFoundException('There is no record at this address.')
    await this.looking.at(request, strandId, view)
    const { journeyId } = record.facts
    const header = journeyId === null ? null : await this.journeys.header(journeyId)
    return {
      ...record,
      path: `/partner-safety/${strandId}`,
      as,
      partner: this.strand.detailsOf(record),
      // Of whoever was erased no CRN is known, and the words in place of his name are no name.
      man: header?.crn ? { name: header.name, crn: header.crn } : null,
    }
  }
}
