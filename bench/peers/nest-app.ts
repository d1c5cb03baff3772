/** A peer's application: @nestjs/cqrs in front of its events, and the same routes and bodies as the product's API on Fastify. */
import 'reflect-metadata'
import {
  Body,
  Controller,
  Injectable,
  Module,
  Param,
  ParseUUIDPipe,
  Post,
  UnauthorizedException,
  ForbiddenException,
  UseGuards,
  ValidationPipe,
  Catch,
  createParamDecorator,
  type ArgumentsHost,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Command, CommandBus, CommandHandler, CqrsModule, type ICommandHandler } from '@nestjs/cqrs'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { generateKeyPair, jwtVerify, SignJWT, type CryptoKey } from 'jose'
import { randomUUID } from 'node:crypto'
import { Refusal } from '../../src/domain/history.ts'
import type { PeerEvents } from './peer-events.ts'
import {
  AllocationBody,
  AttendanceBody,
  AttendanceCorrectionBody,
  ContactBody,
  EligibilityBody,
  ReferralBody,
  SuitabilityBody,
} from './bodies.ts'
import { issuer, type Contender, type ReferralWork, type Step, type StepCommand } from './work.ts'

export class ReferCommand extends Command<{ journeyId: string; revision: number }> {
  constructor(
    readonly referral: ReferralWork,
    readonly commandId: string,
  ) {
    super()
  }
}

export class RecordCommand extends Command<{ revision: number }> {
  constructor(
    readonly journeyId: string,
    readonly step: StepCommand,
    readonly commandId: string,
  ) {
    super()
  }
}

/** Where the events are kept, as Nest knows it. */
@Injectable()
export class Events {
  constructor(readonly kept: PeerEvents) {}
}

@CommandHandler(ReferCommand)
export class ReferHandler implements ICommandHandler<ReferCommand> {
  constructor(private readonly events: Events) {}

  execute({ referral, commandId }: ReferCommand) {
    return this.events.kept.refer(referral, commandId)
  }
}

@CommandHandler(RecordCommand)
export class RecordHandler implements ICommandHandler<RecordCommand> {
  constructor(private readonly events: Events) {}

  execute({ journeyId, step, commandId }: RecordCommand) {
    return this.events.kept.execute(journeyId, step, commandId)
  }
}

/** Whose tokens are believed. */
@Injectable()
export class TokenKeys {
  constructor(readonly publicKey: CryptoKey) {}
}

@Injectable()
class BearerGuard implements CanActivate {
  constructor(private readonly keys: TokenKeys) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { authorization = '' } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers
    const token = authorization.replace(/^Bearer /, '')
    const { payload } = await jwtVerify(token, this.keys.publicKey).catch(() => {
      throw new UnauthorizedException()
    })
    if (payload.role !== issuer.role) throw new ForbiddenException()
    return true
  }
}

@Catch(Refusal)
class RefusalFilter implements ExceptionFilter<Refusal> {
  catch({ code, message }: Refusal, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<{ status(code: number): { send(body: object): void } }>()
    reply.status(409).send({ code, message })
  }
}

/** A command that is sent again with the same key is the same command. */
const CommandId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>()
  return headers['idempotency-key'] ?? randomUUID()
})

@Controller('api/journeys')
@UseGuards(BearerGuard)
class JourneysController {
  constructor(private readonly bus: CommandBus) {}

  @Post()
  refer(@Body() referral: ReferralBody, @CommandId() commandId: string) {
    return this.bus.execute(new ReferCommand(referral, commandId))
  }

  @Post(':id/eligibility')
  eligibility(@Param('id', ParseUUIDPipe) id: string, @Body() body: EligibilityBody, @CommandId() commandId: string) {
    return this.record(id, 'AssessEligibility', body, commandId)
  }

