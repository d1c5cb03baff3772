/** Every route says who may use it; one that says nothing is refused to everybody. */
import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import type { Actor } from '../domain/history.ts'
import { owesConsultation } from './consulted.ts'
import { Forbidden, isPermitted, type Permission } from './policy.ts'
import { whoIsAsking } from './session.ts'

/** What a route declares: open to everybody, to whoever is signed in, or for all or one of some permissions. */
export type Posture =
  'public' | 'signed-in' | { readonly all: readonly Permission[] } | { readonly oneOf: readonly Permission[] }

const POSTURE = 'throughline:posture'

const declare = (posture: Posture) => SetMetadata(POSTURE, posture)

/** Open to whoever can reach the address: nothing about anybody is answered. */
export const Public = () => declare('public')

/** For whoever is signed in, as whatever: nothing is answered but what concerns himself. */
export const ForSignedIn = () => declare('signed-in')

/** For whoever has each of these permissions. On a method it takes the place of what its class declares. */
export const RequiresPermission = (...all: [Permission, ...Permission[]]) => declare({ all })

/** For whoever has one of these permissions; what each may see is then decided by what is asked for. */
export const RequiresOneOf = (...oneOf: [Permission, ...Permission[]]) => declare({ oneOf })

/** @returns undefined for a route that declares nothing */
export const postureOf = (reflector: Reflector, handler: object, controller: object): Posture | undefined =>
  reflector.getAllAndOverride<Posture | undefined>(POSTURE, [handler as never, controller as never])

/** Whether what a route declares lets somebody in who is signed in; a route that declares nothing lets nobody in. */
export function admits(posture: Posture | undefined, asker: Actor): boolean {
  if (posture === undefined) return false
  if (typeof posture === 'string') return true
  const may = (permission: Permission) => isPermitted(asker, permission)
  return 'all' in posture ? posture.all.every(may) : posture.oneOf.some(may)
}

/** The permission that is missing, to say who has it. */
function lacking(posture: Posture | undefined, asker: Actor): Permission | undefined {
  if (posture === undefined || typeof posture === 'string') return undefined
  const needed = 'all' in posture ? posture.all : posture.oneOf
  return needed.find((permission) => !isPermitted(asker, permission))
}

/** Whoever needs one of these permissions is shown somebody's record. */
const showRecords: readonly Permission[] = ['read', 'partner_safety']

const showsRecords = (posture: Posture | undefined): boolean =>
  typeof posture === 'object' && 'all' in posture && posture.all.some((one) => showRecords.includes(one))

@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  /** @throws SignedOut, Forbidden */
  canActivate(context: ExecutionContext): boolean {
    const posture = postureOf(this.reflector, context.getHandler(), context.getClass())
    if (posture === 'public') return true
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const asker = whoIsAsking(request)
    if (!admits(posture, asker)) throw new Forbidden(lacking(posture, asker))
    if (showsRecords(posture)) owesConsultation(request)
    return true
  }
}
