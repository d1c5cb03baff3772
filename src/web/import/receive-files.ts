/** Takes the files that the import page sends, onto the disk and never into memory, and removes what nobody keeps. */
import multipart from '@fastify/multipart'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { permit } from '../../access/policy.ts'
import { whoIsAsking } from '../../access/session.ts'
import { UploadedImports } from '../../exchange/uploaded-imports.ts'

/** What a handler finds in the body under the name of a file's field. */
export interface ReceivedFile {
  /** As its sender's machine calls it, without a path; empty where no file was chosen. */
  readonly name: string
  readonly bytes: number
  /** It was cut off at the limit. */
  readonly tooLarge: boolean
  /** The file is the handler's from now on. @returns its path */
  keep(): string
}

/** The largest contact log that is taken through a page, in bytes; the command at the terminal takes any. */
export const largestFile = 100 * 1024 * 1024

/** The addresses that take files. */
export const takesFiles = (url: string): boolean => url.split('?')[0] === '/import'

export async function receiveFiles(app: NestFastifyApplication): Promise<void> {
  const uploads = app.get(UploadedImports)
  const received = new WeakMap<object, Set<string>>()
  await app.register(multipart, {
    attachFieldsToBody: 'keyValues',
    throwFileSizeLimit: false,
    limits: { files: 1, fields: 5, fieldSize: 1_000, fileSize: largestFile, parts: 6 },
    async onFile(part) {
      const path = uploads.placeForFile()
      const paths = received.get(this) ?? new Set()
      received.set(this, paths.add(path))
      const out = createWriteStream(path, { flags: 'wx', mode: 0o600 })
      await pipeline(part.file, out)
      const file: ReceivedFile = {
        name: basename((part.filename as string | undefined)?.replaceAll('\\', '/') ?? ''),
        bytes: out.bytesWritten,
        tooLarge: part.file.truncated,
        keep() {
          paths.delete(path)
          return path
        },
      }
      ;(part as unknown as { value: ReceivedFile }).value = file
    },
  })
  const fastify = app.getHttpAdapter().getInstance()
  // The guard of the route comes after the body: without this, anybody could fill the disk with files that it then refuses.
  fastify.addHook('preParsing', async (request) => {
    if (takesFiles(request.url) && request.method === 'POST') permit(whoIsAsking(request), 'record')
  })
  const removeUnkept = async (request: object) => {
    for (const path of received.get(request) ?? []) await rm(path, { force: true })
  }
  fastify.addHook('onResponse', removeUnkept)
  fastify.addHook('onRequestAbort', removeUnkept)
}
