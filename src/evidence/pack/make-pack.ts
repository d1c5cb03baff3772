/** Makes an evidence pack: gathers it, records that it was made, and only then hands it out. */
import { createHash } from 'node:crypto'
import type { Actor, Source } from '../../domain/history.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { EvidenceFile } from '../evidence-file.ts'
import { verifierKeysIn } from '../signing-keys.ts'
import { gatherPack } from './gather-pack.ts'
import type { EvidencePack, PackScope } from './pack-format.ts'
import { eventLines, zipPack } from './pack-zip.ts'

export interface PackOrder {
  readonly scope: PackScope
  readonly knownOn: string | null
  readonly withPersonalFields: boolean
  readonly by: Actor
  readonly source: Source
  readonly commandId: string
}

/**
 * @param file the evidence log, level with the event store
 * @throws PackRefused, and StoreUnavailable where its making could not be recorded
 */
export async function makePack(
  { store, vault, config, commands }: Pick<Runtime, 'store' | 'vault' | 'config' | 'commands'>,
  file: EvidenceFile,
  { scope, knownOn, withPersonalFields, by, source, commandId }: PackOrder,
): Promise<{ readonly bytes: Uint8Array; readonly pack: EvidencePack }> {
  const pack = await gatherPack(
    { scope, knownOn, withPersonalFields, madeBy: by.id },
    {
      store,
      vault,
      file,
      logKeys: verifierKeysIn(config.keysDir).map(({ text }) => text),
      witnessKeys: config.witness ? [config.witness.key] : [],
    },
  )
  const bytes = zipPack(pack)
  await commands.evidencePacks.record(
    pack.id,
    commandId,
    {
      scope: scope.of,
      of: subjectOf(scope),
      events: pack.events.length,
      logSize: file.latestCheckpoint()!.size,
      digest: createHash('sha256').update(eventLines(pack.events)).digest('hex'),
      personalFields: withPersonalFields,
    },
    { by, source, recordedAt: pack.madeAt },
  )
  return { bytes, pack }
}

function subjectOf(scope: PackScope): string {
  if (scope.of === 'journey') return scope.stream.slice(scope.stream.indexOf('-') + 1)
  return scope.of === 'days' ? `${scope.from}/${scope.to}` : ''
}
