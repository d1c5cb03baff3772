/** Executes the commands of the API, each once however often it is sent, and answers where its event was written. */
import { Injectable } from '@nestjs/common'
import canonicalize from 'canonicalize'
import { randomUUID } from 'node:crypto'
import type { CommandResult } from '../../commands/decide-and-append.ts'
import { JourneyCommandHandler } from '../../commands/journey-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import type { JourneyCommand } from '../../domain/journey/journey.ts'
import { versionInForce } from '../../domain/programme.ts'
import { Vault } from '../../protection/vault.ts'
import { Journeys } from '../../queries/journeys.ts'
import type { DetailsWrittenDto, WrittenDto } from './answers.dto.ts'
import { tagOf, type CommandRequest } from './request-context.ts'
import type { CorrectionDto, DetailsCorrectionDto, ReferralDto, WithdrawalDto } from './commands.dto.ts'
import { Problem } from './problems.ts'

/** As the command handler asks for it. */
type DataOf<T extends JourneyCommand['type']> = Parameters<typeof JourneyCommandHandler.prototype.execute<T>>[2]

/** The oddities of a request that it says are meant. They are no part of what it asks: with or without them it is the same command. */
interface Confirmed {
  readonly confirmedOddities: readonly string[]
}

@Injectable()
export class IdempotentCommands {
  constructor(
    private readonly commands: JourneyCommandHandler,
    private readonly vault: Vault,
    private readonly journeys: Journeys,
  ) {}

  async execute<T extends JourneyCommand['type']>(
    request: CommandRequest,
    journeyId: string,
    type: T,
    occurredOn: Day,
    { confirmedOddities, ...data }: DataOf<T> & Confirmed,
  ): Promise<WrittenDto> {
    const commandId = await this.commandIdFor(request, { occurredOn, ...data })
    const { by, requestId: correlationId, expectedRevision } = request
    const written = await this.commands.execute<T>(journeyId, type, data as unknown as DataOf<T>, {
      occurredOn,
      by,
      source: 'api',
      commandId,
      correlationId,
      expectedRevision,
      confirmedOddities,
    })
    return this.answer(request, journeyId, commandId, written)
  }

  /** What the record says until now is read from the log; a programme is named by its code alone, as in a referral. */
  async correctRecord(request: CommandRequest, journeyId: string, correction: CorrectionDto): Promise<WrittenDto> {
    const { confirmedOddities, ...said } = correction
    const { corrects, occurredOn, because } = said
    const { programme, ...changes } = said.changes
    const pinned = typeof programme === 'string' ? { key: programme, version: versionInForce(programme) } : programme
    const commandId = await this.commandIdFor(request, said)
    const written = await this.commands.correctRecord(
      journeyId,
      { corrects, changes: programme === undefined ? changes : { ...changes, programme: pinned }, because },
      { ...issuedBy(request), commandId, occurredOn, confirmedOddities },
    )
    return this.answer(request, journeyId, commandId, written)
  }

  async withdrawRecord(request: CommandRequest, journeyId: string, withdrawal: WithdrawalDto): Promise<WrittenDto> {
    const commandId = await this.commandIdFor(request, { ...withdrawal })
    const written = await this.commands.withdrawRecord(
      journeyId,
      { ...withdrawal },
      { ...issuedBy(request), commandId },
    )
    return this.answer(request, journeyId, commandId, written)
  }

  /** Who he is: what it writes stands in the history of the man himself. */
  async correctDetails(
    request: CommandRequest,
    journeyId: string,
    { confirmedOddities, ...said }: DetailsCorrectionDto,
  ): Promise<DetailsWrittenDto> {
    if (request.expectedRevision !== undefined)
      throw new Problem('invalid_header', {
        errors: [{ field: 'If-Match', message: 'cannot be used here: the journey stays as it is' }],
      })
    const header = await this.journeys.header(journeyId)
    if (!header) throw new Problem('not_found')
    const commandId = await this.commandIdFor(request, said)
    const { because, ...fields } = said
    const changes = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
    const result = await this.commands.correctDetails(
      await this.journeys.ofSameMan(header),
      { changes, because },
      { ...issuedBy(request), commandId, confirmedOddities },
    )
    const isRepeated = result === 'nothing_new'
    const written = isRepeated ? await this.journeys.detailsAddedBy(commandId, header.participantId) : result
    request.reply.status(isRepeated ? 200 : 201).header('location', `/api/journeys/${journeyId}`)
    return { journeyId, detailsRevision: written!.revision, position: String(written!.position) }
  }

  async refer(request: CommandRequest, referral: ReferralDto): Promise<WrittenDto> {
    if (request.expectedRevision !== undefined) {
      throw new Problem('invalid_header', {
        errors: [{ field: 'If-Match', message: 'cannot be used here: a referral begins the journey' }],
      })
    }
    const { confirmedOddities, ...said } = referral
    const commandId = await this.commandIdFor(request, said)
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
    } = said
    const { journeyId, written } = await this.commands.refer(
      {
        details: { crn, familyName, givenNames, dateOfBirth },
        programme: { key: programme, version: versionInForce(programme) },
        provider,
        referralSource,
        reference,
        note,
      },
      { occurredOn, by: request.by, source: 'api', commandId, correlationId: request.requestId, confirmedOddities },
    )
    return this.answer(request, journeyId, commandId, written)
  }

  /**
   * A request with an Idempotency-Key is the same command however often it comes. The key is bound, before anything is written,
   * to a keyed digest of the body it first came with: with another body it is refused rather than answered for the first one.
   */
  async commandIdFor({ by, route, idempotencyKey }: CommandRequest, body: object): Promise<string> {
    if (idempotencyKey === undefined) return randomUUID()
    const key = `${by.id}\n${route}\n${idempotencyKey}`
    const digest = this.vault.uuidFor('request-body', canonicalize(body) ?? '')
    const bound = await this.vault.whenFree(() => this.vault.bound('idempotency-key', key, digest))
    if (bound !== digest) throw new Problem('key_used_differently')
    return this.vault.uuidFor('idempotency-key', key)
  }

  private async answer(
    { reply }: CommandRequest,
    journeyId: string,
    commandId: string,
    written: CommandResult,
  ): Promise<WrittenDto> {
    const first =
      written === 'nothing_new'
        ? await this.writtenBefore(journeyId, commandId)
        : { ...written, headRevision: written.revision }
    reply
      .status(written === 'nothing_new' ? 200 : 201)
      .header('etag', tagOf(first.headRevision))
      .header('location', `/api/journeys/${journeyId}`)
    return { journeyId, revision: first.revision, position: first.position }
  }

  /** Where a repeated command was written the first time. */
  private async writtenBefore(journeyId: string, commandId: string) {
    const added = await this.journeys.addedBy(commandId, journeyId)
    // Since then the case was withheld from whoever sent it.
    if (!added) throw new Problem('not_found')
    const { record, headRevision } = added
    return { revision: record.revision, position: record.position, headRevision }
  }
}

const issuedBy = ({ by, requestId: correlationId, expectedRevision }: CommandRequest) => ({
  by,
  source: 'api' as const,
  correlationId,
  expectedRevision,
})
