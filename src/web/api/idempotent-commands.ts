/** Executes the commands of the API, each once however often it is sent, and answers where its event was written. */
import { Injectable } from '@nestjs/common'
import canonicalize from 'canonicalize'
import { randomUUID } from 'node:crypto'
import { permit } from '../../access/session.ts'
import { CommandHandler } from '../../commands/command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import type { JourneyCommand } from '../../domain/journey/journey.ts'
import { versionInForce } from '../../domain/programme.ts'
import type { Written } from '../../commands/command-handler.ts'
import { Vault } from '../../protection/vault.ts'
import { Journeys } from '../../queries/journeys.ts'
import type { WrittenDto } from './answers.dto.ts'
import { tagOf, type CommandRequest } from './request-context.ts'
import type { ReferralDto } from './commands.dto.ts'
import { Problem } from './problems.ts'

/** As the command handler takes it. */
type DataOf<T extends JourneyCommand['type']> = Parameters<typeof CommandHandler.prototype.execute<T>>[2]

@Injectable()
export class IdempotentCommands {
  constructor(
    private readonly commands: CommandHandler,
    private readonly vault: Vault,
    private readonly journeys: Journeys,
  ) {}

  async execute<T extends JourneyCommand['type']>(
    request: CommandRequest,
    journeyId: string,
    type: T,
    occurredOn: Day,
    data: DataOf<T>,
  ): Promise<WrittenDto> {
    permit(request.by, 'tell')
    const commandId = this.commandIdFor(request, { occurredOn, ...data })
    const { by, requestId: correlationId, expectedRevision } = request
    const written = await this.commands.execute<T>(journeyId, type, data, {
      occurredOn,
      by,
      source: 'api',
      commandId,
      correlationId,
      expectedRevision,
    })
    return this.answer(request, journeyId, commandId, written)
  }

  async refer(request: CommandRequest, referral: ReferralDto): Promise<WrittenDto> {
    permit(request.by, 'tell')
    if (request.expectedRevision !== undefined) {
      throw new Problem('invalid_header', {
        errors: [{ field: 'If-Match', message: 'cannot be used here: a referral begins the journey' }],
      })
    }
    const commandId = this.commandIdFor(request, { ...referral })
    const {
      crn,
      familyName,
      givenNames,
      dateOfBirth,
      programme,
      provider,
      referralSource,
      reference,
      note,
      occurredOn,
    } = referral
    const { journeyId, written } = await this.commands.refer(
      {
        details: { crn, familyName, givenNames, dateOfBirth },
        programme: { key: programme, version: versionInForce(programme) },
        provider,
        referralSource,
        reference,
        note,
      },
      { occurredOn, by: request.by, source: 'api', commandId, correlationId: request.requestId },
    )
    return this.answer(request, journeyId, commandId, written)
  }

  /**
   * A request with an Idempotency-Key is the same command however often it comes. The key is bound, before anything is written,
   * to a keyed digest of the body it first came with: with another body it is refused rather than answered for the first one.
   */
  private commandIdFor({ by, route, idempotencyKey }: CommandRequest, body: object): string {
    if (idempotencyKey === undefined) return randomUUID()
    const key = `${by.id}\n${route}\n${idempotencyKey}`
    const digest = this.vault.uuidFor('request-body', canonicalize(body) ?? '')
    if (this.vault.bound('idempotency-key', key, digest) !== digest) throw new Problem('key_used_differently')
    return this.vault.uuidFor('idempotency-key', key)
  }

  private async answer(
    { by, reply }: CommandRequest,
    journeyId: string,
    commandId: string,
    written: Written | 'nothing_new',
  ): Promise<WrittenDto> {
    const first =
      written === 'nothing_new'
        ? await this.writtenBefore(journeyId, commandId, by)
        : { ...written, headRevision: written.revision }
    reply
      .status(written === 'nothing_new' ? 200 : 201)
      .header('etag', tagOf(first.headRevision))
      .header('location', `/api/journeys/${journeyId}`)
    return { journeyId, revision: first.revision, position: first.position }
  }

  /** Where a repeated command was written the first time. */
  private async writtenBefore(journeyId: string, commandId: string, by: CommandRequest['by']) {
    const added = await this.journeys.addedBy(commandId, journeyId, by)
    if (!added) throw new Error('The command added nothing, and the log has no event that answers it.')
    const { record, headRevision } = added
    return { revision: record.revision, position: record.position, headRevision }
  }
}
