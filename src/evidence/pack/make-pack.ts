/** Makes an evidence pack: gathers it, records that it was made, and only then hands it out. */
import { createHash } from 'node:crypto'
import type { EvidencePackEvent, PackReason } from '../../domain/evidence-pack.ts'
import type { Actor, Source } from '../../domain/history.ts'
import type { Config } from '../../runtime/config.ts'
import type { EvidenceFile } from '../evidence-file.ts'
import { verifierKeysIn } from '../signing-keys.ts'
import { gatherPack, type PackSources } from './gather-pack.ts'
import type { EvidencePack, PackScope } from './pack-format.ts'
import { eventLines, zipPack } from './pack-zip.ts'

export interface PackOrder {
  readonly scope: PackScope
  readonly knownOn: string | null
  readonly withPersonalFields: boolean
  /** What it is made for, where somebody was asked. */
  readonly reason?: PackReason | undefined
  readonly by: Actor
  readonly source: Source
  readonly commandId: string
}

/** What a pack is made with. A runtime has all of it; its making is recorded by the one command that it needs. */
export interface PackMaking {
  readonly store: PackSources['store']
  readonly vault: PackSources['vault']
  readonly config: Pick<Config, 'keysDir' | 'witness'>
  readonly commands: {
    readonly evidencePacks: {
      record(
        packId: string,
        commandId: string,
        data: EvidencePackEvent['data'],
        issuer: { readonly by: Actor; readonly source: Source; readonly recordedAt: string },
      ): Promise<unknown>
    }
  }
}

/**
 * @param file the evidence log, level with the event store
 * @throws PackRefused, and StoreUnavailable where its making could not be recorded
 */
export async function makePack(
  { store, vault, config, commands }: PackMaking,
  file: EvidenceFile,
  { scope, knownOn, withPersonalFields, reason, by, source, commandId }: PackOrder,
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
  const bytes = await zipPack(pack)
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
      ...(reason && { reason }),
    },
    { by, source, recordedAt: pack.madeAt },
  )
  return { bytes, pack }
}

function subjectOf(scope: PackScope): string {
  if (scope.of === 'journey') return scope.stream.slice(scope.stream.indexOf('-') + 1)
  if (scope.of === 'group' || scope.of === 'register') return scope.name
  return scope.of === 'days' ? `${scope.from}/${scope.to}` : ''
}
