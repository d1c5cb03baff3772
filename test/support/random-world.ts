/** What random requests are about. It is made anew from time to time, so that no history grows with the number of requests. */
import type { Runtime } from '../../src/runtime/runtime.ts'
import { groupOf } from '../process/support.ts'

/** How many requests are about the same journeys, group and sessions. */
const requestsAWorld = 150

/** The ids that stand for the parameter of a route, by the parameter's name. */
export type World = Readonly<Record<string, readonly [string, ...string[]]>>

export class RandomWorlds {
  private asked = 0
  private world!: World

  /** @param naming the parameters of the routes, by what they stand for */
  constructor(
    private readonly runtime: Runtime,
    private readonly naming: (made: Awaited<ReturnType<typeof groupOf>>) => World | Promise<World>,
  ) {}

  /** The world of the next request. */
  async next(): Promise<World> {
    if (this.asked % requestsAWorld === 0) {
      const code = `G${1_000 + this.asked / requestsAWorld}`
      this.world = await this.naming(await groupOf(this.runtime.commands, code, 2, ['F1', 'F2', 'F3', 'F4']))
    }
    this.asked++
    return this.world
  }
}

/** An address of a route, its parameters filled with ids of the world, or with something that is none. */
export function addressOf(path: string, world: World, which: number, strange: string | null): string {
  return path.replace(/:(\w+)/g, (_whole, name: string) => {
    const ids = world[name]
    if (strange !== null || !ids) return strange ?? '1'
    return ids[which % ids.length]!
  })
}
