/** Every projection there is. */
import { caseload } from './caseload.ts'
import { facilitators } from './facilitators.ts'
import { groups } from './groups.ts'
import { participants } from './participants.ts'
import type { Projection } from './projection.ts'
import { registers } from './registers.ts'
import { timeline } from './timeline.ts'

export const projections: readonly Projection[] = [participants, caseload, timeline, groups, facilitators, registers]
