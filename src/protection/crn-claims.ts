/**
 * Who is about to be known by which CRN. The log says whose a CRN is; the register of the keys repeats it, for finding him. No one
 * step changes both, so whoever is about to tell the log of a CRN claims it here first, and it leads to him once the log says so.
 * A claim outlives a process that is killed between the two: whoever wants the CRN next asks the log what became of it.
 */
import type Database from 'better-sqlite3'

/**
 * How long a claim keeps others from a CRN, in milliseconds: longer than the log may take with the append that it is for, of which
 * the outcome is not known once the process that sent it is gone.
 */
export const claimMs = 60_000

/** Where a CRN leads, as the keys have it. */
interface CrnRegister {
  token(kind: 'crn', crn: string): Buffer
  find(kind: 'crn', crn: string): string | undefined
  participant(crn: string): string
  bound(kind: 'crn', crn: string, id: string): string
  release(kind: 'crn', crn: string, id: string): void
  together<T>(work: () => T): T
}

/** The participant who may now be told of under the CRN, or the one whose it is, or may be about to be. */
export type ClaimedCrn = { readonly id: string } | { readonly heldBy: string }

export class CrnClaims {
  private readonly statements

  constructor(
    private readonly vault: CrnRegister,
    db: Database.Database,
  ) {
    this.statements = {
      claimants: db.prepare<[Buffer], string>('SELECT DISTINCT id FROM claim WHERE token = ?').pluck(),
      add: db.prepare('INSERT INTO claim (attempt, token, id, lapses_at) VALUES (?, ?, ?, ?)'),
      drop: db.prepare('DELETE FROM claim WHERE attempt = ?'),
      dropLapsed: db.prepare('DELETE FROM claim WHERE token = ? AND id = ? AND lapses_at <= ?'),
      dropAllLapsed: db.prepare('DELETE FROM claim WHERE lapses_at <= ?'),
      ids: db.prepare<[], string>('SELECT DISTINCT id FROM claim').pluck(),
    }
  }

  /** Claims a CRN for whom it leads to; where it leads to nobody, for somebody new, whose key is made. */
  forReferral(crn: string, attempt: string): ClaimedCrn {
    return this.vault.together(() => {
      const owner = this.vault.find('crn', crn)
      const heldBy = this.claimants(crn).find((id) => id !== owner)
      if (heldBy !== undefined) return { heldBy }
      return this.add(crn, attempt, this.vault.participant(crn))
    })
  }

  /** Claims a CRN for somebody who was known by another. It leads nowhere yet where it led nowhere before. */
  forCorrection(crn: string, attempt: string, id: string): ClaimedCrn {
    return this.vault.together(() => {
      const owner = this.vault.find('crn', crn)
      const holders = owner === undefined ? this.claimants(crn) : [owner, ...this.claimants(crn)]
      const heldBy = holders.find((holder) => holder !== id)
      return heldBy === undefined ? this.add(crn, attempt, id) : { heldBy }
    })
  }

  /** What the attempt was to tell the log, it told or never will. */
  drop(attempt: string): void {
    this.statements.drop.run(attempt)
  }

  /**
   * The log says that somebody is known by this CRN, and by these no more. A CRN that leads to somebody else stays his.
   * @returns whether that changed anything
   */
  bind(id: string, crn: string, former: readonly string[]): boolean {
    const outdated = () => former.filter((one) => this.vault.find('crn', one) === id)
    if (this.vault.find('crn', crn) !== undefined && outdated().length === 0) return false
    this.vault.together(() => {
      for (const one of outdated()) this.vault.release('crn', one, id)
      this.vault.bound('crn', crn, id)
    })
    return true
  }

  /**
   * The log does not say that he is known by this CRN: it leads to him no more, unless it may still come to say so.
   * @returns false where somebody claims it for him and may yet tell the log
   */
  letGo(crn: string, id: string): boolean {
    return this.vault.together(() => {
      this.statements.dropLapsed.run(this.vault.token('crn', crn), id, Date.now())
      if (this.claimants(crn).includes(id)) return false
      this.vault.release('crn', crn, id)
      return true
    })
  }

  /** Everybody for whom a CRN is claimed. */
  claimed(): readonly string[] {
    return this.statements.ids.all()
  }

  /**
   * Drops what had lapsed at a time, in milliseconds since 1970. Since then the log must have been asked about everybody in
   * {@link claimed}: what it says of them is bound, and it will say no more.
   */
  dropLapsed(at: number): void {
    this.statements.dropAllLapsed.run(at)
  }

  private claimants(crn: string): readonly string[] {
    return this.statements.claimants.all(this.vault.token('crn', crn))
  }

  private add(crn: string, attempt: string, id: string): ClaimedCrn {
    this.statements.add.run(attempt, this.vault.token('crn', crn), id, Date.now() + claimMs)
    return { id }
  }
}
