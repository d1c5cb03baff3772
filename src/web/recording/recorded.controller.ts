/** What a form has recorded and what can be done next: shown right after, and whenever somebody goes back to that form. */
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Journeys } from '../../queries/journeys.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import type { Recorded } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { versionsIn } from '../../domain/journey/versions.ts'
import { correctionAnswers } from '../put-right/correction-answers.ts'
import { recordInHand } from '../put-right/record-in-hand.ts'
import { withdrawRecordForm } from '../put-right/withdraw-record.form.ts'
import { answersOf } from '../forms/answers.ts'
import type { Answer } from '../forms/journey-form.ts'
import type { FormValues } from '../forms/form-fields.ts'
import { formsOffered, journeyForms } from './journey-forms.ts'

@RequiresPermission('read', 'record')
@Controller('journeys/:id/recorded')
export class RecordedController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
  ) {}

  /** From the log itself: what was just recorded is there before any read model knows of it. */
  @Get()
  async show(
    @Param('id') id: string,
    @Query() { event, repeated, after }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const revision = typeof event === 'string' && /^\d{1,9}$/.test(event) ? Number(event) : -1
    const recorded = revision < 0 ? null : await this.journeys.eventAt(id, revision)
    const said = recorded && (await this.saidBy(recorded, page))
    if (!recorded || !said) throw new NotFoundException('No form recorded that event.')
    const { heading, answers } = said
    const putRight = recorded.type === 'RecordCorrected' || recorded.type === 'RecordWithdrawn'
    const entries = await this.journeys.timeline(page.header)
    return reply.view('forms/recorded.njk', {
      ...page,
      heading,
      about: answers.find(({ field }) => field === 'sessionId')?.text ?? answers[0]!.text,
      answers,
      revision,
      repeated: repeated === 'same' || repeated === 'changed' ? repeated : null,
      after: typeof after === 'string' && /^\d{1,19}$/.test(after) ? after : '',
      correctable: putRight ? null : revision,
      undoable: putRight ? revision : null,
      offered: formsOffered({ header: page.header, entries }),
    })
  }

  /** What was recorded, in the words of the form that did; null where none did. */
  private async saidBy(
    recorded: Recorded<JourneyEvent>,
    { journeyId, header }: JourneyPage,
  ): Promise<{ heading: string; answers: readonly Answer[] } | null> {
    const { type, data, metadata } = recorded
    const form = journeyForms.find(({ events }) => events.includes(type))
    if (form) {
      const { recorded: heading } = form
      return { heading, answers: answersOf(form, { event: type, data, occurredOn: metadata.occurredAt }, header) }
    }
    const events = await this.journeys.events(journeyId)
    if (type === 'RecordCorrected') {
      const { said } = versionsIn(events)
      const [was, is] = [said.get(data.corrects), said.get(recorded.revision)]
      return was && is
        ? { heading: 'Record corrected', answers: correctionAnswers(was, is, data.because, header) }
        : null
    }
    if (type !== 'RecordWithdrawn') return null
    const record = recordInHand(events, data.withdraws)
    const taken = record && withdrawRecordForm(record)
    const occurredOn = metadata.occurredAt
    return taken && { heading: taken.recorded, answers: taken.answers!({ data, occurredOn }, header) }
  }
}
