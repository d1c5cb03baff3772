/** Synthetic groups: when each session is held, who was meant to be in the room and who was. Nobody here is real. */
import { LRUCache } from 'lru-cache'
import { msInDay } from '../domain/calendar.ts'
import { Chance } from './chance.ts'

/** Days are counted from 1 January 1970, so that they can be added to. */
export type DayNumber = number

/** Facilitators as the log writes them: staff codes with `;` between. */
export interface Room {
  planned: string
  actual: string
}

export interface GroupSession extends Room {
  on: DayNumber
}

export interface Group {
  name: string
  provider: string
  startsOn: DayNumber
  /** The group sessions (F1–R6) by name; one-to-ones are arranged with each participant. */
  sessions: ReadonlyMap<string, GroupSession>
  /** The contract changed hands while the group ran, and everyone in it went with it. */
  handover: { on: DayNumber; to: string } | null
  /** Who sees a participant alone during a module: usually one of its pair, sometimes whoever could. */
  oneToOne(module: number, chance: Chance): Room
}

export const providers = ['North', 'East', 'South', 'West'] as const

/** The four modules of Building Better Relationships: Foundation, My Thinking, My Emotions, My Relationships. */
export const modules = ['F', 'T', 'E', 'R'] as const
const sessionsInModule = 6

/** Up to twelve men may be allocated to a group. */
export const placesInGroup = 12

/** Our assumption: three to five facilitators work with a group, and in a quarter of sessions the pair is not the one planned. */
const standInRate = 0.25

/** The groups of an area, made when first asked for. The same seed always makes the same groups. */
export class GroupTimetable {
  private readonly seed: number
  private readonly firstStart: DayNumber
  private readonly daysBetweenStarts: number
  private readonly staff: number
  /** A thousand groups are remembered; any other can be made again. */
  private readonly recent = new LRUCache<number, Group>({ max: 1000 })

  constructor(options: { seed: number; firstStart: DayNumber; daysBetweenStarts: number }) {
    this.seed = options.seed
    this.firstStart = options.firstStart
    this.daysBetweenStarts = options.daysBetweenStarts
    // A group runs for some six months and a facilitator carries two or three at a time.
    this.staff = Math.max(12, Math.ceil((180 / options.daysBetweenStarts) * 1.6))
  }

  /** The number of the first group that starts on the day or later. */
  firstFrom(day: DayNumber): number {
    let number = Math.max(0, Math.floor((day - this.firstStart) / this.daysBetweenStarts))
    while (this.startOf(number) < day) number++
    return number
  }

  startOf(number: number): DayNumber {
    return this.firstStart + Math.floor(number * this.daysBetweenStarts)
  }

  group(number: number): Group {
    const known = this.recent.get(number)
    if (known) return known
    const made = this.makeGroup(number)
    this.recent.set(number, made)
    return made
  }

  /** Anyone who records things: facilitators and office staff alike have a code. */
  anyone(chance: Chance): string {
    return staffCode(chance.between(1, this.staff + 4))
  }

  private makeGroup(number: number): Group {
    const chance = new Chance(this.seed, number, 71)
    const team = new Set<string>()
    for (const size = chance.between(3, 5); team.size < size;) team.add(staffCode(chance.between(1, this.staff)))
    const members = [...team]
    const standIn = (pair: readonly string[]) => {
      const others = members.filter((code) => !pair.includes(code))
      return chance.happens(0.7) ? chance.pick(others) : staffCode(this.staff + chance.between(1, 4))
    }

    const startsOn = this.startOf(number)
    const rhythm = chance.weighted([[[7, 7], 55] as const, [[3, 4], 45] as const])
    const sessions = new Map<string, GroupSession>()
    const pairs: (readonly [string, string])[] = []
    let on = startsOn
    let pair = [members[0]!, members[1]!] as const
    modules.forEach((module, index) => {
      // Rotas change between modules, not within them.
      if (index > 0 && chance.happens(0.3)) pair = [chance.pick(members.filter((code) => code !== pair[1])), pair[1]]
      pairs.push(pair)
      for (let session = 1; session <= sessionsInModule; session++) {
        while (overChristmas(on)) on += 7
        const swapped = chance.between(0, 1)
        const there = chance.happens(standInRate)
          ? pair.map((code, place) => (place === swapped ? standIn(pair) : code))
          : pair
        sessions.set(`${module}${session}`, { on, planned: pair.join(';'), actual: there.join(';') })
        on += rhythm[session % 2]!
      }
      on += 7 // the week of one-to-ones
    })

    const provider = chance.pick(providers)
    const handedOver = chance.happens(0.08)
    return {
      name: `G${String(number + 1).padStart(3, '0')}`,
      provider,
      startsOn,
      sessions,
      handover: handedOver
        ? { on: chance.between(startsOn, on), to: chance.pick(providers.filter((other) => other !== provider)) }
        : null,
      oneToOne(module, own) {
        const planned = own.pick(pairs[module]!)
        const others = members.filter((code) => code !== planned)
        return { planned, actual: own.happens(standInRate) ? own.pick(others) : planned }
      },
    }
  }
}

/** Written once and shared: a log of a million records holds very few different codes. */
const staffCodes: string[] = []
const staffCode = (number: number) => (staffCodes[number] ??= `F${String(number).padStart(3, '0')}`)

/** From 22 December to 2 January there are no groups. */
function overChristmas(day: DayNumber): boolean {
  const date = new Date(day * msInDay)
  return date.getUTCMonth() === 11 ? date.getUTCDate() >= 22 : date.getUTCMonth() === 0 && date.getUTCDate() <= 2
}
