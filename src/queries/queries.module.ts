/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { Consultations } from './consultations.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'

@Module({ providers: [Consultations, Journeys, LiveJourneys], exports: [Consultations, Journeys, LiveJourneys] })
export class QueriesModule {}
