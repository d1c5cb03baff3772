/** A person's own saved views of registers and questions: kept, opened and deleted by nobody else. */
import { Body, Controller, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { mostSavedViews, SavedViews } from '../../access/saved-views.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { textIn } from './asked.ts'

/** What can be kept: a register or a question with what was asked of it, and no other place. */
const addressShape = /^\/(?:registers|questions)\/[a-z-]{1,60}(?:\?[\w=&%.+*-]{0,400})?$/

@RequiresPermission('review')
@Controller('registers/views')
export class SavedViewsController {
  constructor(private readonly views: SavedViews) {}

  @Post()
  async save(
    @Body() body: Readonly<Record<string, unknown>>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const [name, address] = [textIn(body, 'name'), textIn(body, 'address')]
    if (name === undefined || name.length > 100)
      throw new BadAddress(
        'The view has no name, or a very long one.',
        'Go back and enter a name of up to 100 characters.',
      )
    if (address === undefined || !addressShape.test(address))
      throw new BadAddress('That view cannot be saved.', 'Open a register or a question, and save it from there.')
    if (!(await this.views.save(whoIsAsking(request).id, name, address)))
      throw new BadAddress(`You have ${mostSavedViews} saved views.`, 'Delete one of them first.')
    return reply.redirect('/registers#views', 303)
  }

  @Post(':view/delete')
  async delete(@Param('view') view: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await this.views.delete(whoIsAsking(request).id, view)
    return reply.redirect('/registers#views', 303)
  }
}
