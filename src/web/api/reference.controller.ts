/** What a caller may want to look up: programme definitions, and what each problem means. */
import { Get, Param } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger'
import { Public } from '../../access/permission.guard.ts'
import { programmeAt, programmes } from '../../domain/programme.ts'
import { ProblemKindDto, ProgrammeDto } from './answers.dto.ts'
import { ApiController, AnswersProblems } from './api-controller.ts'
import { isProblemCode, Problem, problemCodes, problemKinds, type ProblemCode } from './problems.ts'

@ApiController('programmes', 'Reference')
@Public()
export class ProgrammesController {
  @Get()
  @ApiOperation({ summary: 'Which programmes are defined?' })
  @ApiOkResponse({ type: ProgrammeDto, isArray: true })
  @AnswersProblems()
  programmes(): readonly ProgrammeDto[] {
    return programmes
  }

  @Get(':key/:version')
  @ApiOperation({ summary: 'What does one version of a programme consist of?' })
  @ApiParam({ name: 'key', example: 'bbr' })
  @ApiParam({ name: 'version', example: '1' })
  @ApiOkResponse({ type: ProgrammeDto })
  @AnswersProblems('not_found')
  programme(@Param('key') key: string, @Param('version') version: string): ProgrammeDto {
    const programme = /^[1-9]\d{0,5}$/.test(version) ? programmeAt(key, Number(version)) : undefined
    if (!programme) throw new Problem('not_found')
    return programme
  }
}

const described = (code: ProblemCode): ProblemKindDto => ({
  type: `/api/problems/${code}`,
  code,
  ...problemKinds[code],
})

@ApiController('problems', 'Reference')
@Public()
export class ProblemsController {
  @Get()
  @ApiOperation({ summary: 'Which problems can be answered?' })
  @ApiOkResponse({ type: ProblemKindDto, isArray: true })
  @AnswersProblems()
  problemKinds(): readonly ProblemKindDto[] {
    return problemCodes.map(described)
  }

  @Get(':code')
  @ApiOperation({ summary: 'What does a problem mean?', description: 'The `type` of every problem is this address.' })
  @ApiParam({ name: 'code', example: 'journey_ended' })
  @ApiOkResponse({ type: ProblemKindDto })
  @AnswersProblems('not_found')
  problemKind(@Param('code') code: string): ProblemKindDto {
    if (!isProblemCode(code)) throw new Problem('not_found')
    return described(code)
  }
}
