/** Who asks, known wherever a question is answered, so that no question can be answered without it having been looked at. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Actor } from '../domain/history.ts'
import { SignedOut } from './policy.ts'

const askers = new AsyncLocalStorage<Actor | null>()

/** Whatever is done meanwhile, and whatever comes of it later, is done for this person. @param asker null for nobody */
export const askingAs = <T>(asker: Actor | null, meanwhile: () => T): T => askers.run(asker, meanwhile)

/** @throws SignedOut where nobody is known to ask: then nothing about anybody is answered */
export function whoAsks(): Actor {
  const asker = askers.getStore()
  if (!asker) throw new SignedOut('none')
  return asker
}
