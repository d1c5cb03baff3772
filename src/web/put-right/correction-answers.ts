/** What a correction or a withdrawal says, as it is checked before it is recorded and shown once it was. */
import type { FactVersion } from '../../domain/journey/versions.ts'
import type { JourneyHeader } from '../../queries/journeys.ts'
import { sayField } from '../forms/answers.ts'
import type { Answer } from '../forms/journey-form.ts'
import { sayDay } from '../layout/dates.ts'
import { fieldsAsked, textOfField } from './fields.ts'

type Programme = Pick<JourneyHeader, 'programmeKey' | 'programmeVersion'>

/** Each thing that changes, with what it was; what stays as it was is not asked about again. */
export function correctionAnswers(
  said: FactVersion,
  becomes: Pick<FactVersion, 'on' | 'data'>,
  because: string,
  programme: Programme,
): readonly Answer[] {
  const inWords = (field: string, value: unknown) => {
    const text = textOfField(field, value)
    return text === '' ? 'Nothing' : sayField(field, text, programme).text
  }
  const changed = fieldsAsked(said.of).filter(
    (field) => textOfField(field, said.data[field]) !== textOfField(field, becomes.data[field]),
  )
  return [
    ...(said.on === becomes.on
      ? []
      : [
          { field: 'occurredOn', control: 'happenedOn', label: 'Date', was: sayDay(said.on), text: sayDay(becomes.on) },
        ]),
    ...changed.map((field) => ({
      field,
      control: field,
      label: sayField(field, '', programme).label,
      was: inWords(field, said.data[field]),
      text: inWords(field, becomes.data[field]),
    })),
    { field: 'why', control: 'why', label: 'Why the record was wrong', text: because },
  ]
}
