/**
 * Gives CRNs to participants. A CRN leads to somebody only if the log says that it is his: it is claimed, the log is told, and
 * then the register of the keys is brought in line with what the log says. Whatever is cut short in between is put right by
 * whoever wants the CRN next, and at the next start.
 */
import { randomUUID } from 'node:crypto'
import { Forbidden } from '../access/policy.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import { Refusal } from '../domain/history.ts'
import { OdditiesUnconfirmed } from '../domain/journey/oddities.ts'
import { participantHistory, saysDetails, type ParticipantEvent } from '../domain/participant.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { ConcurrencyConflict, StoreUnavailable } from '../event-store/store-errors.ts'
import { opened } from '../protection/sealing.ts'
import { KeysBusy, SealBroken, type Vault } from '../protection/vault.ts'
import { ClockWrong } from './clock-check.ts'
import { StaleRevision } from './decide-and-append.ts'

/** After these, what was to be written is not, and will not be. */
const nothingTold = [Refusal, OdditiesUnconfirmed, Forbidden, StaleRevision, ConcurrencyConflict, ClockWrong]

type WhoseCrn = 'his' | 'may become his' | 'not his'

/** What the log says of somebody's CRNs. */
interface SaidOfCrns {
  /** The revision of his stream; -1 where nothing is on record of him. */
  readonly revision: number
  /** The one he is known by; undefined where nothing is on record, or it cannot be read any more. */
  readonly now: string | undefined
  readonly former: readonly string[]
}

export class KnownCrns {
  constructor(
    private readonly vault: Vault,
    private readonly store: Pick<EventStore, 'read'>,
  ) {}

  /**
   * Does what tells the log of somebody under a CRN while nobody else can be given it.
   * @param tell is given the id of the participant; made where the CRN leads to nobody
   * @param of the participant to whom the CRN is given; whoever has it unless said
   * @throws Refusal where the CRN is somebody else's, or may be in a moment; whatever `tell` throws
   */
  async whileClaimed<T>(crn: string, tell: (id: string) => Promise<T>, of?: string): Promise<T> {
    const attempt = randomUUID()
    const id = await this.claimed(crn, of, attempt)
    try {
      const told = await tell(id)
      await this.settle(id, attempt)
      return told
    } catch (error) {
      // Whatever else went wrong, the log may have been told, or may be yet: the claim stays until it lapses.
      if (nothingTold.some((kind) => error instanceof kind)) await this.settle(id, attempt)
      throw error
    }
  }

  /** What was to be told is told, or never will be. Where that cannot be settled now, the claim stays, for whoever comes next. */
  private async settle(id: string, attempt: string): Promise<void> {
    try {
      await this.bringInLine(id)
      await this.vault.whenFree(() => this.vault.crnClaims.drop(attempt))
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof KeysBusy)) throw error
    }
  }

  /** @throws Refusal where the CRN is somebody else's, or may be in a moment. Nothing is claimed. */
  async refuseOfAnother(crn: string, id: string): Promise<void> {
    const owner = this.vault.find('crn', crn)
    if (owner !== undefined && owner !== id) refuseUnlessLetGo(await this.askTheLog(crn, owner))
  }

  /** @throws Refusal where the CRN is somebody else's, or may be in a moment */
  private async claimed(crn: string, of: string | undefined, attempt: string): Promise<string> {
    const { crnClaims } = this.vault
    for (;;) {
      const claimed = await this.vault.whenFree(() =>
        of === undefined ? crnClaims.forReferral(crn, attempt) : crnClaims.forCorrection(crn, attempt, of),
      )
      if ('id' in claimed) return claimed.id
      const whose = await this.askTheLog(crn, claimed.heldBy)
      if (of !== undefined || whose !== 'his') refuseUnlessLetGo(whose)
    }
  }

  /** Whether a CRN is his who has it, or claims it. One that is not leads to him no more. */
  async askTheLog(crn: string, heldBy: string): Promise<WhoseCrn> {
    const { revision, now } = await this.bringInLine(heldBy)
    const isUnreadable = now === undefined && revision >= 0
    if (now === crn || (isUnreadable && this.vault.find('crn', crn) === heldBy)) return 'his'
    return (await this.vault.whenFree(() => this.vault.crnClaims.letGo(crn, heldBy))) ? 'not his' : 'may become his'
  }

  /** Makes the register say of somebody what the log says. */
  async bringInLine(id: string): Promise<SaidOfCrns> {
    for (;;) {
      const said = await this.saidOf(id)
      const { now, former } = said
      // Somebody else may have told the log of him since we looked: after a change it is asked again.
      if (now === undefined || !(await this.vault.whenFree(() => this.vault.crnClaims.bind(id, now, former))))
        return said
    }
  }

  /** What processes that were killed left behind. */
  async bringAllInLine(): Promise<void> {
    const { crnClaims } = this.vault
    const begun = Date.now()
    for (const id of crnClaims.claimed()) {
      try {
        await this.bringInLine(id)
      } catch (error) {
        // Whoever looks at him is told that his record cannot be read.
        if (!(error instanceof PoisonEvent || error instanceof SealBroken)) throw error
      }
    }
    await this.vault.whenFree(() => crnClaims.dropLapsed(begun))
  }

  private async saidOf(id: string): Promise<SaidOfCrns> {
    const crns: string[] = []
    let revision = -1
    for await (const stored of this.store.read(`${participantHistory.category}-${id}`)) {
      const event = opened(this.vault, recordedFrom<ParticipantEvent>(stored))
      if (saysDetails(event) && event.data.crn !== undefined) crns.push(event.data.crn)
      revision = stored.revision
    }
    const now = crns.at(-1)
    return { revision, now, former: [...new Set(crns)].filter((crn) => crn !== now) }
  }
}

function refuseUnlessLetGo(whose: WhoseCrn): void {
  if (whose === 'his')
    throw new Refusal('crn_in_use', 'The CRN is on record for somebody else. Check which of the two is his.')
  if (whose === 'may become his')
    throw new Refusal('crn_in_use', 'Somebody else is being given this CRN at this moment. Try again in a minute.')
}
