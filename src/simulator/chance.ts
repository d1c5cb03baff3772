/** Seeded chance: the same keys always tell the same story, and neighbouring keys tell unrelated ones. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export class Chance {
  private readonly generator

  /** For instance the log's seed and the number of a journey in it: each journey then has a chance of its own. */
  constructor(...keys: number[]) {
    // Near seeds give near first draws, so the keys are stirred well before use.
    this.generator = xoroshiro128plus(keys.reduce(stir, 0x9e3779b9))
  }

  /** From 0 up to but not including 1. */
  unit(): number {
    return (this.generator.next() >>> 0) / 0x1_0000_0000
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1))
  }

  happens(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.unit() * choices.length)]!
  }

  /** One of the choices, each as likely as its weight; the weights need not add up to anything. */
  weighted<T>(choices: readonly (readonly [T, number])[]): T {
    let left = this.unit() * choices.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [choice, weight] of choices) if ((left -= weight) < 0) return choice
    return choices[choices.length - 1]![0]
  }

  /** Log-normal: half below the median, with a long tail. */
  logNormal(median: number, sigma: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit())
    return median * Math.exp(sigma * normal)
  }
}

/** The finaliser of MurmurHash3: every bit of a key touches every bit of the seed. */
function stir(seed: number, key: number): number {
  let mixed = Math.imul(seed ^ (key | 0), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
