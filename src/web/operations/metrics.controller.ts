import { Controller, Get, Inject, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Registry } from 'prom-client'
import { Public } from '../../access/permission.guard.ts'
import { Scrapers } from '../../access/scrapers.ts'

/** Public to the guard: a scraper signs in nowhere, and Scrapers decides who may read. */
@Public()
@Controller('metrics')
export class MetricsController {
  constructor(
    @Inject(Registry) private readonly registry: Registry,
    private readonly scrapers: Scrapers,
  ) {}

  @Get()
  async tell(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const no = this.scrapers.refuse({ from: request.ip, headers: request.headers })
    if (no) return reply.status(no.status).headers(no.headers).type('text/plain; charset=utf-8').send(`${no.why}\n`)
    return reply.type(this.registry.contentType).send(await this.registry.metrics())
  }
}
