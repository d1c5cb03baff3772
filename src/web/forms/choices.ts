/** What forms offer to choose from, in the field's own words and order. */
import {
  outcomeCodes,
  outcomes,
  reasonCodes,
  reasons,
  attendanceCategoryOf,
  type AttendanceCategory,
} from '../../domain/journey/outcomes.ts'
import { programmeAt } from '../../domain/programme.ts'

export interface ChoiceGroup {
  readonly label: string
  readonly options: readonly { readonly value: string; readonly text: string }[]
}

const categoryNames: Readonly<Record<AttendanceCategory, string>> = {
  attended: 'Attended',
  sent_home: 'Sent home',
  unacceptable_absence: 'Unacceptable absence',
  acceptable_absence: 'Acceptable absence',
  not_held: 'Not held',
}

export const outcomeGroups: readonly ChoiceGroup[] = Object.entries(categoryNames).map(([category, label]) => ({
  label,
  options: outcomeCodes
    .filter((code) => attendanceCategoryOf(code) === category)
    .map((code) => ({ value: code, text: `${outcomes[code]} (${code})` })),
}))

/** The programme's sessions by module; `only` narrows them. */
export function sessionGroups(
  programme: { key: string; version: number },
  only: (sessionId: string) => boolean,
): readonly ChoiceGroup[] {
  const definition = programmeAt(programme.key, programme.version)
  if (!definition) return []
  return definition.modules
    .map(({ key, name }) => ({
      label: name,
      options: definition.sessions
        .filter(({ id, module }) => module === key && only(id))
        .map(({ id, name: session }) => ({ value: id, text: `${id}: ${session}` })),
    }))
    .filter(({ options }) => options.length > 0)
}

export const reasonItems = (chosen: unknown, without: readonly string[] = []) => [
  { value: '', text: 'Select a reason', selected: !chosen },
  ...reasonCodes
    .filter((code) => !without.includes(code))
    .map((code) => ({ value: code, text: reasons[code], selected: code === chosen })),
]

/** @param none what choosing none is called; @returns null where a group has to be typed */
export const groupItems = (groups: readonly string[] | null, chosen: unknown, none: string) =>
  groups && [
    { value: '', text: none, selected: !chosen },
    ...groups.map((group) => ({ value: group, text: group, selected: group === chosen })),
  ]
