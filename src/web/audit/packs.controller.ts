/** Evidence packs by page: what goes in and what for, checked before it is made; then fetched, with how to verify it offline. */
import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { Cases, isStreamName } from '../../audit/cases.ts'
import { PackMaker } from '../../audit/pack-maker.ts'
import { dayOf, type Day } from '../../domain/calendar.ts'
import { isPackReason, packReasons, type PackReason } from '../../domain/evidence-pack.ts'
import { mostPackedEvents, PackRefused, type PackScope } from '../../evidence/pack/pack-format.ts'
import { registerEvidence } from '../../queries/register-evidence.ts'
import { registerWords } from '../../queries/register-words.ts'
import {
  isRegisterName,
  registerNames,
  Registers,
  type RegisterFilter,
  type RegisterName,
} from '../../queries/registers.ts'
import { sayDay } from '../layout/dates.ts'
import { Looking } from '../looking.ts'
import { ReachedStreams } from './reached-streams.ts'
import { typedDay, type AskedFields, type TypedProblem } from './asked.ts'

/** What was asked for, before the rows of a register are read. */
type AskedScope =
  | Exclude<PackScope, { of: 'register' }>
  | { readonly of: 'register'; readonly name: RegisterName; readonly filter: RegisterFilter }

/** Said whichever group or days are asked for: it tells of no case that is withheld. */
const packsOfOneOnly =
  'From your account packs of one journey only can be made. Ask a data protection officer to make this one'

interface PackAsked {
  readonly scope: AskedScope
  readonly of: string
  readonly reason: PackReason
  readonly knownOn: Day | null
  readonly withPersonalFields: boolean
}

@RequiresPermission('read', 'review')
@Controller('audit/packs')
export class PacksController {
  constructor(
    private readonly packs: PackMaker,
    private readonly cases: Cases,
    private readonly registers: Registers,
    private readonly looking: Looking,
    private readonly reached: ReachedStreams,
  ) {}

  @Get('new')
  async ask(@Query() query: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await this.looking.along(request, [], 'pack')
    return reply.view('audit/pack-new.njk', formModel(query, []))
  }

  @Post()
  @HttpCode(200)
  async make(@Body() body: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const without = await this.reached.withheld()
    const { asked, problems } = this.read(body, without)
    if (!asked || body.step === 'change') {
      await this.looking.along(request, [], 'pack')
      const errors = body.step === 'change' ? [] : problems
      return reply.status(errors.length > 0 ? 400 : 200).view('audit/pack-new.njk', formModel(body, errors))
    }
    if (body.step !== 'confirm') {
      await this.looking.along(request, [], 'pack')
      return reply.view('audit/pack-check.njk', { answers: answersOf(asked), carried: carriedIn(body) })
    }
    try {
      const { pack, journeyIds } = await this.packs.make({
        ...asked,
        scope: await this.scopeOf(asked.scope),
        by: whoIsAsking(request),
        source: 'ui',
        commandId: randomUUID(),
      })
      await this.looking.along(request, journeyIds, 'pack')
      return await reply.redirect(`/audit/packs/${pack.id}`, 303)
    } catch (error) {
      if (!(error instanceof PackRefused)) throw error
      await this.looking.along(request, [], 'pack')
      const problem = { href: '#scope', text: error.message.replace(/\.$/, '') }
      return reply.status(409).view('audit/pack-new.njk', formModel(body, [problem]))
    }
  }

  @Get(':pack')
  async show(@Param('pack') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const made = await this.find(id, request)
    await this.looking.along(request, [], 'pack')
    return reply.view('audit/pack-made.njk', {
      ...made,
      megabytes: (made.bytes.length / 1e6).toFixed(1),
      fileName: fileNameOf(id),
    })
  }

  @Get(':pack/download')
  async download(@Param('pack') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { bytes, journeyIds } = await this.find(id, request)
    // What leaves the service of one record is that record's disclosure; of many it is a list of them.
    if (journeyIds.length === 1) await this.looking.at(request, journeyIds[0]!, 'download')
    else await this.looking.along(request, journeyIds, 'download')
    return reply
      .type('application/zip')
      .header('content-disposition', `attachment; filename="${fileNameOf(id)}"`)
      .send(Buffer.from(bytes))
  }

  private async scopeOf(scope: AskedScope): Promise<PackScope> {
    if (scope.of !== 'register') return scope
    return registerEvidence(this.registers, scope.name, scope.filter, mostPackedEvents)
  }

  private async find(id: string, request: FastifyRequest) {
    const made = this.packs.madeFor(whoIsAsking(request).id, id)
    const without = await this.reached.withheld()
    if (!made || made.journeyIds.some((journey) => without.has(`journey-${journey}`)))
      throw new NotFoundException('There is no such pack, or it is not kept any longer. Make it again.')
    return made
  }

