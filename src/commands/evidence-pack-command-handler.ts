/** The commands that record what was taken out of the service, before it is handed over. */
import { dayOf } from '../domain/calendar.ts'
import {
  evidencePackHistory,
  type EvidencePackCommand,
  type ExportData,
  type PackMadeData,
} from '../domain/evidence-pack.ts'
import type { CommandResult, DecideAndAppend } from './decide-and-append.ts'
import type { Issuer } from './event-envelope.ts'

/** Made by the runtime, not by Nest: the command at the terminal uses it too, without a framework in memory. */
export class EvidencePackCommandHandler {
  constructor(private readonly commands: DecideAndAppend) {}

  /** @throws StoreUnavailable: then nothing may be handed out */
  record(packId: string, commandId: string, data: PackMadeData, issuer: Issuer): Promise<CommandResult> {
    return this.append(packId, { type: 'RecordEvidencePack', ...contextOf(commandId, issuer), data }, issuer)
  }

  /** @throws StoreUnavailable: then nothing may be handed out */
  recordExport(exportId: string, data: ExportData, issuer: Issuer): Promise<CommandResult> {
    return this.append(exportId, { type: 'RecordExport', ...contextOf(exportId, issuer), data }, issuer)
  }

  private append(id: string, command: EvidencePackCommand, issuer: Issuer): Promise<CommandResult> {
    return this.commands.decideAndAppend(
      { ...evidencePackHistory, keyIdOf: () => undefined },
      id,
      (record) => void record.decide(command, issuer),
    )
  }
}

function contextOf(commandId: string, { recordedAt }: Issuer) {
  const today = dayOf(recordedAt)
  return { commandId, occurredOn: today, recordedOn: today }
}
