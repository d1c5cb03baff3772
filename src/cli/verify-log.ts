/** npm run verify -- log: the events of the store compared, one by one, with the evidence log and whatever heads were kept elsewhere. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EvidenceFile, evidenceFileName, openForReading } from '../evidence/evidence-file.ts'
import { coveredCategories } from '../evidence/evidence-follower.ts'
import { verifyEvents, type EventVerdict, type VerifiedEvents } from '../evidence/event-verification.ts'
import { verifyLog, type VerifiedLog } from '../evidence/log-verification.ts'
import { verifierKeysIn } from '../evidence/signing-keys.ts'
import { parseVerifierKey } from '../evidence/signed-note.ts'
import type { Config } from '../runtime/config.ts'
import { storedEvents } from '../runtime/stored-events.ts'
import { progressBar, UsageError } from './terminal.ts'

export interface LogVerification {
  readonly json?: boolean
  /** Files with signed heads of the log that were kept elsewhere. */
  readonly checkpoint?: readonly string[]
  /** Verifier keys that are trusted instead of those beside the private key. */
  readonly key?: readonly string[]
  /** A file with the ids of keys that were destroyed, and the streams that were removed, under an authority: one a line. */
  readonly erased?: string
}

/** Each event is one of these, said in the order in which somebody who looks for damage wants to read them. */
const verdictsInWords: Readonly<Record<EventVerdict, string>> = {
  ok: 'as recorded',
  altered: 'ALTERED',
  missing: 'MISSING',
  extra: 'EXTRA',
  reordered: 'REORDERED',
  'erased-authorised': 'erased under an authority',
  'not-yet-covered': 'not covered yet',
}

/**
 * Prints what is found.
 * @returns whether every event is as recorded, and the log as signed
 */
export async function verifyEvidence(config: Config, options: LogVerification): Promise<boolean> {
  const path = join(config.dataDir, evidenceFileName)
  if (!existsSync(path))
    throw new UsageError(`There is no evidence log in ${config.dataDir}. The app makes it when it runs: npm start.`)
  const file = new EvidenceFile(openForReading(path))
  try {
    const trusted = options.key ? options.key.map(keyFrom) : verifierKeysIn(config.keysDir)
    if (trusted.length === 0)
      throw new UsageError(`There is no public key of the log in ${config.keysDir}. Give it: --key NAME+ID+KEY.`)
    const log = verifyLog(file, trusted, options.checkpoint?.map(textOf))
    const bar = progressBar('Verifying', file.head()?.size ?? 0)
    const erased = new Set(
      options.erased
        ? textOf(options.erased)
            .split('\n')
            .flatMap((line) => line.trim() || [])
        : [],
    )
    const events = await verifyEvents(file, log, storedEvents(config, coveredCategories), {
      erased,
      onProgress: (done) => bar.update(done),
    })
    bar.end()
    process.stdout.write(options.json ? `${JSON.stringify(asJson(log, events))}\n` : inWords(log, events))
    return log.verdict === 'ok' && events.findings.length === 0
  } finally {
    file.close()
  }
}

const asJson = ({ verdict, problems, head, unsigned }: VerifiedLog, { counts, findings }: VerifiedEvents) => ({
  log: {
    verdict,
    problems,
    head: head && { origin: head.origin, size: head.size, root: head.root.toString('base64') },
    unsigned,
  },
  events: counts,
  findings,
})

function inWords(log: VerifiedLog, { counts, findings }: VerifiedEvents): string {
  const verdicts = Object.entries(verdictsInWords) as [EventVerdict, string][]
  const lines = verdicts.flatMap(([verdict, words]) =>
    verdict === 'ok' || counts[verdict] > 0 ? `${String(counts[verdict]).padStart(9)} events ${words}` : [],
  )
  for (const { verdict, stream, revision, index, foundAt, why } of findings) {
    const leaf = index === undefined ? '' : `, entry ${index} of the log`
    const found = foundAt ? `; found at revision ${foundAt.revision} of ${foundAt.stream}` : ''
    lines.push(`${verdictsInWords[verdict]}: revision ${revision} of ${stream}${leaf}: ${why}${found}`)
  }
  const head = log.head
    ? `${log.head.size} entries of ${log.head.origin}, root ${log.head.root.toString('base64')}`
    : ''
  lines.push(log.verdict === 'ok' ? `The log is as signed: ${head}` : `The log is NOT TO BE TRUSTED (${log.verdict})`)
  lines.push(...log.problems.map((problem) => `    ${problem}`))
  return `${lines.join('\n')}\n`
}

function keyFrom(text: string) {
  try {
    return parseVerifierKey(text)
  } catch {
    throw new UsageError(`"${text}" is no verifier key: it should look like NAME+1a2b3c4d+BASE64.`)
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`)
  }
}
