/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { Consultations } from './consultations.ts'
import { Facilitators } from './facilitators.ts'
import { Groups } from './groups.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'
import { Questions } from './questions.ts'
import { Registers } from './registers.ts'

@Module({
  providers: [Consultations, Facilitators, Groups, Journeys, LiveJourneys, Questions, Registers],
  exports: [Consultations, Facilitators, Groups, Journeys, LiveJourneys, Questions, Registers],
})
export class QueriesModule {}
