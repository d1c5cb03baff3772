/** How every bench reports: rows of figures with the baseline of the same run, as a table or as JSON. */
import { cpus, totalmem } from 'node:os'

export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What it is measured against in the same run; null where the figure stands alone. */
  readonly baseline: number | null
  readonly ratio: number | null
  readonly target: string
  readonly ok: boolean
}

export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`

export function printRows(rows: readonly BenchRow[], json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`)
    return
  }
  const cells = rows.map((row) => [
    row.name,
    `${round(row.value)} ${row.unit}`,
    row.baseline === null ? '' : `${round(row.baseline)} ${row.unit}`,
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.target,
    row.target === '' ? '' : row.ok ? 'held' : 'MISSED',
  ])
  const table = [['figure', 'value', 'baseline', 'ratio', 'target', ''], ...cells]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)))
  for (const line of table)
    process.stdout.write(
      `${line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}\n`,
    )
}

const round = (value: number) => (value >= 100 ? Math.round(value).toLocaleString('en-GB') : value.toFixed(1))
