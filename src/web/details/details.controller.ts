/** Corrects who a man is, from the page of one of his journeys: filled in, checked by whoever filled it in, and recorded once. */
import { Body, Controller, Get, NotFoundException, Param, Post, Query, Req, Res } from '@nestjs/common'
import { IsNotEmpty, Matches } from 'class-validator'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { JourneyCommandHandler } from '../../commands/journey-command-handler.ts'
import { commandEventId } from '../../commands/event-envelope.ts'
import { dayOf } from '../../domain/calendar.ts'
import { isDateRefusal } from '../../domain/dates.ts'
import type { Refusal } from '../../domain/history.ts'
import type { Oddity } from '../../domain/journey/oddities.ts'
import type { Details } from '../../domain/participant.ts'
import { Journeys, type DetailsVersion } from '../../queries/journeys.ts'
import { classifyFailure } from '../errors/failure.ts'
import { dateError, dateInput, type FormError } from '../forms/date.ts'
import {
  checkedFields,
  CommandFields,
  controlOf,
  formModel,
  httpStatusOf,
  longestNote,
  WrittenText,
  type CheckedFields,
  type FormValues,
} from '../forms/form-fields.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { changesBetween, correctionsOf } from './details-words.ts'

class DetailsFields extends CommandFields {
  @WrittenText('Family name', 100)
  @IsNotEmpty({ message: 'Enter his family name' })
  familyName = ''

  @WrittenText('Given names', 100)
  @IsNotEmpty({ message: 'Enter his given names' })
  givenNames = ''

  @Matches(/^[A-Za-z]\d{6}$/, { message: 'CRN must be a letter and 6 digits, like X123456' })
  @IsNotEmpty({ message: 'Enter his CRN' })
  crn = ''

