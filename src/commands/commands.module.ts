/** The one way anything changes, for whoever records by request. */
import { Module } from '@nestjs/common'
import { RUNTIME_COMMANDS, type CommandHandlers } from './command-handlers.ts'
import { ConsultationLog } from './consultation-log.ts'
import { ErasureCommandHandler } from './erasure-command-handler.ts'
import { EvidencePackCommandHandler } from './evidence-pack-command-handler.ts'
import { FacilitatorCommandHandler } from './facilitator-command-handler.ts'
import { GroupCommandHandler } from './group-command-handler.ts'
import { JourneyCommandHandler } from './journey-command-handler.ts'
import { LimitedAccessCommandHandler } from './limited-access-command-handler.ts'
import { PartnerSafetyCommandHandler } from './partner-safety/partner-safety-command-handler.ts'
import { SessionCommandHandler } from './session-command-handler.ts'

@Module({
  providers: [
    {
      provide: JourneyCommandHandler,
      useFactory: ({ journeys }: CommandHandlers) => journeys,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: ConsultationLog,
      useFactory: ({ consultations }: CommandHandlers) => consultations,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: ErasureCommandHandler,
      useFactory: ({ erasures }: CommandHandlers) => erasures,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: EvidencePackCommandHandler,
      useFactory: ({ evidencePacks }: CommandHandlers) => evidencePacks,
      inject: [RUNTIME_COMMANDS],
    },
    { provide: GroupCommandHandler, useFactory: ({ groups }: CommandHandlers) => groups, inject: [RUNTIME_COMMANDS] },
    {
      provide: SessionCommandHandler,
      useFactory: ({ sessions }: CommandHandlers) => sessions,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: LimitedAccessCommandHandler,
      useFactory: ({ limitedAccess }: CommandHandlers) => limitedAccess,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: FacilitatorCommandHandler,
      useFactory: ({ facilitators }: CommandHandlers) => facilitators,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: PartnerSafetyCommandHandler,
      useFactory: ({ partnerSafety }: CommandHandlers) => partnerSafety,
      inject: [RUNTIME_COMMANDS],
    },
  ],
  exports: [
    PartnerSafetyCommandHandler,
    ConsultationLog,
    ErasureCommandHandler,
    EvidencePackCommandHandler,
    LimitedAccessCommandHandler,
    FacilitatorCommandHandler,
    JourneyCommandHandler,
    GroupCommandHandler,
    SessionCommandHandler,
  ],
})
export class CommandsModule {}
