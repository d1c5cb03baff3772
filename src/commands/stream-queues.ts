/** One queue for each stream: what waits while something is written to a stream is taken together when that is done. */

interface Queue<T> {
  waiting: T[]
}

export class StreamQueues<T> {
  private readonly queues = new Map<string, Queue<T>>()

  /**
   * @param most how many are taken together at most
   * @param work settles all that it is given, whatever happens; it is never called for one stream while it runs for it
   */
  constructor(
    private readonly most: number,
    private readonly work: (stream: string, together: readonly T[]) => Promise<void>,
  ) {}

  add(stream: string, one: T): void {
    const queue = this.queues.get(stream)
    if (queue) return void queue.waiting.push(one)
    const begun: Queue<T> = { waiting: [one] }
    this.queues.set(stream, begun)
    void this.run(stream, begun)
  }

  private async run(stream: string, queue: Queue<T>): Promise<void> {
    while (queue.waiting.length > 0) await this.work(stream, queue.waiting.splice(0, this.most))
    this.queues.delete(stream)
  }
}
