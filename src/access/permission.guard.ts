/** Every route says who may use it; one that says nothing is refused to everybody. */
import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import type { Actor } from '../domain/history.ts'
import { Forbidden, isPermitted, whoIsAsking, type Permission } from './session.ts'

/** What a route declares: open to everybody, or all or one of some permissions. */
export type Posture = 'public' | { readonly all: readonly Permission[] } | { readonly oneOf: readonly Permission[] }

const POSTURE = 'throughline:posture'

const declare = (posture: Posture) => SetMetadata(POSTURE, posture)

/** Open to whoever can reach the address: nothing about anybody is answered. */
export const Public = () => declare('public')

/** For whoever has each of these permissions. On a method it takes the place of what its class declares. */
export const RequiresPermission = (...all: [Permission, ...Permission[]]) => declare({ all })

/** For whoever has one of these permissions; what each may see is then decided by what is asked for. */
export const RequiresOneOf = (...oneOf: [Permission, ...Permission[]]) => declare({ oneOf })

/** @returns undefined for a route that declares nothing */
export const postureOf = (reflector: Reflector, handler: object, controller: object): Posture | undefined =>
  reflector.getAllAndOverride<Posture | undefined>(POSTURE, [handler as never, controller as never])

/** Whether what a route declares lets somebody in; a route that declares nothing lets nobody in. */
export function admits(posture: Posture | undefined, asker: Actor): boolean {
  if (posture === undefined) return false
  if (posture === 'public') return true
  const may = (permission: Permission) => isPermitted(asker, permission)
  return 'all' in posture ? posture.all.every(may) : posture.oneOf.some(may)
}

@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  /** @throws Forbidden */
  canActivate(context: ExecutionContext): boolean {
    const posture = postureOf(this.reflector, context.getHandler(), context.getClass())
    if (!admits(posture, whoIsAsking(context.switchToHttp().getRequest<FastifyRequest>()))) throw new Forbidden()
    return true
  }
}
