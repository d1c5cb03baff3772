/** How fast something goes, from what was seen of it in the last few seconds. */

const bucketMs = 1_000

/** How many there were a second, lately. */
export class Throughput {
  private readonly buckets = new Map<number, number>()

  /** @param overSeconds how far back it looks */
  constructor(private readonly overSeconds = 10) {}

  add(count: number, now = Date.now()): void {
    const bucket = Math.floor(now / bucketMs)
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count)
    for (const old of this.buckets.keys()) {
      if (old > bucket - this.overSeconds) break
      this.buckets.delete(old)
    }
  }

  perSecond(now = Date.now()): number {
    const from = Math.floor(now / bucketMs) - this.overSeconds
    let count = 0
    for (const [bucket, counted] of this.buckets) if (bucket > from) count += counted
    return count / this.overSeconds
  }
}

/** How fast a position in the log moves on, from the times somebody looked at it. */
export class PositionThroughput {
  private looks: { readonly at: number; readonly position: bigint }[] = []

  /** @param forMs how long a look counts */
  constructor(private readonly forMs = 30_000) {}

  /** @returns positions a second; null until a second has passed between two looks, or where it began again */
  look(position: bigint, now = Date.now()): number | null {
    if (position < (this.looks.at(-1)?.position ?? position)) this.looks = []
    this.looks = this.looks.filter(({ at }) => at > now - this.forMs)
    this.looks.push({ at: now, position })
    const first = this.looks[0]!
    return now - first.at < 1_000 ? null : Number(position - first.position) / ((now - first.at) / 1_000)
  }
}
