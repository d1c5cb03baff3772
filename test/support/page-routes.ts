/** The routes of the pages, as their controllers declare them. */
import 'reflect-metadata'
import { RequestMethod } from '@nestjs/common'
import { ModulesContainer } from '@nestjs/core'
import type { Served } from './served.ts'

/** Those that answer people: not the API, the metrics, the evidence log or signing out, and no stream. */
export function pageRoutes({ app }: Served): readonly { method: 'GET' | 'POST'; path: string }[] {
  const controllers = [...app.get(ModulesContainer).values()].flatMap(({ controllers }) => [...controllers.values()])
  return controllers.flatMap(({ metatype }) => {
    const prototype = (metatype as { prototype: object }).prototype as Record<string, unknown>
    return Object.getOwnPropertyNames(prototype).flatMap((name) => {
      const handler = prototype[name] as object
      const method =
        name === 'constructor' ? undefined : RequestMethod[Reflect.getMetadata('method', handler) as number]
      const parts = (target: object) =>
        [(Reflect.getMetadata('path', target) as string | string[] | undefined) ?? '']
          .flat()
          .map((part) => part.replace(/^\/|\/$/g, ''))
      const isStream = Reflect.hasMetadata('__sse__', handler ?? {})
      if ((method !== 'GET' && method !== 'POST') || isStream) return []
      const paths = parts(handler).map((own) => `/${[...parts(metatype as object), own].filter(Boolean).join('/')}`)
      return paths
        .filter((path) => !/^\/(?:api|metrics|evidence|sign-out)(?:\/|$)/.test(path))
        .map((path) => ({ method, path }) as const)
    })
  })
}
