/** The command handlers of one runtime, over one log and one set of keys. */
import { join } from 'node:path'
import type { EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { Vault } from '../protection/vault.ts'
import { ConsultationLog } from './consultation-log.ts'
import { DecideAndAppend } from './decide-and-append.ts'
import { GroupCommandHandler } from './group-command-handler.ts'
import { EvidencePackCommandHandler } from './evidence-pack-command-handler.ts'
import { InstallationCommandHandler } from './installation-command-handler.ts'
import { JourneyCommandHandler } from './journey-command-handler.ts'
import { KnownCrns } from './known-crns.ts'
import { ParticipantCommandHandler } from './participant-command-handler.ts'
import { SessionCommandHandler } from './session-command-handler.ts'

export interface CommandHandlers {
  readonly journeys: JourneyCommandHandler
  readonly participants: ParticipantCommandHandler
  /** Who looks at what. */
  readonly consultations: ConsultationLog
  readonly groups: GroupCommandHandler
  readonly sessions: SessionCommandHandler
  readonly evidencePacks: EvidencePackCommandHandler
  /** Which keys the log is under. */
  readonly installation: InstallationCommandHandler
  /** Which CRN leads to whom. */
  readonly crns: KnownCrns
  /** What the handlers share, for those that decide many commands at once. */
  readonly decideAndAppend: DecideAndAppend
}

/** The handlers of the runtime, as Nest knows them. */
export const RUNTIME_COMMANDS = Symbol('CommandHandlers')

export function commandHandlersOn(
  store: EventStore,
  appender: EventAppender,
  vault: Vault,
  dataDir: string,
): CommandHandlers {
  const decideAndAppend = new DecideAndAppend(store, appender, vault)
  const crns = new KnownCrns(vault, store)
  const participants = new ParticipantCommandHandler(decideAndAppend, vault, store, crns)
  const journeys = new JourneyCommandHandler(decideAndAppend, participants, store, vault, crns)
  const consultations = new ConsultationLog(appender, join(dataDir, 'consultations.sqlite'))
  const groups = new GroupCommandHandler(decideAndAppend, journeys, vault)
  const sessions = new SessionCommandHandler(decideAndAppend, journeys, groups)
  const evidencePacks = new EvidencePackCommandHandler(decideAndAppend)
  const installation = new InstallationCommandHandler(store, appender, vault)
  return { journeys, participants, groups, sessions, consultations, evidencePacks, installation, crns, decideAndAppend }
}
