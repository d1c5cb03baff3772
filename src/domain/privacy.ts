/** How sensitive a field is. Everything but `open` is sealed under its subject's key before it reaches the log. */
export type Privacy =
  /** Codes, counts, opaque ids: says nothing about who he is. */
  | 'open'
  /** Says who he is, or is free text that might. */
  | 'personal'
  /** About health, risk or an offence. */
  | 'special'
  /** What another event told, said anew: each field in it is as sensitive as that event's type says. */
  | 'as_told'

/** A classification for every field of every event of a union. A field without one does not compile. */
export type Classified<E extends { type: string; data: object }> = {
  readonly [T in E['type']]: { readonly [F in keyof Extract<E, { type: T }>['data']]-?: Privacy }
}
