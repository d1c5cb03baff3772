/** The command that records what evidence was taken out of the service, before it is handed over. */
import { dayOf } from '../domain/calendar.ts'
import { evidencePackHistory, type EvidencePackEvent } from '../domain/evidence-pack.ts'
import type { CommandResult, DecideAndAppend } from './decide-and-append.ts'
import type { Issuer } from './event-envelope.ts'

/** Made by the runtime, not by Nest: the command at the terminal uses it too, without a framework in memory. */
export class EvidencePackCommandHandler {
  constructor(private readonly commands: DecideAndAppend) {}

  /** @throws StoreUnavailable: then nothing may be handed out */
  record(packId: string, commandId: string, data: EvidencePackEvent['data'], issuer: Issuer): Promise<CommandResult> {
    const today = dayOf(issuer.recordedAt)
    const context = { commandId, occurredOn: today, recordedOn: today }
    return this.commands.decideAndAppend(
      { ...evidencePackHistory, keyIdOf: () => undefined },
      packId,
      (pack) => void pack.decide({ type: 'RecordEvidencePack', ...context, data }, issuer),
    )
  }
}
