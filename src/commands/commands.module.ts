/** The one way anything changes, for whoever records by request. */
import { Module } from '@nestjs/common'
import { CommandHandler } from './command-handler.ts'

@Module({ providers: [CommandHandler], exports: [CommandHandler] })
export class CommandsModule {}
