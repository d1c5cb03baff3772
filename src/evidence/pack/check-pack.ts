/** Checks a zip that somebody hands in: its events against the signed log, and every other file in it against its events. */
import type { EvidencePack } from './pack-format.ts'
import { packInPage } from './pack-page.ts'
import { derivedFiles, unzipPack } from './pack-zip.ts'
import { verifyPack, type PackVerdict } from './verification.ts'

export interface CheckedPack {
  readonly pack: EvidencePack
  readonly verdict: PackVerdict
  /** Files that do not say what the events say, each with what is wrong with it. */
  readonly files: readonly string[]
  readonly isProven: boolean
}

/**
 * @param trustedKey the verifier key of the log as it is known from elsewhere; without it the pack's own is believed
 * @throws PackRefused where it is no evidence pack
 */
export function checkPack(bytes: Uint8Array, trustedKey?: string): CheckedPack {
  const { pack, page, others } = unzipPack(bytes)
  const verdict = verifyPack(pack, trustedKey)
  const files: string[] = []
  if (JSON.stringify(packInPage(page)) !== JSON.stringify(pack))
    files.push('report.html carries other evidence than the pack')
  const derived = new Map(Object.entries(derivedFiles(pack)))
  for (const [name, text] of derived) {
    const found = others.get(name)
    if (found === undefined) files.push(`${name} is missing`)
    else if (found !== text) files.push(`${name} was altered`)
  }
  for (const name of others.keys()) if (!derived.has(name)) files.push(`${name} does not belong here`)
  return { pack, verdict, files, isProven: verdict.isProven && files.length === 0 }
}
