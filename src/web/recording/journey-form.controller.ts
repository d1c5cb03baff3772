/** Serves every form of a journey: filled in, checked by the person who filled it in, and recorded once. */
import {
  Body,
  Controller,
  createParamDecorator,
  Get,
  NotFoundException,
  Param,
  Post,
  Query,
  Req,
  Res,
  type ExecutionContext,
} from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isDeepStrictEqual } from 'node:util'
import { commandEventId } from '../../commands/event-envelope.ts'
import type { CommandResult } from '../../commands/decide-and-append.ts'
import { JourneyCommandHandler, type IssuedOnRecord } from '../../commands/journey-command-handler.ts'
import { dayOf } from '../../domain/calendar.ts'
import { isDateRefusal } from '../../domain/dates.ts'
import type { Refusal } from '../../domain/history.ts'
import type { Oddity } from '../../domain/journey/oddities.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Journeys } from '../../queries/journeys.ts'
import { classifyFailure } from '../errors/failure.ts'
import { sayDay } from '../layout/dates.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { believedEntries } from '../forms/believed-entries.ts'
import { correctRecordForm } from '../put-right/correct-record.form.ts'
import { recordInHand } from '../put-right/record-in-hand.ts'
import { withdrawRecordForm } from '../put-right/withdraw-record.form.ts'
import { answersOf } from '../forms/answers.ts'
import { dateError, dateInput, type FormError } from '../forms/date.ts'
import {
  checkedFields,
  controlOf,
  formModel,
  httpStatusOf,
  type CheckedFields,
  type CommandFields,
  type FormValues,
} from '../forms/form-fields.ts'
import type { FormCommand, JourneyForm, JourneySituation } from '../forms/journey-form.ts'
import { formsOffered, journeyForms, whyUnavailable } from './journey-forms.ts'

/** What is asked for of one event: the form is made for the record in hand. */
const putRightForms = { correct: correctRecordForm, withdraw: withdrawRecordForm } as const

type Requested = JourneyForm | keyof typeof putRightForms

/** The form whose route it is: each has a route of its own, so that metrics and traces tell them apart. */
const RequestedForm = createParamDecorator((_: unknown, context: ExecutionContext): Requested => {
  const { routeOptions } = context.switchToHttp().getRequest<FastifyRequest>()
  const url = routeOptions.url ?? ''
  if (url.includes('/events/')) return url.endsWith('/correct') ? 'correct' : 'withdraw'
  return journeyForms.find(({ path }) => url.endsWith(`/${path}`))!
})

const paths = [...journeyForms.map(({ path }) => path), 'events/:revision/correct', 'events/:revision/withdraw']

type Issued = Omit<IssuedOnRecord, 'occurredOn'>

/** One request for one form of one journey. */
interface FormRequest {
  readonly form: JourneyForm
  readonly page: JourneyPage
  readonly situation: JourneySituation
  readonly reply: FastifyReply
}