  private read(
    body: AskedFields,
    without: ReadonlySet<string>,
  ): { readonly asked: PackAsked | null; readonly problems: readonly TypedProblem[] } {
    const problems: TypedProblem[] = []
    const text = (name: string) => (typeof body[name] === 'string' ? body[name].trim() : '')
    const day = (name: string, label: string): Day | null => {
      const found = typedDay(text(name))
      if (!found) problems.push({ href: `#${name}`, text: `“${label}” must be a real date, like 17/5/2024` })
      return found
    }
    const scope = this.scopeIn(text, day, problems, without)
    const knownOn = text('known') === '' ? null : day('known', 'As known on')
    const reason = text('reason')
    if (!isPackReason(reason)) problems.push({ href: '#reason', text: 'Select what the pack is for' })
    if (!['with', 'without'].includes(text('personal')))
      problems.push({ href: '#personal', text: 'Select whether personal details go in' })
    if (problems.length > 0 || !scope || !isPackReason(reason)) return { asked: null, problems }
    const asked = { ...scope, reason, knownOn, withPersonalFields: text('personal') === 'with' }
    return { asked, problems }
  }

  private scopeIn(
    text: (name: string) => string,
    day: (name: string, label: string) => Day | null,
    problems: TypedProblem[],
    without: ReadonlySet<string>,
  ): Pick<PackAsked, 'scope' | 'of'> | null {
    // A pack of many cannot leave anybody out: it would not verify.
    if (
      without.size > 0 &&
      text('scope') !== 'journey' &&
      ['group', 'register', 'days', 'log'].includes(text('scope'))
    ) {
      problems.push({ href: '#scope', text: packsOfOneOnly })
      return null
    }
    switch (text('scope')) {
      case 'register': {
        const name = text('register')
        const found = problems.length
        const since = text('since') === '' ? null : day('since', 'Recorded from')
        const until = text('until') === '' ? null : day('until', 'Recorded to')
        const by = text('by').slice(0, 200)
        if (!isRegisterName(name)) problems.push({ href: '#register', text: 'Select a register' })
        else if (since && until && since > until)
          problems.push({ href: '#until', text: '“Recorded to” must be the same as or after “Recorded from”' })
        if (problems.length > found || !isRegisterName(name)) return null
        const filter = { ...(since && { from: since }), ...(until && { to: until }), ...(by && { by }) }
        const limits = [since && `from ${sayDay(since)}`, until && `to ${sayDay(until)}`, by && `by ${by}`]
        const said = limits.filter(Boolean).join(' ')
        return {
          scope: { of: 'register', name, filter },
          of: `the register “${registerWords[name].title}”${said && `, recorded ${said}`}`,
        }
      }
      case 'journey': {
        const stream = this.cases.streamNamed(text('case'))
        if (stream?.startsWith('journey-') && !without.has(stream))
          return { scope: { of: 'journey', stream, reference: text('case') }, of: `journey ${text('case')}` }
        problems.push({ href: '#case', text: 'No journey in this log has this reference or id' })
        return null
      }
      case 'group': {
        const name = text('group')
        const stream = isStreamName(`group-${name}`) ? this.cases.streamNamed(`group-${name}`) : null
        if (stream)
          return { scope: { of: 'group', name, streams: this.cases.streamsOfGroup(stream) }, of: `group ${name}` }
        problems.push({ href: '#group', text: 'No group in this log has this code or id' })
        return null
      }
      case 'days': {
        const [from, to] = [day('from', 'First day'), day('to', 'Last day')]
        if (!from || !to) return null
        if (from > to) {
          problems.push({ href: '#to', text: '“Last day” must be the same as or after “First day”' })
          return null
        }
        return { scope: { of: 'days', from, to }, of: `everything recorded from ${sayDay(from)} to ${sayDay(to)}` }
      }
      case 'log':
        return { scope: { of: 'log' }, of: 'the whole log' }
      default:
        problems.push({ href: '#scope', text: 'Select what goes into the pack' })
        return null
    }
  }
}

const fileNameOf = (id: string): string => `evidence-${id.slice(0, 8)}.zip`

const fields = ['scope', 'case', 'group', 'register', 'since', 'until', 'by', 'from', 'to', 'known', 'reason', 'personal'] as const // prettier-ignore

const carriedIn = (body: AskedFields) =>
  fields.map((name) => ({ name, value: typeof body[name] === 'string' ? body[name] : '' }))

function answersOf({ of, reason, knownOn, withPersonalFields }: PackAsked) {
  return [
    { label: 'What goes in', text: of.charAt(0).toUpperCase() + of.slice(1), control: 'scope' },
    { label: 'As known on', text: knownOn ? sayDay(knownOn) : `Now, ${sayDay(dayOf(new Date().toISOString()))}`, control: 'known' }, // prettier-ignore
    { label: 'What it is for', text: packReasons[reason], control: 'reason' },
    { label: 'Personal details', text: withPersonalFields ? 'Go in, opened' : 'Stay sealed', control: 'personal' },
  ]
}

function formModel(body: AskedFields, problems: readonly TypedProblem[]) {
  const values = Object.fromEntries(carriedIn(body).map(({ name, value }) => [name, value]))
  return {
    values,
    problems,
    problemFor: Object.fromEntries(problems.map(({ href, text }) => [href.slice(1), { text }])),
    registers: [
      { value: '', text: 'Select a register', selected: !values.register },
      ...registerNames.map((value) => ({
        value,
        text: registerWords[value].title,
        selected: values.register === value,
      })),
    ],
    reasons: [
      { value: '', text: 'Select what it is for', selected: !values.reason },
      ...Object.entries(packReasons).map(([value, text]) => ({ value, text, selected: values.reason === value })),
    ],
  }
}
