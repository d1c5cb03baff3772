/** The questions that pages and API ask about journeys. */
import { Module } from '@nestjs/common'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { Reach } from '../access/reach.ts'
import { EventStore } from '../event-store/event-store.ts'
import { Vault } from '../protection/vault.ts'
import { Calendars } from './calendars.ts'
import { Consultations } from './consultations.ts'
import { Facilitators } from './facilitators.ts'
import { Groups } from './groups.ts'
import { Journeys } from './journeys.ts'
import { LiveJourneys } from './live.ts'
import { Questions } from './questions.ts'
import { ReachedCases } from './reached-cases.ts'
import { Registers } from './registers.ts'
import { Rights } from './rights.ts'
import { SubjectAccess } from './subject-access.ts'
import { Today } from './today.ts'

const reachedCases = {
  provide: ReachedCases,
  useFactory: (store: EventStore, readModels: ReadModels, reach: Reach) => new ReachedCases(store, readModels, reach),
  inject: [EventStore, ReadModels, Reach],
}

const registers = {
  provide: Registers,
  useFactory: (readModels: ReadModels, vault: Vault, reached: ReachedCases) =>
    new Registers(readModels, vault, reached),
  inject: [ReadModels, Vault, ReachedCases],
}

@Module({
  providers: [
    Calendars,
    Consultations,
    Facilitators,
    Groups,
    Journeys,
    LiveJourneys,
    Questions,
    reachedCases,
    registers,
    Rights,
    SubjectAccess,
    Today,
  ],
  exports: [
    Calendars,
    Consultations,
    Facilitators,
    Groups,
    Journeys,
    LiveJourneys,
    Questions,
    ReachedCases,
    Registers,
    Rights,
    SubjectAccess,
    Today,
  ],
})
export class QueriesModule {}
