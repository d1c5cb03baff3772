/** What an inspector would ask: each question with its definition, a threshold of his own, and the events that answer it. */
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { SavedViews } from '../../access/saved-views.ts'
import { Journeys } from '../../queries/journeys.ts'
import { mostAnswers } from '../../queries/questions.ts'
import { Looking } from '../looking.ts'
import { registerAddress } from './asked.ts'
import { InspectorQuestions, questionNames, questionWords } from './inspector-questions.ts'

@RequiresPermission('read', 'review')
@Controller('questions')
export class QuestionsController {
  constructor(
    private readonly questions: InspectorQuestions,
    private readonly journeys: Journeys,
    private readonly looking: Looking,
    private readonly views: SavedViews,
  ) {}

  @Get(':name')
  async show(
    @Param('name') given: string,
    @Query() query: Readonly<Record<string, unknown>>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const name = questionNames.find((one) => one === given)
    if (name === undefined) throw new NotFoundException('There is no question of that name.')
    const { fields, asked, tables } = await this.questions.answer(name, query)
    const shown = [...new Set(tables.flatMap(({ rows }) => rows.flatMap(({ journeyId }) => journeyId ?? [])))]
    await this.looking.along(request, shown, 'audit_question')
    const known = await this.journeys.rowsOf(shown)
    return reply.view('registers/question.njk', {
      name,
      ...questionWords[name],
      fields,
      mostAnswers,
      tables: tables.map((table) => ({
        ...table,
        rows: table.rows.map((row) => ({
          ...row,
          subject: row.journeyId === null ? row.subject : known.get(row.journeyId)?.reference || 'Journey',
        })),
      })),
      address: registerAddress(`/questions/${name}`, asked),
      saved: (await this.views.of(whoIsAsking(request).id)).some(
        ({ address }) => address === registerAddress(`/questions/${name}`, asked),
      ),
    })
  }
}