@RequiresPermission('read', 'record')
@Controller('journeys/:id')
export class JourneyFormController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly commands: JourneyCommandHandler,
  ) {}

  /** Attendance had a form of its own for corrections. Whoever kept its address comes to the one that corrects any record. */
  @Get('correction')
  async correction(
    @Param('id') id: string,
    @Query() { sessionId }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const { path, header } = await this.pages.open(request, id, null)
    const said = believedEntries(await this.journeys.timeline(header)).find(
      (entry) => entry.type === 'AttendanceRecorded' && entry.sessionId === sessionId,
    )
    return reply.redirect(said ? `${path}/events/${said.current}/correct` : path, 303)
  }

  @Get(paths)
  async open(
    @Param('id') id: string,
    @RequestedForm() requested: Requested,
    @Query() query: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const formRequest = await this.requestOf(requested, id, request, reply)
    const { form, page, situation } = formRequest
    const { command } = query
    const given = (form.fromAddress ?? []).filter((name) => typeof query[name] === 'string')
    const fromAddress = Object.fromEntries(given.map((name) => [name, query[name]]))
    if (typeof command !== 'string' || !uuidShape.test(command)) {
      // The address names the command from now on, so that going back to it after recording shows what was recorded.
      const { commandId } = formModel({}, [], []).values
      const search = new URLSearchParams({ ...(fromAddress as Record<string, string>), command: commandId })
      const { after } = query
      if (typeof after === 'string') search.set('after', after)
      return reply.redirect(`${page.path}/${form.path}?${search}`, 303)
    }
    const recorded = recordedBy(command, situation)
    if (recorded !== undefined) return reply.redirect(`${page.path}/recorded?event=${recorded}`, 303)
    if (whyUnavailable(form, situation)) return this.showUnavailable(formRequest, 200)
    const values = { ...form.initial?.(situation), ...fromAddress, commandId: command }
    // What an address chooses is checked like what a form sends: a choice left empty is an error.
    const { fields, errors } = await checkedFields(form.Fields, values)
    const wrong = [...errors, ...(form.check?.(fields, situation) ?? [])].filter(({ field }) => given.includes(field))
    return this.showForm(formRequest, values, wrong.slice(0, 1))
  }

  @Post(paths)
  async submit(
    @Param('id') id: string,
    @RequestedForm() requested: Requested,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const formRequest = await this.requestOf(requested, id, request, reply)
    const { form, page, situation } = formRequest
    const { date } = form
    const checked = await checkedFields(form.Fields, body, date && { [date.name]: date.subject })
    const recorded = recordedBy(checked.fields.commandId, situation)
    if (body.step === 'change') {
      if (recorded !== undefined) return reply.redirect(`${page.path}/recorded?event=${recorded}&repeated=same`, 303)
      return this.showForm(formRequest, body, [])
    }
    if (recorded === undefined) {
      if (whyUnavailable(form, situation)) return this.showUnavailable(formRequest, 409)
      const errors = errorsOf(form, checked, situation)
      if (errors.length > 0) return this.showForm(formRequest, body, errors)
      if (body.step !== 'confirm') return this.check(formRequest, body, checked)
    } else if (checked.errors.length > 0) {
      // What the journey has become since does not matter: sent again, it is compared with what was recorded.
      return this.showForm(formRequest, body, checked.errors)
    }
    return this.record(formRequest, body, checked)
  }

  /** What is unusual is said before it is recorded, and what a rule refuses is refused at once. */
  private async check(formRequest: FormRequest, body: FormValues, checked: CheckedFields<CommandFields>) {
    const { form, page, situation } = formRequest
    const command = commandOf(form, checked, situation)
    try {
      const oddities = await this.odditiesOf(page, command, issuedBy(page, checked))
      return await this.showCheck(formRequest, body, checked, [], oddities)
    } catch (error) {
      const { code, refusal } = classifyFailure(error)
      if (code === 'refused') return this.showForm(formRequest, body, [refusedIn(form, refusal!)])
      if (code === 'changed_meanwhile')
        return this.showForm(formRequest, body, [{ field: form.otherwise, text: changedMeanwhile }])
      // While the log is away nothing is said of what is unusual: it is asked again before anything is written.
      if (code === 'store_unavailable' || code === 'busy' || code === 'database_busy')
        return this.showCheck(formRequest, body, checked, [], [])
      throw error
    }
  }

  private async record(formRequest: FormRequest, body: FormValues, checked: CheckedFields<CommandFields>) {
    const { form, page, situation, reply } = formRequest
    const command = commandOf(form, checked, situation)
    const { commandId } = checked.fields
    try {
      const confirmedOddities = codesIn(body.confirmedOddities)
      const result = await this.execute(page, command, { ...issuedBy(page, checked), confirmedOddities })
      if (result !== 'nothing_new') {
        return await reply.redirect(`${page.path}/recorded?event=${result.revision}&after=${result.position}`, 303)
      }
      const added = await this.journeys.addedBy(commandId, page.journeyId)
      if (!added?.record.event)
        return this.showForm(formRequest, body, [{ field: form.otherwise, text: nothingToRecord }])
      const { event, revision, position } = added.record
      const repeated = saysTheSame(event, command, form) ? 'same' : 'changed'
      const to = `${page.path}/recorded?event=${revision}&repeated=${repeated}&after=${position}`
      return await reply.redirect(to, 303)
    } catch (error) {
      const { code, refusal, oddities = [] } = classifyFailure(error)
      const at = (text: string, status?: number): FormError => ({ field: form.otherwise, text, status })
      switch (code) {
        case 'refused':
          return this.showForm(formRequest, body, [refusedIn(form, refusal!)])
        case 'oddities':
          return this.showCheck(
            formRequest,
            body,
            checked,
            [{ field: 'confirmedOddities', text: unconfirmed }],
            oddities,
          )
        case 'changed_meanwhile':
          return this.showForm(formRequest, body, [at(changedMeanwhile)])
        case 'store_unavailable':
        case 'busy':
        case 'database_busy':
          // Whether it was written is not known; the command id makes sending it again safe.
          return this.showCheck(formRequest, body, checked, [at(noAnswer, 503)], [], body.confirmedOddities)
        default:
          throw error
      }
    }
  }

  private odditiesOf({ journeyId }: JourneyPage, command: FormCommand, issued: Issued): Promise<readonly Oddity[]> {
    const { type, data, occurredOn } = command
    if (type === 'CorrectRecord') return this.commands.odditiesOfCorrection(journeyId, data, { ...issued, occurredOn })
    // A withdrawal is of the day of what it takes back, and nothing is unusual about it.
    if (type === 'WithdrawRecord') return Promise.resolve([])
    return this.commands.odditiesOf(journeyId, type, data as never, { ...issued, occurredOn })
  }

  private execute({ journeyId }: JourneyPage, command: FormCommand, issued: Issued): Promise<CommandResult> {
    const { type, data, occurredOn } = command
    if (type === 'CorrectRecord') return this.commands.correctRecord(journeyId, data, { ...issued, occurredOn })
    if (type === 'WithdrawRecord') return this.commands.withdrawRecord(journeyId, data, issued)
    return this.commands.execute(journeyId, type, data as never, { ...issued, occurredOn })
  }

  /** @throws NotFoundException where there is no such journey, or no such record to put right */
  private async formOf(requested: Requested, page: JourneyPage, request: FastifyRequest): Promise<JourneyForm> {
    if (typeof requested !== 'string') return requested
    const { revision } = request.params as { revision: string }
    const record = /^\d{1,9}$/.test(revision)
      ? recordInHand(await this.journeys.events(page.journeyId), Number(revision))
      : null
    const form = record && putRightForms[requested](record)
    if (!form) throw new NotFoundException('There is no such record to put right on this journey.')
    return form as JourneyForm
  }

  private async requestOf(
    requested: Requested,
    id: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FormRequest> {
    const page = await this.pages.open(request, id, null)
    const form = await this.formOf(requested, page, request)
    const [entries, groups] = [
      await this.journeys.timeline(page.header),
      form.order.includes('groupId') ? await this.journeys.groups() : null,
    ]
    const situation = { header: page.header, entries, groups, today: dayOf(new Date().toISOString()) }
    return { form, page, situation, reply }
  }

  private showForm({ form, page, situation, reply }: FormRequest, values: FormValues, errors: readonly FormError[]) {
    const { date } = form
    const dateFault = date && errors.find(({ field }) => controlOf(field) === date.name)
    return reply.status(httpStatusOf(errors)).view(form.template ?? `${form.path}/${form.path}.njk`, {
      ...page,
      ...formModel(values, errors, form.order),
      form,
      endedOn: page.header.endedOn,
      date: date && dateInput(date.name, date.legend, values, dateFault ?? null, 'For example, 27 3 2024'),
      ...form.view(situation, values),
    })
  }

  private showCheck(
    { form, page, situation, reply }: FormRequest,
    values: FormValues,
    checked: CheckedFields<CommandFields>,
    errors: readonly FormError[],
    oddities: readonly Oddity[],
    confirmedOddities: unknown = '',
  ) {
    const { event, data, occurredOn, beside } = commandOf(form, checked, situation)
    const recorded = { event, data: { ...data, ...beside }, occurredOn }
    const answers = form.answers?.(recorded, page.header) ?? answersOf(form, recorded, page.header)
    // What the record says until now, and what the address chose, is not changed here.
    const fixed = new Set([...Object.keys(beside ?? {}), ...(form.fromAddress ?? [])])
    const rows = answers.map(({ field, control, label, text, was }): CheckRow => {
      const id = control === form.date?.name ? `${control}-day` : control
      return { label, text, was, control: fixed.has(field) ? null : id }
    })
    const noNote = !form.answers && 'note' in checked.fields && !('note' in data)
    return reply.status(httpStatusOf(errors)).view('forms/check-answers.njk', {
      ...page,
      ...formModel(
        values,
        errors.map((error) => (error.field === 'confirmedOddities' ? error : { ...error, field: 'confirm' })),
        ['confirmedOddities', 'confirm'],
      ),
      form,
      answers: noNote ? [...rows, { label: 'Note', text: 'None', control: 'note' }] : rows,
      oddities,
      odd: oddities.map(({ code }) => code).join(' '),
      carried: [
        ...carried(form, values),
        ...(typeof confirmedOddities === 'string' && confirmedOddities !== ''
          ? [{ name: 'confirmedOddities', value: confirmedOddities }]
          : []),
      ],
    })
  }

  private showUnavailable({ form, page, situation, reply }: FormRequest, status: number) {
    const why = whyUnavailable(form, situation)
    return reply.status(status).view('forms/unavailable.njk', {
      ...page,
      form,
      why,
      refused: status !== 200,
      offered: formsOffered(situation),
    })
  }
}

