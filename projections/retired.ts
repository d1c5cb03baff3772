/** Read models of projections that are no more: named here when a projection is taken out, and dropped when the application starts. */
export interface Retired {
  readonly name: string
  readonly tables: readonly string[]
}

/** What is not named is left alone: a newer release may have built it, and be about to come back. */
export const retired: readonly Retired[] = []
