/** The routes of the pages, as their controllers declare them. */
import 'reflect-metadata'
import { RequestMethod } from '@nestjs/common'
import { ModulesContainer } from '@nestjs/core'
import type { Served } from './served.ts'

export interface DeclaredRoute {
  readonly method: 'GET' | 'POST'
  /** With parameters as `:name`. */
  readonly path: string
  /** Its answer is an event stream, which does not end. */
  readonly isStream: boolean
}

/** Every route that a controller declares, but for those of the API. */
export function declaredRoutes({ app }: Pick<Served, 'app'>): readonly DeclaredRoute[] {
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
      if (method !== 'GET' && method !== 'POST') return []
      const paths = parts(handler).map((own) => `/${[...parts(metatype as object), own].filter(Boolean).join('/')}`)
      return paths.filter((path) => !/^\/api(?:\/|$)/.test(path)).map((path) => ({ method, path, isStream }) as const)
    })
  })
}

/** Those that answer people: not the metrics, the evidence log or signing out, and no stream. */
export const pageRoutes = (served: Pick<Served, 'app'>): readonly DeclaredRoute[] =>
  declaredRoutes(served).filter(
    ({ path, isStream }) => !isStream && !/^\/(?:metrics|evidence|sign-out)(?:\/|$)/.test(path),
  )
