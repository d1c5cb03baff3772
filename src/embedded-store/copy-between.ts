/** `store copy` between two addresses: what keeps one of them from being used is said in a sentence, without its password. */
import { clientOf, reach } from '../event-store/connection.ts'
import { StoreUnavailable, storeErrorFrom } from '../event-store/store-errors.ts'
import { compareEvents, copyEvents, type CopyReport } from './copy.ts'

interface CopyOptions {
  /** Compare only, copy nothing. */
  readonly proveOnly: boolean
  /** Called after each append with the number of events copied. */
  readonly onProgress: (events: number) => void
}

/**
 * @returns what was copied, null where nothing was to be; and how many events are equal on both servers afterwards
 * @throws BadConnectionString, ConnectionProblem; StoreUnavailable where a server went away in the middle and is there again
 */
export async function copyBetween(
  fromUrl: string,
  toUrl: string,
  { proveOnly, onProgress }: CopyOptions,
): Promise<{ copied: CopyReport | null; equal: number }> {
  const servers = [
    { url: fromUrl, setting: 'the address to copy from' },
    { url: toUrl, setting: 'the address to copy to' },
  ].map(({ url, setting }) => ({ url, setting, client: clientOf(url, setting) }))
  const [{ client: from }, { client: to }] = servers as [(typeof servers)[0], (typeof servers)[0]]
  const reachBoth = async () => {
    for (const { client, url, setting } of servers) await reach(client, url, setting)
  }
  try {
    await reachBoth()
    try {
      const copied = proveOnly ? null : await copyEvents(from, to, onProgress)
      return { copied, equal: await compareEvents(from, to) }
    } catch (failure) {
      const error = storeErrorFrom(failure)
      if (!(error instanceof StoreUnavailable)) throw error
      await reachBoth()
      throw new StoreUnavailable(
        { cause: failure },
        'A server went away in the middle. Run the same command again: it goes on.',
      )
    }
  } finally {
    for (const { client } of servers) void client.dispose().catch(() => undefined)
  }
}
