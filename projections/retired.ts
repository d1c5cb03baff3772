/** Projections that were removed. A projection is named here when it is taken out, and its tables are dropped when the application starts. */
export interface Retired {
  readonly name: string
  readonly tables: readonly string[]
}

/** Tables of a projection that is not named here are left alone: a newer release may have built them, and may be started again. */
export const retired: readonly Retired[] = []
