/** For whoever keeps the service running: is the process alive, and can it answer? */
import { Get } from '@nestjs/common'
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger'
import { setTimeout as wait } from 'node:timers/promises'
import { categories } from '../../../projections/projection.ts'
import { ReadModels } from '../../../projections/read-models.ts'
import { EventStore, StoreUnavailable } from '../../event-store/event-store.ts'
import { AliveDto, ReadyDto } from './answers.dto.ts'
import { Face, Refuses } from './face.ts'

const patienceMs = 2_000

@Face('health', 'Health')
export class HealthController {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'Is the process alive?' })
  @ApiOkResponse({ type: AliveDto })
  @Refuses()
  alive(): AliveDto {
    return { status: 'alive' }
  }

  @Get('ready')
  @ApiOperation({ summary: 'Can the log and the read models be reached?' })
  @ApiOkResponse({ type: ReadyDto })
  @Refuses()
  async ready(): Promise<ReadyDto> {
    const silence = new AbortController()
    const end = this.store.endOf(categories)
    end.catch(() => undefined) // it may fail after nobody waits for it any more
    try {
      const answered = await Promise.race([end, wait(patienceMs, null, { signal: silence.signal })])
      if (answered === null) throw new StoreUnavailable()
      const { position, at } = await this.readModels.asOf()
      return { status: 'ready', asOf: at, level: BigInt(position) >= answered }
    } finally {
      silence.abort()
    }
  }
}
