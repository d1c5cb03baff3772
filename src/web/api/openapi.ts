/** The API described: /api/openapi.json for programs, /api/docs for people. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'
import type {} from '@fastify/view'
import { ApiModule } from './api.module.ts'
import { descriptionView } from './description.ts'
import { ProblemDto, LogRecordDto } from './answers.dto.ts'

export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const described = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Throughline')
    .setVersion('0.1.0')
    .setDescription(
      'Each participant’s journey through a programme, as a sequence of events that are never edited or deleted. ' +
        'Every command answers the revision and position of what it wrote; every “no” is application/problem+json (RFC 9457) and changes nothing.',
    )
    .build()
  return SwaggerModule.createDocument(app, described, {
    include: [ApiModule],
    extraModels: [ProblemDto, LogRecordDto],
    operationIdFactory: (_controller, method) => method,
  })
}

export function serveDescription(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance()
  let described: OpenAPIObject | undefined
  fastify.get('/api/openapi.json', (_request, reply) => {
    described ??= describeApi(app)
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(described))
  })
  fastify.get('/api/docs', (_request, reply) => {
    described ??= describeApi(app)
    return reply.view('api/description.njk', descriptionView(described))
  })
}
