/** A register as evidence: its rows in words, each with the events that it rests on. */
import { registerWords } from './register-words.ts'
import type { AuditRow, RegisterFilter, RegisterName, Registers } from './registers.ts'

/** One row, as a pack carries it: src/evidence/pack/pack-format.ts says what each member means. */
interface EvidencedRow {
  readonly stream: string
  readonly revision: number
  readonly eventId: string
  readonly type: string
  readonly occurredOn: string
  readonly recordedAt: string
  readonly by: string
  readonly says: string
  readonly span: string
  readonly alsoRestsOn: readonly number[]
}

/** What an evidence pack of a register is made of: the register as it stands now. */
export interface RegisterEvidence {
  readonly of: 'register'
  readonly name: RegisterName
  readonly title: string
  readonly meaning: string
  readonly from: string | null
  readonly to: string | null
  readonly by: string | null
  readonly rows: readonly EvidencedRow[]
}

/** @param mostRows how many are read at most: one more than a pack can hold is refused there without reading the rest */
export async function registerEvidence(
  registers: Pick<Registers, 'all' | 'endingsOf'>,
  name: RegisterName,
  filter: RegisterFilter,
  mostRows: number,
): Promise<RegisterEvidence> {
  const words = registerWords[name]
  const rows: EvidencedRow[] = []
  for await (const some of registers.all(name, filter)) {
    const endings =
      name === 'recategorised-outcomes' ? await registers.endingsOf(some.flatMap(({ journeyIds }) => journeyIds)) : null
    rows.push(
      ...some.map((row) => ({
        stream: row.stream,
        revision: row.revision,
        eventId: row.eventId,
        type: row.type,
        occurredOn: row.occurredOn,
        recordedAt: row.recordedAt,
        by: row.by,
        says: words.says(row),
        span: `${words.span.heading}: ${words.span.of(row)}`,
        alsoRestsOn: restsOn(row, endings?.get(row.journeyIds[0] ?? '') ?? []),
      })),
    )
    if (rows.length > mostRows) break
  }
  const { title, meaning } = words
  return { of: 'register', name, title, meaning, from: filter.from ?? null, to: filter.to ?? null, by: filter.by ?? null, rows } // prettier-ignore
}

/** Beside its own event: what it corrects or withdraws, what took it back, and the last ending recorded before it. */
function restsOn({ revision, about, takenBackBy }: AuditRow, endings: readonly number[]): number[] {
  const ending = endings.findLast((one) => one < revision) ?? null
  const others = [about, takenBackBy, ending].filter((one) => one !== null)
  return [...new Set(others)].toSorted((one, other) => one - other)
}
