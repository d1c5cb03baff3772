/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { Vault } from '../protection/vault.ts'
import { Consultations } from './consultations.ts'
import { Groups } from './groups.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'
import { Questions } from './questions.ts'
import { Registers } from './registers.ts'
import { Rights } from './rights.ts'
import { SubjectAccess } from './subject-access.ts'

const registers = {
  provide: Registers,
  useFactory: (readModels: ReadModels, vault: Vault) => new Registers(readModels, vault),
  inject: [ReadModels, Vault],
}

@Module({
  providers: [Consultations, Groups, Journeys, LiveJourneys, Questions, registers, Rights, SubjectAccess],
  exports: [Consultations, Groups, Journeys, LiveJourneys, Questions, Registers, Rights, SubjectAccess],
})
export class QueriesModule {}
