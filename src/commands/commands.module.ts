/** The one way anything changes, for whoever records by request. */
import { Module } from '@nestjs/common'
import { EventStore } from '../event-store/event-store.ts'
import { Vault } from '../protection/vault.ts'
import { CommandHandler } from './command-handler.ts'

@Module({
  providers: [
    {
      provide: CommandHandler,
      useFactory: (store: EventStore, vault: Vault) => new CommandHandler(store, vault),
      inject: [EventStore, Vault],
    },
  ],
  exports: [CommandHandler],
})
export class CommandsModule {}
