/** The API described: /api/openapi.json for programs, /api/docs for people. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ApiModule } from './api.module.ts'
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

// What @nestjs/swagger itself would serve, from where it sees it.
const swaggerUi = dirname(createRequire(import.meta.resolve('@nestjs/swagger')).resolve('swagger-ui-dist/package.json'))

const page = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>API of Throughline</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <noscript>This page needs JavaScript. The same description is at <a href="/api/openapi.json">/api/openapi.json</a>.</noscript>
  <script src="/api/docs/swagger-ui-bundle.js"></script>
  <script src="/api/docs/start.js"></script>
</body>
</html>
`

const start = `window.ui = SwaggerUIBundle({ url: '/api/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null })
`

/**
 * Of this one page. The stock page around Swagger UI has scripts and styles within it; ours has none, so nothing is relaxed but
 * the pictures: the stylesheet of Swagger UI holds its icons itself.
 */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join(';')

export function serveDescription(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance()
  let description: string | undefined
  fastify.get('/api/openapi.json', (_request, reply) => {
    description ??= JSON.stringify(describeApi(app))
    return reply.type('application/json; charset=utf-8').send(description)
  })
  fastify.get('/api/docs', (_request, reply) =>
    reply.header('content-security-policy', contentPolicy).type('text/html; charset=utf-8').send(page),
  )
  fastify.get('/api/docs/start.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(start))
  for (const [file, type] of [
    ['swagger-ui.css', 'text/css'],
    ['swagger-ui-bundle.js', 'text/javascript'],
  ] as const) {
    fastify.get(`/api/docs/${file}`, (_request, reply) =>
      reply.type(`${type}; charset=utf-8`).send(createReadStream(join(swaggerUi, file))),
    )
  }
}
