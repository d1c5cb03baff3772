/** A contact log sent through a page: checked first, and imported by a second, deliberate step. */
import {
  Body,
  Controller,
  Get,
  NotFoundException,
  Param,
  PayloadTooLargeException,
  Post,
  Req,
  Res,
} from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { addedColumns } from '../../exchange/contact-log-file.ts'
import { columns, whatIsExpected } from '../../exchange/contact-log.ts'
import { UploadedImports, type UploadedImport } from '../../exchange/uploaded-imports.ts'
import type { ReceivedFile } from './receive-files.ts'
import { oddities, oddityCodes } from '../../domain/journey/oddities.ts'

@RequiresPermission('record')
@Controller('import')
export class ImportController {
  constructor(private readonly uploads: UploadedImports) {}

  @Get()
  choose(@Res() reply: FastifyReply) {
    return reply.view('import/choose.njk', {})
  }

  /** A file with the header of a contact log and nothing else, to be filled in. */
  @Get('template.csv')
  template(@Res() reply: FastifyReply) {
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="contact-log.csv"')
      .send(`${columns.join()}\r\n`)
  }

  @Post()
  async check(@Body() { file }: { file?: ReceivedFile }, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    if (file?.tooLarge) throw new PayloadTooLargeException()
    if (!file || (file.bytes === 0 && file.name === ''))
      return reply.status(400).view('import/choose.njk', { problem: 'Select a contact log' })
    if (file.bytes === 0) return reply.status(400).view('import/choose.njk', { problem: 'The selected file is empty' })
    const by = whoIsAsking(request)
    if (this.uploads.isBusyFor(by)) return reply.status(409).view('import/choose.njk', { problem: stillBusy })
    const { id } = this.uploads.check(file.keep(), file.name, by)
    return reply.redirect(`/import/${id}`, 303)
  }

  @Get(':upload')
  show(@Param('upload') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return reply.view('import/upload.njk', { ...viewOf(this.find(id, request)) })
  }

  @Post(':upload')
  import(@Param('upload') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const upload = this.find(id, request)
    this.uploads.import(upload)
    return reply.redirect(`/import/${upload.id}`, 303)
  }

  @Get(':upload/rejects.csv')
  rejects(@Param('upload') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const rejects = this.uploads.rejects(this.find(id, request))
    if (!rejects) throw new NotFoundException()
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="rejected-records.csv"')
      .send(rejects)
  }

  private find(id: string, request: FastifyRequest): UploadedImport {
    const upload = this.uploads.find(id, whoIsAsking(request))
    if (!upload) throw new NotFoundException()
    return upload
  }
}

const stillBusy =
  'Another file of yours is still being checked or imported. Wait until that has ended, then send this one'

function viewOf(upload: UploadedImport) {
  const { result } = upload
  return {
    upload,
    running: upload.state === 'checking' || upload.state === 'importing',
    totals: result?.totals,
    odd: oddityCodes.flatMap((code) => {
      const count = result?.oddities[code]
      return count ? [{ text: oddities[code], count }] : []
    }),
    blank: result?.blank,
    leftOut: result?.leftOut,
    reasons: Object.entries(result?.totals.rejected_by_reason ?? {}).map(([reason, count]) => ({
      reason,
      count,
      ...whatIsExpected(reason),
    })),
    addedColumns: addedColumns.join(', '),
  }
}
