/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'

@Module({ providers: [Journeys, LiveJourneys], exports: [Journeys, LiveJourneys] })
export class QueriesModule {}
