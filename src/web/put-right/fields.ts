/** For every field of a record that can be corrected: how it is asked for, and how a form's text becomes its value. */
import { fieldRulesOf } from '../../domain/journey/correctable.ts'
import type { FactType } from '../../domain/journey/believed.ts'
import { referralSourceNames, suitabilityNames } from '../../domain/journey/referral.ts'
import { versionInForce } from '../../domain/programme.ts'
import { groupItems, outcomeGroups, reasonItems, sessionGroups } from '../forms/choices.ts'
import { staffCodes } from '../forms/form-fields.ts'
import type { JourneySituation } from '../forms/journey-form.ts'

interface Control {
  readonly label: string
  readonly kind: 'text' | 'time' | 'note' | 'codes' | 'grouped' | 'select' | 'group'
  /** What is wrong with an empty answer, where there must be one. */
  readonly missing: string
  readonly choices?: (situation: JourneySituation, chosen: string) => unknown
}

const items = (names: Readonly<Record<string, string>>, chosen: string) =>
  Object.entries(names).map(([value, text]) => ({ value, text, selected: value === chosen }))

export const controls: Readonly<Record<string, Control>> = {
  sessionId: {
    label: 'Which session?',
    kind: 'grouped',
    missing: 'Select the session',
    choices: ({ header }) => sessionGroups({ key: header.programmeKey, version: header.programmeVersion }, () => true),
  },
  outcome: {
    label: 'Did he come, and did he take part?',
    kind: 'grouped',
    missing: 'Select whether he came and took part',
    choices: () => outcomeGroups,
  },
  plannedFacilitators: {
    label: 'Facilitators planned',
    kind: 'codes',
    missing: 'Enter staff codes separated by commas, such as F012, F030',
  },
  actualFacilitators: {
    label: 'Facilitators who delivered it',
    kind: 'codes',
    missing: 'Enter staff codes separated by commas, such as F012, F030',
  },
  startedAt: {
    label: 'When did it begin? (optional)',
    kind: 'time',
    missing: 'Enter a time of 24 hours, such as 18:30',
  },
  endedAt: {
    label: 'When did it end? (optional)',
    kind: 'time',
    missing: 'Enter a time of 24 hours, such as 18:30',
  },
  decision: {
    label: 'What was decided?',
    kind: 'select',
    missing: 'Select what was decided',
    choices: (_situation, chosen) => items(suitabilityNames, chosen),
  },
  result: { label: 'Result of the assessment', kind: 'text', missing: 'Enter the result' },
  groupId: {
    label: 'Which group?',
    kind: 'group',
    missing: 'Enter the group',
    choices: ({ groups }, chosen) =>
      groupItems(groups && [...new Set([...groups, ...(chosen ? [chosen] : [])])], chosen, 'No group'),
  },
  about: { label: 'What was it about?', kind: 'text', missing: 'Enter what it was about' },
  provider: { label: 'Which provider?', kind: 'text', missing: 'Enter the provider' },
  reason: {
    label: 'Why did he leave?',
    kind: 'select',
    missing: 'Select why he left',
    choices: (_situation, chosen) => reasonItems(chosen),
  },
  source: {
    label: 'Who referred him?',
    kind: 'select',
    missing: 'Select who referred him',
    choices: (_situation, chosen) => items(referralSourceNames, chosen),
  },
  programme: { label: 'Code of the programme', kind: 'text', missing: 'Enter the code of the programme, such as bbr' },
  because: { label: 'Why does the journey go on?', kind: 'note', missing: 'Enter why the journey goes on' },
  note: { label: 'Note (optional)', kind: 'note', missing: 'Enter the note' },
}

/** The fields of a kind of record that a form asks for, in order. */
export const fieldsAsked = (type: FactType): readonly string[] => {
  const rules = fieldRulesOf(type)
  return Object.keys(controls).filter((field) => Object.hasOwn(rules, field) && 'correct' in rules[field]!)
}

/** The value as a form shows it. */
export function textOfField(field: string, value: unknown): string {
  if (field === 'programme') return (value as { key?: string } | undefined)?.key ?? ''
  if (Array.isArray(value)) return value.join(', ')
  return typeof value === 'string' ? value : ''
}

/** What a form's text says the value should be. */
export function valueOfField(field: string, text: string): unknown {
  if (field === 'programme') return { key: text, version: versionInForce(text) }
  return controls[field]!.kind === 'codes' ? staffCodes(text) : text
}

/** What differs between what the record says and what the form says, by field. */
export function changesIn(
  type: FactType,
  said: Readonly<Record<string, unknown>>,
  typed: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const changed = fieldsAsked(type).filter((field) => (typed[field] ?? '') !== textOfField(field, said[field]))
  return Object.fromEntries(changed.map((field) => [field, valueOfField(field, typed[field] ?? '')]))
}
