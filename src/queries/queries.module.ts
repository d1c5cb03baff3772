/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { Consultations } from './consultations.ts'
import { Groups } from './groups.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'
import { Questions } from './questions.ts'
import { Registers } from './registers.ts'
import { Rights } from './rights.ts'
import { SubjectAccess } from './subject-access.ts'

@Module({
  providers: [Consultations, Groups, Journeys, LiveJourneys, Questions, Registers, Rights, SubjectAccess],
  exports: [Consultations, Groups, Journeys, LiveJourneys, Questions, Registers, Rights, SubjectAccess],
})
export class QueriesModule {}
