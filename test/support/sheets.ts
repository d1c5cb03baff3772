/** Small .xlsx workbooks for specs, written part by part so that each habit of a spreadsheet program can be shown. */
import { strToU8, zipSync } from 'fflate'

/** A cell: a text, or a number with the format in which it is shown. */
export type SheetCell = string | { readonly number: number; readonly format: string } | { readonly formula: string }

export interface Workbook {
  readonly sheets: Readonly<Record<string, readonly (readonly SheetCell[])[]>>
  /** Days are counted from 1904, as older spreadsheets on a Mac do. */
  readonly from1904?: boolean
  /** Texts stand in the cells, not in the list that cells share. */
  readonly inline?: boolean
  /** In which row of each sheet the first of its rows stands. */
  readonly firstRow?: number
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
const prologue = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const packaged = 'http://schemas.openxmlformats.org/package/2006/relationships'

export function workbookOf({ sheets, from1904 = false, inline = false, firstRow = 1 }: Workbook): Buffer {
  const formats: string[] = []
  const texts: string[] = []
  const indexIn = (list: string[], item: string) => (list.includes(item) ? list.indexOf(item) : list.push(item) - 1)
  const cell = (content: SheetCell, at: string): string => {
    if (content === '') return ''
    if (typeof content === 'string') {
      return inline
        ? `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escaped(content)}</t></is></c>`
        : `<c r="${at}" t="s"><v>${indexIn(texts, content)}</v></c>`
    }
    if ('formula' in content) return `<c r="${at}" t="str"><f>A1</f><v>${escaped(content.formula)}</v></c>`
    return `<c r="${at}" s="${indexIn(formats, content.format) + 1}"><v>${content.number}</v></c>`
  }
  const letters = (column: number): string =>
    (column >= 26 ? letters(Math.floor(column / 26) - 1) : '') + String.fromCharCode(65 + (column % 26))
  const names = Object.keys(sheets)
  const bodies = Object.values(sheets).map((rows) =>
    rows
      .map((cells, index) => {
        const row = firstRow + index
        return `<row r="${row}">${cells.map((content, column) => cell(content, `${letters(column)}${row}`)).join('')}</row>`
      })
      .join(''),
  )
  const parts: Record<string, string> = {
    '[Content_Types].xml': '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    '_rels/.rels': `<Relationships xmlns="${packaged}"><Relationship Id="rId1" Type="${relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${relations}"><workbookPr${from1904 ? ' date1904="1"' : ''}/><sheets>${names
      .map((name, index) => `<sheet name="${escaped(name)}" sheetId="${index + 1}" r:id="rId${index + 1}"/>`)
      .join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packaged}">${names
      .map(
        (_, index) =>
          `<Relationship Id="rId${index + 1}" Type="${relations}/worksheet" Target="worksheets/sheet${index + 1}.xml"/>`,
      )
      .join(
        '',
      )}<Relationship Id="rId90" Type="${relations}/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="rId91" Type="${relations}/styles" Target="/xl/styles.xml"/></Relationships>`,
    ...Object.fromEntries(
      bodies.map((body, index) => [
        `xl/worksheets/sheet${index + 1}.xml`,
        `<worksheet xmlns="${main}"><sheetData>${body}</sheetData></worksheet>`,
      ]),
    ),
    'xl/sharedStrings.xml': `<sst xmlns="${main}">${texts
      .map(
        (text) =>
          `<si><r><t xml:space="preserve">${escaped(text.slice(0, 1))}</t></r><r><t xml:space="preserve">${escaped(text.slice(1))}</t></r><rPh><t>reading aid</t></rPh></si>`,
      )
      .join('')}</sst>`,
    'xl/styles.xml': `<styleSheet xmlns="${main}"><numFmts>${formats
      .map((format, index) => `<numFmt numFmtId="${200 + index}" formatCode="${escaped(format)}"/>`)
      .join('')}</numFmts><cellStyleXfs><xf numFmtId="0"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>${formats
      .map((_, index) => `<xf numFmtId="${200 + index}"/>`)
      .join('')}</cellXfs></styleSheet>`,
  }
  return Buffer.from(
    zipSync(Object.fromEntries(Object.entries(parts).map(([name, xml]) => [name, strToU8(prologue + xml)])), {
      mtime: new Date(2024, 0, 2),
    }),
  )
}
