/** The command handlers of one runtime, over one log and one set of keys. */
import { join } from 'node:path'
import type { Reach } from '../access/reach.ts'
import type { EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { Vault } from '../protection/vault.ts'
import { ClockCheck, type ClockLog } from './clock-check.ts'
import { ConsultationLog } from './consultation-log.ts'
import { DecideAndAppend } from './decide-and-append.ts'
import { ErasureCommandHandler } from './erasure-command-handler.ts'
import { FacilitatorCommandHandler } from './facilitator-command-handler.ts'
import { GroupCommandHandler } from './group-command-handler.ts'
import { EvidencePackCommandHandler } from './evidence-pack-command-handler.ts'
import { InstallationCommandHandler } from './installation-command-handler.ts'
import { JourneyCommandHandler } from './journey-command-handler.ts'
import { KeptAdultDays } from './kept-adult-days.ts'
import { KnownCrns } from './known-crns.ts'
import { LimitedAccessCommandHandler } from './limited-access-command-handler.ts'
import { PartnerSafetyCommandHandler } from './partner-safety/partner-safety-command-handler.ts'
import { ParticipantCommandHandler } from './participant-command-handler.ts'
import { SessionCommandHandler } from './session-command-handler.ts'

export interface CommandHandlers {
  readonly journeys: JourneyCommandHandler
  readonly participants: ParticipantCommandHandler
  /** Who looks at what. */
  readonly consultations: ConsultationLog
  /** Whose personal data is erased, and whose is kept. */
  readonly erasures: ErasureCommandHandler
  readonly groups: GroupCommandHandler
  readonly sessions: SessionCommandHandler
  /** Who may see which case. */
  readonly limitedAccess: LimitedAccessCommandHandler
  readonly facilitators: FacilitatorCommandHandler
  /** What is done for the safety of partners, apart from everything else. */
  readonly partnerSafety: PartnerSafetyCommandHandler
  readonly evidencePacks: EvidencePackCommandHandler
  /** Which keys the log is under. */
  readonly installation: InstallationCommandHandler
  /** Which CRN leads to whom. */
  readonly crns: KnownCrns
  /** Kept once it is started; each command reads what it needs until then. */
  readonly adultDays: KeptAdultDays
  /** What the handlers share, for those that decide many commands at once. */
  readonly decideAndAppend: DecideAndAppend
  /** Whether the clock of this machine can be believed. */
  readonly clock: ClockCheck
}

/** The handlers of the runtime, as Nest knows them. */
export const RUNTIME_COMMANDS = Symbol('CommandHandlers')

/** What the command handlers take from the settings, and where they say what an operator has to know. */
export interface CommandSettings {
  readonly dataDir: string
  /** An operator says that the clock of this machine is right, whatever the log and its server say. */
  readonly trustsClock: boolean
  /** Those of the log whose newest events the clock is compared with. */
  readonly categories: readonly string[]
  readonly log: ClockLog
  /** Who may see which case. */
  readonly reach: Reach
}

export function commandHandlersOn(
  store: EventStore,
  appender: EventAppender,
  vault: Vault,
  { dataDir, trustsClock, categories, log, reach }: CommandSettings,
): CommandHandlers {
  const clock = new ClockCheck(store, categories, log, trustsClock)
  const decideAndAppend = new DecideAndAppend(store, appender, vault, clock)
  const crns = new KnownCrns(vault, store)
  const adultDays = new KeptAdultDays(store, appender.appends)
  const participants = new ParticipantCommandHandler(decideAndAppend, vault, store, { crns, adultDays })
  const journeys = new JourneyCommandHandler(decideAndAppend, participants, { store, vault, reach, crns })
  const consultations = new ConsultationLog(appender, join(dataDir, 'consultations.sqlite'))
  const groups = new GroupCommandHandler(decideAndAppend, journeys, vault, reach)
  const sessions = new SessionCommandHandler(decideAndAppend, journeys, groups, reach)
  const facilitators = new FacilitatorCommandHandler(decideAndAppend, vault)
  const limitedAccess = new LimitedAccessCommandHandler(decideAndAppend, reach)
  const partnerSafety = new PartnerSafetyCommandHandler(store, appender, vault, clock, reach)
  const evidencePacks = new EvidencePackCommandHandler(decideAndAppend)
  const erasures = new ErasureCommandHandler(decideAndAppend, vault, store)
  const installation = new InstallationCommandHandler(store, appender, vault)
  return {
    clock,
    crns,
    journeys,
    participants,
    groups,
    sessions,
    facilitators,
    consultations,
    erasures,
    limitedAccess,
    partnerSafety,
    evidencePacks,
    installation,
    adultDays,
    decideAndAppend,
  }
}
