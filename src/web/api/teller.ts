/** Takes each command of the API to its handler, once however often it comes, and answers where it was written. */
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
import type { WrittenDto } from './answers.dto.ts'
import { tagOf, type Asked } from './asked.ts'
import type { ReferralDto } from './commands.dto.ts'
import { Problem } from './problems.ts'

/** As the command handler asks for it. */
type DataOf<T extends JourneyCommand['type']> = Parameters<typeof JourneyCommandHandler.prototype.execute<T>>[2]

type Written = Exclude<CommandResult, 'nothing_new'>

@Injectable()
export class Teller {
  constructor(
    private readonly commands: JourneyCommandHandler,
    private readonly vault: Vault,
    private readonly journeys: Journeys,
  ) {}

  async tell<T extends JourneyCommand['type']>(
    asked: Asked,
    journeyId: string,
    type: T,
    occurredOn: Day,
    data: DataOf<T>,
  ): Promise<WrittenDto> {
    const commandId = await this.commandIdFor(asked, { occurredOn, ...data })
    const { by, requestId: correlationId, expectedRevision } = asked
    const written = await this.commands.execute<T>(journeyId, type, data, {
      occurredOn,
      by,
      source: 'api',
      commandId,
      correlationId,
      expectedRevision,
    })
    return this.answer(asked, journeyId, commandId, written)
  }

  async refer(asked: Asked, referral: ReferralDto): Promise<WrittenDto> {
    if (asked.expectedRevision !== undefined) {
      throw new Problem('invalid_header', {
        errors: [{ field: 'If-Match', message: 'cannot be used here: a referral begins the journey' }],
      })
    }
    const commandId = await this.commandIdFor(asked, { ...referral })
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
      { occurredOn, by: asked.by, source: 'api', commandId, correlationId: asked.requestId },
    )
    return this.answer(asked, journeyId, commandId, written)
  }

  /**
   * A request with an Idempotency-Key is the same telling however often it comes. The key is bound, before anything is written,
   * to a keyed digest of the body it first came with: with another body it is refused rather than answered for the first one.
   */
  private async commandIdFor({ by, route, idempotencyKey }: Asked, body: object): Promise<string> {
    if (idempotencyKey === undefined) return randomUUID()
    const telling = `${by.id}\n${route}\n${idempotencyKey}`
    const digest = this.vault.uuidFor('request-body', canonicalize(body) ?? '')
    const bound = await this.vault.whenFree(() => this.vault.bound('idempotency-key', telling, digest))
    if (bound !== digest) throw new Problem('key_used_differently')
    return this.vault.uuidFor('idempotency-key', telling)
  }

  private async answer(
    { reply }: Asked,
    journeyId: string,
    commandId: string,
    written: CommandResult,
  ): Promise<WrittenDto> {
    const first =
      written === 'nothing_new' ? await this.writtenBefore(journeyId, commandId) : { ...written, now: written.revision }
    reply
      .status(written === 'nothing_new' ? 200 : 201)
      .header('etag', tagOf(first.now))
      .header('location', `/api/journeys/${journeyId}`)
    return { journeyId, revision: first.revision, position: first.position }
  }

  /** Told again: where it was written the first time, and the revision the journey has now. */
  private async writtenBefore(journeyId: string, commandId: string): Promise<Written & { now: number }> {
    let found: Written | undefined
    let now = -1
    for await (const { revision, position, event } of this.journeys.history(journeyId)) {
      now = revision
      if (event?.metadata.commandId === commandId) found = { revision, position }
    }
    if (!found) throw new Error('The command added nothing, and the log has no event that answers it.')
    return { ...found, now }
  }
}