  @Post(':id/suitability')
  suitability(@Param('id', ParseUUIDPipe) id: string, @Body() body: SuitabilityBody, @CommandId() commandId: string) {
    return this.record(id, 'DecideSuitability', body, commandId)
  }

  @Post(':id/waiting-list')
  waitingList(@Param('id', ParseUUIDPipe) id: string, @Body() body: ContactBody, @CommandId() commandId: string) {
    return this.record(id, 'PlaceOnWaitingList', body, commandId)
  }

  @Post(':id/allocation')
  allocation(@Param('id', ParseUUIDPipe) id: string, @Body() body: AllocationBody, @CommandId() commandId: string) {
    return this.record(id, 'AllocateToGroup', body, commandId)
  }

  @Post(':id/three-way-meetings')
  meeting(@Param('id', ParseUUIDPipe) id: string, @Body() body: ContactBody, @CommandId() commandId: string) {
    return this.record(id, 'HoldThreeWayMeeting', body, commandId)
  }

  @Post(':id/attendance')
  attendance(@Param('id', ParseUUIDPipe) id: string, @Body() body: AttendanceBody, @CommandId() commandId: string) {
    return this.record(id, 'RecordAttendance', body, commandId)
  }

  @Post(':id/attendance/:sessionId/corrections')
  correction(
    @Param('id', ParseUUIDPipe) id: string,
    @Param('sessionId') sessionId: string,
    @Body() body: AttendanceCorrectionBody,
    @CommandId() commandId: string,
  ) {
    return this.record(id, 'CorrectAttendance', { sessionId, ...body }, commandId)
  }

  @Post(':id/warnings')
  warning(@Param('id', ParseUUIDPipe) id: string, @Body() body: ContactBody, @CommandId() commandId: string) {
    return this.record(id, 'IssueWarning', body, commandId)
  }

  @Post(':id/completion')
  completion(@Param('id', ParseUUIDPipe) id: string, @Body() body: ContactBody, @CommandId() commandId: string) {
    return this.record(id, 'Complete', body, commandId)
  }

  private async record<B extends { readonly occurredOn: string }>(
    journeyId: string,
    type: Step['type'],
    { occurredOn, ...data }: B,
    commandId: string,
  ) {
    const { revision } = await this.bus.execute(
      new RecordCommand(journeyId, { type, occurredOn, data: data as unknown as Step['data'] }, commandId),
    )
    return { journeyId, revision }
  }
}

@Module({})
class PeerModule {
  static on(events: PeerEvents, publicKey: CryptoKey): DynamicModule {
    return {
      module: PeerModule,
      imports: [CqrsModule.forRoot()],
      controllers: [JourneysController],
      providers: [
        { provide: Events, useValue: new Events(events) },
        { provide: TokenKeys, useValue: new TokenKeys(publicKey) },
        ReferHandler,
        RecordHandler,
      ],
    }
  }
}

export interface PeerApp extends Contender {
  /** Serves its routes from now on. */
  listen(): Promise<{ readonly url: string; readonly token: string }>
}

export async function peerApp(events: PeerEvents): Promise<PeerApp> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const app = await NestFactory.create<NestFastifyApplication>(PeerModule.on(events, publicKey), new FastifyAdapter(), {
    logger: false,
  })
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }))
  app.useGlobalFilters(new RefusalFilter())
  await app.init()
  const bus = app.get(CommandBus)
  return {
    refer: async (referral) => (await bus.execute(new ReferCommand(referral, randomUUID()))).journeyId,
    async execute(journeyId, step) {
      await bus.execute(new RecordCommand(journeyId, step, randomUUID()))
    },
    async listen() {
      await app.listen(0, '127.0.0.1')
      const token = await new SignJWT({ role: issuer.role })
        .setProtectedHeader({ alg: 'RS256' })
        .setExpirationTime('1h')
        .sign(privateKey)
      return { url: (await app.getUrl()).replace(/\/$/, ''), token }
    },
    async close() {
      await app.close()
      await events.close()
    },
  }
}
