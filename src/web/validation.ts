/** What pages and API share of class-validator: the first thing that is wrong with each field, as one sentence. */
import type { ValidationError } from 'class-validator'

export const firstSentences = (
  errors: readonly ValidationError[],
): { readonly field: string; readonly message: string }[] =>
  errors.map(({ property, constraints }) => ({
    field: property,
    message: Object.values(constraints ?? {})[0] ?? 'cannot be accepted',
  }))
