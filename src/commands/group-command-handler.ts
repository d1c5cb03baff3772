/** Commands of one group: forming it, and who has a place in it. */
import type { Reach } from '../access/reach.ts'
import { groupHistory, type GroupCommand, type GroupEvent, type GroupFacts } from '../domain/group/group.ts'
import type { Departure } from '../domain/group/room.ts'
import { Refusal } from '../domain/history.ts'
import { odditiesOfDay } from '../domain/journey/oddities.ts'
import type { Vault } from '../protection/vault.ts'
import { bankHolidayOn } from './bank-holidays.ts'
import type { CommandResult, DecideAndAppend, SealedHistory } from './decide-and-append.ts'
import { issuedNow, type IssuedBy, type JourneyCommandHandler } from './journey-command-handler.ts'
import { confirmed } from './unconfirmed-oddities.ts'

/** What is written about a member is sealed under that person's own key. */
export const sealedGroups: SealedHistory<GroupFacts, GroupCommand, GroupEvent> = {
  ...groupHistory,
  keyIdOf: (_groupId, _group, _events, event) => (event.type === 'GroupFormed' ? undefined : event.data.participantId),
}

export type NewGroup = Extract<GroupCommand, { type: 'FormGroup' }>['data']

/** What is odd is asked about; where the codes that are meant are left out, nobody is asked. */
export type IssuedOnGroup = IssuedBy & { readonly confirmedOddities?: readonly string[] }

export interface NewMember {
  readonly journeyId: string
  readonly note?: string
}

/** Made by the runtime, not by Nest: the demonstration uses it too, before anything is served. */
export class GroupCommandHandler {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly journeys: Pick<JourneyCommandHandler, 'decide'>,
    private readonly vault: Vault,
    private readonly reach: Reach,
  ) {}

  /** The id of the group with this code, formed or not: two groups can never have one code. */
  idOf(code: string): string {
    return this.vault.uuidFor('code', `group ${code}`)
  }

  /** @throws Refusal, ConcurrencyConflict, StoreUnavailable */
  async form(group: NewGroup, issued: IssuedBy): Promise<{ groupId: string; written: CommandResult }> {
    const groupId = this.idOf(group.code)
    return { groupId, written: await this.decide(groupId, { type: 'FormGroup', data: group }, issued) }
  }

  /**
   * Gives somebody a place. His journey is asked first: where the allocation could not be recorded there, nothing is written.
   * @throws Refusal, ConcurrencyConflict, StoreUnavailable
   */
  async addMember(groupId: string, { journeyId, note }: NewMember, issued: IssuedOnGroup): Promise<CommandResult> {
    const { state: group } = await this.commands.fold(groupHistory, groupId)
    if (group.handled.has(issued.commandId)) return 'nothing_new'
    const { issuer, context } = issuedNow(issued)
    const journey = await this.journeys.decide(journeyId, (stream, adultFrom) => {
      const data = { groupId: group.formed?.code ?? '', ...(note && { note }) }
      stream.decide({ type: 'AllocateToGroup', ...context, adultFrom, data }, issuer)
    })
    const { participantId } = journey.stream.folded.state
    const withheld = await this.reach.withheldFrom(issued.by)
    if (participantId === null || withheld.has(participantId))
      throw new Refusal('no_referral', 'There is no referral on this journey yet.')
    const data = { journeyId, participantId, ...(note && { note }) }
    return this.decide(groupId, { type: 'AddMember', data }, issued)
  }

  /** @throws Refusal, ConcurrencyConflict, StoreUnavailable */
  async removeMember(
    groupId: string,
    leaving: { readonly journeyId: string; readonly reason: Departure; readonly note?: string },
    issued: IssuedOnGroup,
  ): Promise<CommandResult> {
    const member = (await this.facts(groupId)).members.get(leaving.journeyId)
    const withheld = await this.reach.withheldFrom(issued.by)
    // Whoever is withheld is no member as far as the asker is told.
    const data = member && withheld.has(member.participantId) ? { ...leaving, journeyId: '' } : leaving
    return this.decide(groupId, { type: 'RemoveMember', data }, issued)
  }

  /** What is recorded of the group now, from the log. */
  async facts(groupId: string): Promise<GroupFacts> {
    return (await this.commands.fold(groupHistory, groupId)).state
  }

  private decide(
    groupId: string,
    { type, data }: { readonly type: GroupCommand['type']; readonly data: GroupCommand['data'] },
    issued: IssuedOnGroup,
  ): Promise<CommandResult> {
    const { issuer, context } = issuedNow(issued)
    const command = { type, data, ...context } as GroupCommand
    const { confirmedOddities } = issued
    return this.commands.decideAndAppend(sealedGroups, groupId, (group) => {
      group.decide(command, issuer, () => {
        const { occurredOn: on, recordedOn: today } = context
        if (!confirmedOddities) return []
        return confirmed(odditiesOfDay({ on, today }, false, bankHolidayOn), confirmedOddities)
      })
    })
  }
}
