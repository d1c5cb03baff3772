/** For whoever keeps the service running: is the process alive, and can it answer? The two differ: only a dead process is started again. */
import { setTimeout as wait } from 'node:timers/promises'
import { Get, Inject, ServiceUnavailableException } from '@nestjs/common'
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger'
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus'
import { categories } from '../../../projections/projection.ts'
import { ReadModels } from '../../../projections/runner/read-models.ts'
import { problemInWords } from '../../commands/clock-check.ts'
import { RUNTIME_COMMANDS, type CommandHandlers } from '../../commands/command-handlers.ts'
import { StatusOfReadModels } from '../../operations/status.ts'
import { EventStore } from '../../event-store/event-store.ts'
import { Public } from '../../access/permission.guard.ts'
import { AliveDto, ReadyDto, type BehindDto, type ChecksDto } from './answers.dto.ts'
import { ApiController, AnswersProblems } from './api-controller.ts'
import { Problem } from './problems.ts'

const patienceMs = 2_000

@ApiController('health', 'Health')
@Public()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly status: StatusOfReadModels,
    @Inject(RUNTIME_COMMANDS) private readonly commands: CommandHandlers,
  ) {}

  /** Depends on nothing but this process: a store that is away is no reason to start it again. */
  @Get('live')
  @ApiOperation({ summary: 'Is the process alive?' })
  @ApiOkResponse({ type: AliveDto })
  @AnswersProblems()
  async alive(): Promise<AliveDto> {
    await this.health.check([])
    return { status: 'alive' }
  }

  @Get('ready')
  @ApiOperation({ summary: 'Do the log, the read models and the projector answer?' })
  @ApiOkResponse({ type: ReadyDto })
  @AnswersProblems('not_ready')
  async ready(): Promise<ReadyDto> {
    const processed = this.readModels.asOf()
    processed.catch(() => undefined) // where the check of the log fails before anybody waits for it
    const found = { isLevel: false, asOf: null as string | null }
    const checks = await this.checked([
      this.indicators
        .check('log')
        .attempt(async () => void (found.isLevel = await this.isLevel(processed)))
        .withTimeout(patienceMs),
      this.indicators
        .check('readModels')
        .attempt(async () => {
          found.asOf = (await processed).at
        })
        .withTimeout(patienceMs),
      () => this.clock(),
      () => {
        const { state } = this.status.health
        const projector = this.indicators.check('projector')
        return followsTheLog.has(state) ? projector.up({ state }) : projector.down({ state })
      },
    ])
    const behind = found.isLevel ? [] : await this.behind()
    return { status: 'ready', asOf: found.asOf, level: found.isLevel, behind, checks }
  }

  /**
   * CommandRequest forwards from what was processed, so that the log is never read back through other applications' events. Where the read
   * models do not say that soon, the log is still asked whether it answers.
   */
  private async isLevel(processed: Promise<{ position: string }>): Promise<boolean> {
    const known = processed.then(({ position }) => BigInt(position)).catch(() => null)
    const position = await Promise.race([known, wait(patienceMs / 4, null)])
    if (position !== null)
      return (await this.store.firstEventAfter(categories, position < 0n ? null : position)) === null
    await this.store.headPosition()
    return false
  }

  /** The read models that have yet to process events of ours; none are named where that cannot be found out soon. */
  private async behind(): Promise<readonly BehindDto[]> {
    const looked = this.status
      .look()
      .then(({ projections }) =>
        projections.flatMap(({ name, lagSeconds }) => (lagSeconds ? [{ readModel: name, seconds: lagSeconds }] : [])),
      )
    return Promise.race([looked.catch(() => []), wait(patienceMs / 2, [])])
  }

  /** While the log is away, it stands as it was found last. */
  private async clock() {
    const { clock } = this.commands
    const asked = clock.look().catch(() => clock.standing)
    const { problem, isTrusted } = await Promise.race([asked, wait(patienceMs, clock.standing)])
    const indicator = this.indicators.check('clock')
    if (problem === null) return indicator.up({ why: null })
    const why = { why: problemInWords(problem, isTrusted) }
    return isTrusted ? indicator.up(why) : indicator.down(why)
  }

  /** @throws Problem that says which is down, and not what it said: that may name a host. */
  private async checked(indicators: Parameters<HealthCheckService['check']>[0]): Promise<ChecksDto> {
    try {
      return checksOf(await this.health.check(indicators))
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error
      const checks = checksOf(error.getResponse() as HealthCheckResult)
      const behind = checks.log.status === 'up' ? await this.behind() : []
      throw new Problem('not_ready', { also: { behind, checks }, headers: { 'retry-after': '5' } })
    }
  }
}

/** While it is rebuilding, too, it follows the log with whatever can be served. */
const followsTheLog = new Set<string>(['projecting', 'standing_by', 'rebuilding'])

const checksOf = ({ details }: HealthCheckResult): ChecksDto => ({
  log: { status: statusOf(details.log) },
  readModels: { status: statusOf(details.readModels) },
  clock: { status: statusOf(details.clock), why: (details.clock?.why as string | null | undefined) ?? null },
  projector: {
    status: statusOf(details.projector),
    state: details.projector?.state as ChecksDto['projector']['state'],
  },
})

const statusOf = (check: { status: string } | undefined) => (check?.status === 'up' ? 'up' : 'down')