/** A refusal at the control that puts it right: of a date, in the words of that form's date. */
function refusedIn(form: JourneyForm, { code, message }: Refusal): FormError {
  const { date } = form
  if (date && isDateRefusal(code) && !form.refusals[code])
    return dateError(date.name, message.replace(/^The date /, `${date.subject} `))
  return { field: form.refusals[code] ?? form.otherwise, text: message }
}

const issuedBy = (page: JourneyPage, { fields }: CheckedFields<CommandFields>) => ({
  by: page.as,
  source: 'ui' as const,
  commandId: fields.commandId,
  correlationId: page.requestId,
  expectedRevision: 'revision' in fields ? Number(fields.revision) : undefined,
})

/** The oddities that were on the page when the box was ticked. */
const codesIn = (value: unknown): readonly string[] =>
  typeof value === 'string' ? value.split(' ').filter(Boolean) : []

const unconfirmed = 'Select if this is what happened, or change your answers'
const changedMeanwhile =
  'Somebody added to this record while you were filling in the form. Check what it says now, then send the form again'
const noAnswer =
  'The log did not answer, so we cannot say whether this was recorded. Wait a moment and send it again: it will never be recorded twice'
const nothingToRecord = 'The record already says so. Nothing was recorded'

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The revision of the event that a command has added, as far as the read model knows. */
const recordedBy = (commandId: string, { entries }: JourneySituation): number | undefined =>
  uuidShape.test(commandId)
    ? entries.find(({ eventId }) => eventId === commandEventId(commandId, 'journey'))?.revision
    : undefined

