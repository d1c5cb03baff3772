/** The streams of the log that whoever asks is not shown: those of cases that are withheld from him. */
import { Injectable } from '@nestjs/common'
import { Cases } from '../../audit/cases.ts'
import { ReachedCases } from '../../queries/reached-cases.ts'

@Injectable()
export class ReachedStreams {
  constructor(
    private readonly reached: ReachedCases,
    private readonly cases: Cases,
  ) {}

  /** By name; events of other streams that are about these are not shown either. @throws ReachUnknown, SignedOut */
  async withheld(): Promise<ReadonlySet<string>> {
    const { participants, journeys } = await this.reached.withheldCases()
    const people = [...participants].map((id) => `participant-${id}`)
    return new Set([
      ...people,
      ...[...participants].map((id) => `limitedaccess-${id}`),
      ...[...journeys].map((id) => `journey-${id}`),
      // What the read models do not have yet, or cannot have.
      ...people.flatMap((stream) => this.cases.streamsOf(stream)),
    ])
  }
}