  // The last of them is checked first.
  @WrittenText('Why', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why the details were wrong' })
  because = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}

const form = {
  path: 'details',
  title: 'Correct his details',
  doing: 'correcting his details',
  confirm: 'Correct his details',
} as const
const order = ['familyName', 'givenNames', 'crn', 'dateOfBirth', 'because']
const dates = { dateOfBirth: 'His date of birth' }

/** One request for the form. */
interface DetailsRequest {
  readonly page: JourneyPage
  readonly told: readonly DetailsVersion[]
  /** As they are believed now. */
  readonly details: Details
  readonly reply: FastifyReply
}

@RequiresPermission('read', 'record')
@Controller('journeys/:id/details')
export class DetailsController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly commands: JourneyCommandHandler,
  ) {}

  @Get()
  async open(
    @Param('id') id: string,
    @Query() { command, after }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const asked = await this.requestOf(id, request, reply)
    const { page, told, details } = asked
    if (typeof command !== 'string' || !uuidShape.test(command)) {
      // The address names the command from now on, so that going back to it after recording shows what was recorded.
      const search = new URLSearchParams({ command: formModel({}, [], []).values.commandId })
      if (typeof after === 'string') search.set('after', after)
      return reply.redirect(`${page.path}/details?${search}`, 303)
    }
    const recorded = recordedBy(command, told)
    if (recorded !== undefined) return reply.redirect(`${page.path}/details/corrected?event=${recorded}`, 303)
    if (details.crn === undefined)
      return reply.view('forms/unavailable.njk', {
        ...page,
        form,
        why: 'The key to his personal details is missing, so nothing personal can be recorded of him.',
        offered: [],
      })
    const [year, month, day] = (details.dateOfBirth ?? '').split('-').map((part) => String(Number(part)))
    const born = { 'dateOfBirth-day': day, 'dateOfBirth-month': month, 'dateOfBirth-year': year }
    const revision = String(told.at(-1)?.revision ?? '')
    return this.showForm(asked, { ...details, ...(details.dateOfBirth && born), revision, commandId: command }, [])
  }

  @Post()
  async submit(
    @Param('id') id: string,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const asked = await this.requestOf(id, request, reply)
    const { page, told, details } = asked
    const checked = await checkedFields(DetailsFields, body, dates)
    const recorded = recordedBy(checked.fields.commandId, told)
    if (recorded !== undefined)
      return reply.redirect(`${page.path}/details/corrected?event=${recorded}&repeated=same`, 303)
    if (body.step === 'change') return this.showForm(asked, body, [])
    const errors = [...checked.errors, ...errorsAgainstToday(checked)]
    if (errors.length === 0 && changesBetween(details, saidIn(checked)).length === 0)
      errors.push({ field: 'familyName', text: 'Change what is wrong. Nothing differs from what is on record' })
    if (errors.length > 0) return this.showForm(asked, body, errors)
    return body.step === 'confirm' ? this.record(asked, body, checked) : this.check(asked, body, checked)
  }

  /** What was corrected, and what can be done next. */
  @Get('corrected')
  async corrected(
    @Param('id') id: string,
    @Query() { event, repeated, after }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const { page, told } = await this.requestOf(id, request, reply)
    const said = correctionsOf(told).find(({ revision }) => String(revision) === event)
    if (!said && !page.catchingUp) throw new NotFoundException('That corrected nothing.')
    return reply.view('details/corrected.njk', {
      ...page,
      said,
      repeated: repeated === 'same',
      after: typeof after === 'string' && /^\d{1,19}$/.test(after) ? after : '',
    })
  }

  /** What is unusual is said before it is recorded, and what a rule refuses is refused at once. */
  private async check(asked: DetailsRequest, body: FormValues, checked: CheckedFields<DetailsFields>) {
    try {
      const { ofHim, correction, issued } = await this.commandOf(asked, checked)
      const oddities = await this.commands.odditiesOfDetailsCorrection(ofHim, correction, issued)
      return await this.showCheck(asked, body, checked, [], oddities)
    } catch (error) {
      const { code, refusal } = classifyFailure(error)
      if (code === 'refused') return this.showForm(asked, body, [refusedIn(refusal!)])
      if (code === 'changed_meanwhile') return this.showForm(asked, body, [changedMeanwhile])
      if (code === 'store_unavailable' || code === 'busy' || code === 'database_busy')
        return this.showCheck(asked, body, checked, [], [])
      throw error
    }
  }

  private async record(asked: DetailsRequest, body: FormValues, checked: CheckedFields<DetailsFields>) {
    const { page, reply } = asked
    try {
      const { ofHim, correction, issued } = await this.commandOf(asked, checked)
      const { confirmedOddities } = body
      const codes = typeof confirmedOddities === 'string' ? confirmedOddities.split(' ').filter(Boolean) : []
      const result = await this.commands.correctDetails(ofHim, correction, { ...issued, confirmedOddities: codes })
      const written =
        result === 'nothing_new'
          ? await this.journeys.detailsAddedBy(checked.fields.commandId, page.header.participantId)
          : result
      const again = result === 'nothing_new' ? '&repeated=same' : ''
      const to = `${page.path}/details/corrected?event=${written!.revision}${again}&after=${written!.position}`
      return await reply.redirect(to, 303)
    } catch (error) {
      const { code, refusal, oddities = [] } = classifyFailure(error)
      switch (code) {
        case 'refused':
          return this.showForm(asked, body, [refusedIn(refusal!)])
        case 'oddities':
          return this.showCheck(
            asked,
            body,
            checked,
            [{ field: 'confirmedOddities', text: 'Select if these are his details, or change your answers' }],
            oddities,
          )
        case 'changed_meanwhile':
          return this.showForm(asked, body, [changedMeanwhile])
        case 'store_unavailable':
        case 'busy':
        case 'database_busy':
          // Whether it was written is not known; the command id makes sending it again safe.
          return this.showCheck(asked, body, checked, [{ field: 'confirm', text: noAnswer, status: 503 }], [])
        default:
          throw error
      }
    }
  }

  private async commandOf({ page }: DetailsRequest, checked: CheckedFields<DetailsFields>) {
    const { commandId, because, revision } = checked.fields
    return {
      ofHim: await this.journeys.ofSameMan(page.header),
      correction: { changes: saidIn(checked), because },
      issued: {
        by: page.as,
        source: 'ui' as const,
        commandId,
        correlationId: page.requestId,
        expectedRevision: Number(revision),
      },
    }
  }

  private async requestOf(id: string, request: FastifyRequest, reply: FastifyReply): Promise<DetailsRequest> {
    const page = await this.pages.open(request, id, null)
    const told = await this.journeys.detailsTold(page.header.participantId)
    return { page, told, details: told.at(-1)?.details ?? {}, reply }
  }

  private showForm({ page, reply }: DetailsRequest, values: FormValues, errors: readonly FormError[]) {
    const dateFault = errors.find(({ field }) => controlOf(field) === 'dateOfBirth') ?? null
    return reply.status(httpStatusOf(errors)).view('details/details.njk', {
      ...page,
      ...formModel(values, errors, order),
      form,
      born: dateInput('dateOfBirth', 'Date of birth', values, dateFault, 'For example, 27 3 1984'),
    })
  }

  private showCheck(
    { page, details, reply }: DetailsRequest,
    values: FormValues,
    checked: CheckedFields<DetailsFields>,
    errors: readonly FormError[],
    oddities: readonly Oddity[],
  ) {
    const changes = changesBetween(details, saidIn(checked))
    return reply.status(httpStatusOf(errors)).view('forms/check-answers.njk', {
      ...page,
      ...formModel(values, errors, ['confirmedOddities', 'confirm']),
      form,
      answers: [
        ...changes.map(({ label, was, now, control }) => ({ label, was, text: now, control })),
        { label: 'Why the details were wrong', text: checked.fields.because, control: 'because' },
      ],
      oddities,
      odd: oddities.map(({ code }) => code).join(' '),
      asks: { legend: 'Is this right?', yes: 'Yes, these are his details' },
      carried: carriedNames.flatMap((name) =>
        typeof values[name] === 'string' ? [{ name, value: values[name] }] : [],
      ),
    })
  }
}

