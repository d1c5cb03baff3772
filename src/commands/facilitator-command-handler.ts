/** Commands of one facilitator: beginning, trainings, support and leaving. */
import {
  facilitatorHistory,
  type FacilitatorCommand,
  type FacilitatorEvent,
  type FacilitatorFacts,
} from '../domain/facilitator/facilitator.ts'
import type { Vault } from '../protection/vault.ts'
import type { CommandResult, DecideAndAppend, SealedHistory } from './decide-and-append.ts'
import { issuedNow, type IssuedBy } from './journey-command-handler.ts'

/** A facilitator's name is sealed under his or her own key. */
export const sealedFacilitators: SealedHistory<FacilitatorFacts, FacilitatorCommand, FacilitatorEvent> = {
  ...facilitatorHistory,
  keyIdOf: (facilitatorId) => facilitatorId,
}

export type NewFacilitator = Extract<FacilitatorCommand, { type: 'OnboardFacilitator' }>['data']

/** Made by the runtime, not by Nest: the demonstration uses it too, before anything is served. */
export class FacilitatorCommandHandler {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly vault: Vault,
  ) {}

  /** Two facilitators can never have one staff code: the id follows from it. @throws Refusal, ConcurrencyConflict, StoreUnavailable */
  async onboard(
    facilitator: NewFacilitator,
    issued: IssuedBy,
  ): Promise<{ facilitatorId: string; written: CommandResult }> {
    const facilitatorId = this.vault.facilitator(facilitator.code)
    return { facilitatorId, written: await this.execute(facilitatorId, 'OnboardFacilitator', facilitator, issued) }
  }

  /** @throws Refusal, ConcurrencyConflict, StoreUnavailable */
  execute<T extends FacilitatorCommand['type']>(
    facilitatorId: string,
    type: T,
    data: Extract<FacilitatorCommand, { type: T }>['data'],
    issued: IssuedBy,
  ): Promise<CommandResult> {
    const { issuer, context } = issuedNow(issued)
    const command = { type, data, ...context } as unknown as FacilitatorCommand
    return this.commands.decideAndAppend(sealedFacilitators, facilitatorId, (stream) => {
      stream.decide(command, issuer)
    })
  }
}
