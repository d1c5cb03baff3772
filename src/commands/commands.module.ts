/** The one way anything changes, for whoever records by request. */
import { Module } from '@nestjs/common'
import { RUNTIME_COMMANDS, type CommandHandlers } from './command-handlers.ts'
import { JourneyCommandHandler } from './journey-command-handler.ts'

@Module({
  providers: [
    {
      provide: JourneyCommandHandler,
      useFactory: ({ journeys }: CommandHandlers) => journeys,
      inject: [RUNTIME_COMMANDS],
    },
  ],
  exports: [JourneyCommandHandler],
})
export class CommandsModule {}
