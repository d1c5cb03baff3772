/** One line of a legacy contact log, and how such lines are written to a file. */
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { columns, type Column } from '../exchange/contact-log.ts'
import { harmless } from '../exchange/reading/csv.ts'

/** One contact, in the columns and the order of the export. */
export type ContactRecord = Record<Column, string>

export { columns as contactLogColumns }

/** Writes records as CSV: byte-order mark, header, RFC 4180. Waits whenever the destination asks it to. */
export async function writeCsv(
  records: Iterable<ContactRecord>,
  to: Writable,
  options: { end?: boolean } = {},
): Promise<{ records: number }> {
  let count = 0
  function* counted() {
    for (const record of records) {
      count++
      yield record
    }
  }
  await pipeline(csvChunks(counted()), to, { end: options.end ?? true })
  return { records: count }
}

/** The whole log as one text, for logs small enough to hold. */
export function csvOf(records: Iterable<ContactRecord>): string {
  return [...csvChunks(records)].join('')
}

function* csvChunks(records: Iterable<ContactRecord>): Generator<string> {
  let chunk = `\uFEFF${columns.join(',')}\r\n`
  for (const record of records) {
    let line = quoted(record.journey_ref)
    for (let column = 1; column < columns.length; column++) line += `,${quoted(record[columns[column]!])}`
    chunk += `${line}\r\n`
    if (chunk.length > 60_000) {
      yield chunk
      chunk = ''
    }
  }
  yield chunk
}

function quoted(value: string): string {
  const safe = harmless(value)
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
