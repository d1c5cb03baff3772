/** Which cases are withheld from somebody. The one place that decides; where it cannot be known, nothing is shown. */
import { setTimeout as pause } from 'node:timers/promises'
import { dayOf, type Day } from '../domain/calendar.ts'
import type { Actor } from '../domain/history.ts'
import { isInForce, limitKinds, type AccessLimit } from '../domain/limited-access.ts'
import { isRole, roles } from './policy.ts'

/** By participant, the limits on who may see his case; null where they cannot be read. */
export type KnownLimits = ReadonlyMap<string, readonly AccessLimit[] | null>

/** Knows the limits that hold now. */
export interface LimitsSource {
  /** Rejects, or takes its time, where it does not know. */
  known(): Promise<KnownLimits>
}

/** Knows whose work elsewhere shuts him out from a case. */
export interface KeptApart {
  /** The participants whose case is not for somebody, whatever limits there are. Rejects where that is not known. */
  keptFrom(actorId: string): Promise<ReadonlySet<string>>
}

/** Nobody is shut out. */
const nobodyApart: KeptApart = { keptFrom: async () => new Set() }

/** The role whose work it is that {@link KeptApart} knows of: it reads no case anyway. */
const apartAs = 'partner_safety_worker'

/** Who may see a case could not be found out, so nothing is shown. */
export class ReachUnknown extends Error {
  constructor(options?: ErrorOptions) {
    super('Who may see a case could not be found out, so nothing is shown.', options)
    this.name = 'ReachUnknown'
  }
}

export class Reach {
  constructor(
    private readonly source: LimitsSource,
    private readonly apart: KeptApart = nobodyApart,
  ) {}

  /** How long the look-up may take, in milliseconds. */
  get patienceMs(): number {
    return 2_000
  }

  /**
   * The participants whose case is withheld from somebody.
   * @throws ReachUnknown where the source fails, does not answer in time or answers what cannot be
   */
  async withheldFrom(asker: Pick<Actor, 'id' | 'role'>): Promise<ReadonlySet<string>> {
    const known = await this.known()
    const today = dayOf(new Date().toISOString())
    const withheld = new Set(asker.role === apartAs ? [] : await this.keptApartFrom(asker.id))
    for (const [participantId, limits] of known) if (isWithheld(limits, asker, today)) withheld.add(participantId)
    return withheld
  }

  /**
   * The participants whose exclusions name somebody, or whose limits cannot be read. A restriction to others is none.
   * @throws ReachUnknown as {@link withheldFrom}
   */
  async excludedFrom({ id }: Pick<Actor, 'id'>): Promise<ReadonlySet<string>> {
    const today = dayOf(new Date().toISOString())
    const excluded = new Set<string>()
    for (const [participantId, limits] of await this.known()) {
      const named = { id, role: '' }
      const exclusions = limits?.filter?.((limit) => limit.kind !== 'restriction') ?? null
      if (isWithheld(exclusions, named, today)) excluded.add(participantId)
    }
    return excluded
  }

  private async keptApartFrom(actorId: string): Promise<ReadonlySet<string>> {
    try {
      return await this.apart.keptFrom(actorId)
    } catch (error) {
      throw new ReachUnknown({ cause: error })
    }
  }

  private async known(): Promise<KnownLimits> {
    const waiting = new AbortController()
    try {
      const late = pause(this.patienceMs, null, { signal: waiting.signal }).then(() => {
        throw new Error('The limits were not known in time.')
      })
      const known = await Promise.race([this.source.known(), late])
      if (!(known instanceof Map)) throw new TypeError('The limits are no map of participants.')
      return known as KnownLimits
    } catch (error) {
      throw new ReachUnknown({ cause: error })
    } finally {
      waiting.abort()
    }
  }
}

/**
 * Whether a case is withheld from somebody. Of several restrictions each must name him. Limits that cannot be read, or that are
 * not what limits are, withhold the case from everybody.
 */
export function isWithheld(
  limits: readonly AccessLimit[] | null,
  { id, role }: Pick<Actor, 'id' | 'role'>,
  today: Day,
): boolean {
  if (!Array.isArray(limits) || !limits.every(isLimit)) return true
  const inForce = (limits as readonly AccessLimit[]).filter((limit) => isInForce(limit, today))
  return inForce.some(({ kind, people }) =>
    kind === 'exclusion' ? people.includes(id) : !people.includes(id) && !isAlwaysNamed(role),
  )
}

/** A restriction never shuts out those who look after restrictions: otherwise nobody might be left to lift it. */
const isAlwaysNamed = (role: string): boolean => isRole(role) && 'isAlwaysNamed' in roles[role]

function isLimit(limit: Partial<AccessLimit> | null | undefined): limit is AccessLimit {
  return (
    typeof limit === 'object' &&
    limit !== null &&
    Object.hasOwn(limitKinds, limit.kind ?? '') &&
    Array.isArray(limit.people) &&
    typeof limit.until === 'string' &&
    limit.lifted !== undefined
  )
}
