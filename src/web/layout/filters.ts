/** The few words the templates may use of their own. */
import type { Environment } from 'nunjucks'
import { dayOf } from '../../domain/calendar.ts'
import { sayDay, sayDayShort, sayInstant, sayInstantShort } from './dates.ts'

export function teach(environment: Environment): void {
  environment.addFilter('day', sayDay)
  environment.addFilter('dayShort', sayDayShort)
  environment.addFilter('instant', sayInstant)
  environment.addFilter('instantShort', sayInstantShort)
  environment.addFilter('instantDayShort', (instant: string) => sayDayShort(dayOf(instant)))
}
