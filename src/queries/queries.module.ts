/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { Groups } from './groups.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'

@Module({ providers: [Journeys, Groups, LiveJourneys], exports: [Journeys, Groups, LiveJourneys] })
export class QueriesModule {}
