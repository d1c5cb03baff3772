/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { Consultations } from './consultations.ts'
import { Groups } from './groups.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'
import { Questions } from './questions.ts'
import { ReachedCases } from './reached-cases.ts'
import { Registers } from './registers.ts'

@Module({
  providers: [Consultations, Groups, Journeys, LiveJourneys, Questions, ReachedCases, Registers],
  exports: [Consultations, Groups, Journeys, LiveJourneys, Questions, ReachedCases, Registers],
})
export class QueriesModule {}
