/** Which text an event may hold, wherever it came from: the pages, the API and an import are refused alike. */
import { Refusal } from './history.ts'

/** Every control character but tab, line feed and carriage return, which people write in notes. U+009B begins a terminal code as an escape does. */
const damage = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

/** Fields that other systems look a journey or a person up by, and that stand in one row of a report: a tab or a line end is damage there too. */
const oneLine: ReadonlySet<string> = new Set(['reference', 'crn'])

/** Text as people write it, of one line or several. */
export const isWritten = (text: string): boolean => text.isWellFormed() && !damage.test(text)

/** @throws Refusal `control_characters` where a text anywhere in the data of an event holds one */
export function refuseControlCharacters(data: object): void {
  for (const [field, value] of Object.entries(data)) {
    if (typeof value === 'string') {
      if (!isWritten(value) || (oneLine.has(field) && /[\t\n\r]/.test(value))) {
        throw new Refusal(
          'control_characters',
          'There is a character in it that cannot be shown, such as a NUL or an escape. Remove it, then record it again.',
        )
      }
    } else if (typeof value === 'object' && value !== null) refuseControlCharacters(value as object)
  }
}
