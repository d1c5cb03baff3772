/**
 * The rules for CSV of docs/contact-log.md, one character after the other and all in memory: what the product's reader is
 * compared with. It shares no code with it.
 */
export type PlainCsv = { records: string[][]; stopped: boolean }

export function readPlainCsv(text: string, delimiter: string): PlainCsv {
  const records: string[][] = []
  let at = 0
  const endsCell = (character: string | undefined) =>
    character === undefined || character === delimiter || character === '\r' || character === '\n'
  while (at < text.length) {
    if (text[at] === '\r' || text[at] === '\n') {
      at++
      continue
    }
    const cells: string[] = []
    for (;;) {
      const begin = at
      let cell = ''
      let isPlain = text[at] !== '"'
      if (!isPlain) {
        at++
        while (text[at] !== undefined && !(text[at] === '"' && text[at + 1] !== '"')) {
          cell += text[at]
          at += text[at] === '"' ? 2 : 1
        }
        const isClosed = text[at] === '"'
        at++
        if (!isClosed) return { records, stopped: true }
        if (!endsCell(text[at])) {
          if (/[\r\n]/.test(cell)) return { records, stopped: true }
          isPlain = true
        }
      }
      if (isPlain) {
        cell = ''
        for (at = begin; !endsCell(text[at]); at++) cell += text[at]
      }
      cells.push(cell)
      if (text[at] !== delimiter) break
      at++
    }
    records.push(cells)
  }
  return { records, stopped: false }
}