const carriedNames = [
  'commandId',
  'revision',
  ...order.flatMap((name) => (name in dates ? ['day', 'month', 'year'].map((part) => `${name}-${part}`) : [name])),
]

/** Who he is, as the form says. */
const saidIn = ({ fields, days }: CheckedFields<DetailsFields>): Required<Details> => ({
  crn: fields.crn.toUpperCase(),
  familyName: fields.familyName,
  givenNames: fields.givenNames,
  dateOfBirth: days.dateOfBirth!,
})

const errorsAgainstToday = ({ days }: CheckedFields<DetailsFields>): FormError[] =>
  days.dateOfBirth !== undefined && days.dateOfBirth > dayOf(new Date().toISOString())
    ? [dateError('dateOfBirth', 'His date of birth must be in the past')]
    : []

/** The revision of the event that a command has added, as far as the read model knows. */
const recordedBy = (commandId: string, told: readonly DetailsVersion[]): number | undefined =>
  uuidShape.test(commandId)
    ? told.find(({ eventId }) => eventId === commandEventId(commandId, 'participant'))?.revision
    : undefined

function refusedIn({ code, message }: Refusal): FormError {
  const text = message.replace(/\.$/, '')
  if (isDateRefusal(code)) return dateError('dateOfBirth', text)
  return { field: code === 'crn_in_use' ? 'crn' : code === 'no_reason' ? 'because' : 'familyName', text }
}

const changedMeanwhile: FormError = {
  field: 'familyName',
  text: 'Somebody corrected his details while you were filling in the form. Check what they say now, then send the form again',
}
const noAnswer =
  'The log did not answer, so we cannot say whether this was recorded. Wait a moment and send it again: it will never be recorded twice'

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