const commandOf = (form: JourneyForm, { fields, days }: CheckedFields<CommandFields>, situation: JourneySituation) =>
  form.command(fields, form.date ? days[form.date.name]! : situation.today, situation)

/** What is wrong with a form: its fields, its date against today and the end of the journey, and what is wrong only on this journey. */
function errorsOf(
  form: JourneyForm,
  { fields, days, errors }: CheckedFields<CommandFields>,
  situation: JourneySituation,
): readonly FormError[] {
  const { date } = form
  const { endedOn } = situation.header
  const day = date && days[date.name]
  const late =
    day === undefined
      ? null
      : day > situation.today
        ? `${date!.subject} must be today or in the past`
        : endedOn !== null && day > endedOn && !date!.mayFollowTheEnd
          ? `${date!.subject} must be on or before ${sayDay(endedOn)}, when the journey ended`
          : null
  const known = new Set(errors.map(({ field }) => field))
  const beside = (form.check?.(fields, situation) ?? []).filter(({ field }) => !known.has(field))
  return [...errors, ...(late ? [dateError(date!.name, late)] : []), ...beside]
}

/** Everything a form asks for, as it was typed: it travels with the check page and is checked again when it comes back. */
function carried({ order, date }: JourneyForm, values: FormValues) {
  const names = ['commandId', 'revision', ...order].flatMap((name) =>
    name === date?.name ? ['day', 'month', 'year'].map((part) => `${name}-${part}`) : [name],
  )
  return names.flatMap((name) => (typeof values[name] === 'string' ? [{ name, value: values[name] }] : []))
}

/** Fields of an event that its rules add to what the command says. */
const addedByRules = new Set(['was', 'corrects', 'from'])

interface CheckRow {
  readonly label: string
  readonly text: string
  readonly was?: string
  readonly control: string | null
}

/** Whether an event says what a command says: a form that was changed after it had been recorded says something else. */
function saysTheSame(
  event: JourneyEvent & { metadata: { occurredAt: string } },
  command: FormCommand,
  form: JourneyForm,
) {
  if (event.type === 'RecordCorrected' && command.type === 'CorrectRecord') {
    const { corrects, changes, because } = command.data
    const anew = event.data.data
    return (
      event.data.corrects === corrects &&
      event.data.because === because &&
      event.metadata.occurredAt === command.occurredOn &&
      Object.entries(changes).every(([field, value]) => isDeepStrictEqual(anew[field] ?? '', value))
    )
  }
  const data = Object.fromEntries(Object.entries(event.data).filter(([field]) => !addedByRules.has(field)))
  return (
    event.type === command.event &&
    (!form.date || event.metadata.occurredAt === command.occurredOn) &&
    isDeepStrictEqual(data, { ...command.data })
  )
}
