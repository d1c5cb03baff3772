/** Every form of a journey: a new one is added here, and is then served, checked, recorded and offered as the others are. */
import { attendanceForm } from '../attendance/attendance.form.ts'
import { completionForm } from '../completion/completion.form.ts'
import { contactForm } from '../contact/contact.form.ts'
import { dropOutForm } from '../drop-out/drop-out.form.ts'
import { recategorisationForm } from '../recategorisation/recategorisation.form.ts'
import { reinstatementForm } from '../reinstatement/reinstatement.form.ts'
import type { JourneyForm, JourneyRecord } from '../forms/journey-form.ts'

export const journeyForms: readonly JourneyForm[] = [
  attendanceForm,
  contactForm,
  completionForm,
  dropOutForm,
  recategorisationForm,
  reinstatementForm,
]

/** Why a form cannot be filled in as the journey stands; null where it can. */
export const whyUnavailable = (form: JourneyForm, record: JourneyRecord): string | null =>
  record.header.parked
    ? 'An event of this journey cannot be understood, so nothing can be added until that has been put right.'
    : form.unavailable(record)

/** The forms that can be filled in as the journey stands, the most usual first. */
export const formsOffered = (record: JourneyRecord): readonly JourneyForm[] =>
  journeyForms.filter((form) => whyUnavailable(form, record) === null)
