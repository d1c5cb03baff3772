/** The one way anything changes, for whoever records by request. */
import { Module } from '@nestjs/common'
import { RUNTIME_COMMANDS, type CommandHandlers } from './command-handlers.ts'
import { ConsultationLog } from './consultation-log.ts'
import { FacilitatorCommandHandler } from './facilitator-command-handler.ts'
import { GroupCommandHandler } from './group-command-handler.ts'
import { JourneyCommandHandler } from './journey-command-handler.ts'
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
    { provide: GroupCommandHandler, useFactory: ({ groups }: CommandHandlers) => groups, inject: [RUNTIME_COMMANDS] },
    {
      provide: SessionCommandHandler,
      useFactory: ({ sessions }: CommandHandlers) => sessions,
      inject: [RUNTIME_COMMANDS],
    },
    {
      provide: FacilitatorCommandHandler,
      useFactory: ({ facilitators }: CommandHandlers) => facilitators,
      inject: [RUNTIME_COMMANDS],
    },
  ],
  exports: [
    ConsultationLog,
    FacilitatorCommandHandler,
    JourneyCommandHandler,
    GroupCommandHandler,
    SessionCommandHandler,
  ],
})
export class CommandsModule {}
