/**
 * The rules of corrections a second time, as people write them: a list of all that was told, crossed out and written over by
 * hand, and read from the beginning for every question. It shares nothing with the domain; what is left after crossing out is
 * judged by the reference model of a journey.
 */
import {
  freshlyMisplaced,
  misplacedAmong,
  ReferenceJourney,
  writtenAs,
  type Placed,
  type ReferenceAnswer,
  type ReferenceCommand,
} from './reference-model.ts'

interface Line {
  readonly command: ReferenceCommand
  /** What was told first of the same thing: its own place, where it is that. */
  readonly root: number
  /** What a correction says anew. */
  readonly data?: Readonly<Record<string, unknown>>
}

interface Asked {
  readonly corrects?: number
  readonly withdraws?: number
  readonly because?: string
  readonly changes?: Readonly<Record<string, unknown>>
}

type Kept = Placed

const codes = 'ATTC AFTC ATSH ATSS UAAB AAAA AAME AARE AASD AAHO AAEM AAFC AACL AARC CO05 CO10 RSSR RSOF IAPSD'.split(
  ' ',
)
const reasons = (
  'missed_sessions motivation attitude behaviour_in_group behaviour_outside_group alcohol_or_drugs health risk_reassessed recalled ' +
  'remanded_or_sentenced order_expired order_revoked requirement_removed moved_area work family transferred_programme died ' +
  'duplicate_referral entered_in_error other'
).split(' ')

/** By what was told: the fields that may be written over. An exclamation mark: it must not be left empty. */
const fieldsOf: Readonly<Record<string, string>> = {
  Refer: 'source! provider note programme!',
  AssessEligibility: 'result note',
  DecideSuitability: 'decision! result note',
  PlaceOnWaitingList: 'note',
  AllocateToGroup: 'groupId! note',
  HoldThreeWayMeeting: 'note',
  CompleteProgrammeReview: 'note',
  AcceptProviderTransfer: 'provider! note',
  RecordAttendance: 'sessionId! outcome! groupId plannedFacilitators! actualFacilitators! startedAt endedAt note',
  IssueWarning: 'about note',
  InitiateBreach: 'about note',
  ResolveBreach: 'about note',
  RecordRecall: 'about note',
  DropOut: 'reason! note',
  Complete: 'note',
  ReinstateJourney: 'because!',
}

const choices: Readonly<Record<string, readonly string[]>> = {
  outcome: codes,
  reason: reasons,
  decision: ['suitable', 'not_ready', 'not_suitable', 'not_stated'],
  source: ['court_requirement', 'licence_condition', 'family_court', 'voluntary', 'not_stated'],
}

export class ReferenceOfCorrections {
  constructor(private readonly lines: Line[] = []) {}

  tell(command: ReferenceCommand): ReferenceAnswer {
    if (this.lines.some((line) => line.command.commandId === command.commandId)) return { written: [] }
    if (command.occurredOn > command.recordedOn) return { refused: 'recorded_before_occurred' }
    if (command.type === 'CorrectRecord') return this.correct(command)
    if (command.type === 'WithdrawRecord') return this.withdraw(command)
    const model = new ReferenceJourney(this.believed())
    const refused = model.refusalOf(command)
    if (refused) return { refused }
    const added = model.added(command) as { corrects?: number }
    const ending = model.end() as Kept | undefined
    const about = command.type === 'RecategoriseOutcome' ? ending!.revision : added.corrects
    const root = about === undefined ? this.lines.length : this.lines[about]!.root
    const after = new ReferenceOfCorrections([...this.lines, { command, root }]).believed()
    const misplaced = freshlyMisplaced(this.believed(), after, { ...command, root, revision: this.lines.length })
    if (misplaced) return { refused: misplaced }
    this.lines.push({ command, root })
    return { written: [{ type: writtenAs[command.type]!, data: { ...command.data, ...added } }] }
  }

  private correct(command: ReferenceCommand): ReferenceAnswer {
    const { corrects = -1, because = '', changes = {} } = command.data as Asked
    if (this.lines.length === 0) return { refused: 'no_referral' }
    const line = this.lines[corrects]
    if (!line) return { refused: 'no_such_record' }
    if (line.command.type === 'WithdrawRecord') return { refused: 'not_correctable' }
    const { root } = line
    const isLast = !this.lines.some(
      (one, n) => n > corrects && one.root === root && one.command.type !== 'WithdrawRecord' && this.stands(n),
    )
    if (!this.stands(corrects) || !this.stands(root) || !isLast) return { refused: 'no_longer_stands' }
    if (because.trim() === '') return { refused: 'no_reason' }
    const said = this.saidBy(corrects)!
    const data: Record<string, unknown> = { ...said.data }
    for (const [field, value] of Object.entries(changes)) {
      const may = fieldsOf[this.lines[root]!.command.type]!.split(' ')
      const untouched = JSON.stringify(data[field]) === JSON.stringify(value)
      if (!may.includes(field) && !may.includes(`${field}!`)) {
        if (untouched && ['participantId', 'reference', 'asWritten'].includes(field)) continue
        return { refused: 'not_correctable' }
      }
      if (may.includes(field) && value === '') {
        if (field in data && (field === 'groupId' || field === 'provider')) data[field] = ''
        else delete data[field]
        continue
      }
      if (!untouched && (value === '' || (choices[field] && !choices[field].includes(value as string))))
        return { refused: 'wrong_value' }
      data[field] = value
    }
    const keys = [...new Set([...Object.keys(data), ...Object.keys(said.data)])]
    if (
      command.occurredOn === said.on &&
      keys.every((key) => JSON.stringify(data[key]) === JSON.stringify(said.data[key]))
    )
      return { refused: 'nothing_to_correct' }
    const refused = this.refusedAfter({ command, root, data })
    if (refused) return { refused }
    this.lines.push({ command, root, data })
    const of = writtenAs[this.lines[root]!.command.type]
    return { written: [{ type: 'RecordCorrected', data: { corrects, of, version: 1, data, because } }] }
  }

  private withdraw(command: ReferenceCommand): ReferenceAnswer {
    const { withdraws = -1, because = '' } = command.data as Asked
    if (this.lines.length === 0) return { refused: 'no_referral' }
    const line = this.lines[withdraws]
    if (!line) return { refused: 'no_such_record' }
    const { root } = line
    const isWithdrawal = line.command.type === 'WithdrawRecord'
    if (!this.stands(withdraws) || (!isWithdrawal && !this.stands(root))) return { refused: 'no_longer_stands' }
    const followed = this.lines.some((one, n) => n > withdraws && one.root === root && this.stands(n))
    if (withdraws !== root && followed) return { refused: 'no_longer_stands' }
    if (because.trim() === '') return { refused: 'no_reason' }
    const refused = this.refusedAfter({ command, root })
    if (refused) return { refused }
    this.lines.push({ command, root })
    return { written: [{ type: 'RecordWithdrawn', data: { withdraws, because } }] }
  }

  /** Crossed out is what a later line takes back, unless that line is itself crossed out. */
  private stands = (place: number): boolean =>
    !this.lines.some(
      ({ command }, n) =>
        command.type === 'WithdrawRecord' && (command.data as Asked).withdraws === place && this.stands(n),
    )

  /** The whole of what one line says of its thing, and the day. */
  saidBy(place: number): { on: string; data: Readonly<Record<string, unknown>> } | null {
    const { command, root, data } = this.lines[place]!
    if (command.type === 'WithdrawRecord') return null
    if (data) return { on: command.occurredOn, data }
    if (place === root) return { on: command.occurredOn, data: command.data as Record<string, unknown> }
    const before = this.lines.findLastIndex(
      (one, n) => n < place && one.root === root && one.command.type !== 'WithdrawRecord' && this.stands(n),
    )
    const said = this.saidBy(Math.max(before, root))!
    const { outcome, to } = command.data as { outcome?: string; to?: string }
    return { on: said.on, data: { ...said.data, ...(to === undefined ? { outcome } : { reason: to }) } }
  }

  /** What is left of the list once everything is crossed out and written over; and only of the first so many lines. */
  believed(): Kept[] {
    return this.lines.flatMap(({ command, root }, place): Kept[] => {
      const { type } = command
      if (type === 'WithdrawRecord' || type === 'CorrectRecord' || !this.stands(place) || !this.stands(root)) return []
      const anew = this.lines.findLastIndex(
        (one, n) => one.root === root && one.command.type === 'CorrectRecord' && this.stands(n),
      )
      if (place !== root) return anew > place ? [] : [{ ...command, revision: place, root }]
      if (anew < 0) return [{ ...command, revision: place, root }]
      const { command: correction, data } = this.lines[anew]!
      return [{ ...command, occurredOn: correction.occurredOn, data: data!, revision: anew, root }]
    })
  }

  /** The list as it was after so many lines. */
  first = (count: number) => new ReferenceOfCorrections(this.lines.slice(0, count))

  /** How it stood: of everything, or of what had happened by a day. */
  summary(by = '9999-12-31') {
    const now = this.believed()
    const dayOf = new Map(now.filter(({ type }) => !isChange(type)).map(({ root, occurredOn }) => [root, occurredOn]))
    const model = new ReferenceJourney(now.filter(({ root }) => dayOf.get(root)! <= by))
    const standing = (...types: string[]) =>
      this.lines.filter(
        ({ command, root }, place) =>
          types.includes(command.type) && this.stands(place) && this.stands(root) && dayOf.get(root)! <= by,
      ).length
    return {
      status: model.status(),
      ...model.figures(),
      corrections: standing('CorrectAttendance', 'CorrectRecord'),
      recategorisations: standing('RecategoriseOutcome'),
      group: model.group(),
      provider: model.provider(),
    }
  }

  /** Why a line cannot be added: it says what cannot be, or leaves no room for something else on the list. */
  private refusedAfter(line: Line): string | null {
    const before = new Set(
      impossibleAmong(this.believed(), line.command.adultFrom).map(({ root, code }) => `${root} ${code}`),
    )
    const after = new ReferenceOfCorrections([...this.lines, line])
    const fresh = impossibleAmong(after.believed(), line.command.adultFrom).filter(
      ({ root, code }) => !before.has(`${root} ${code}`),
    )
    return fresh.find(({ root }) => root === line.root)?.code ?? (fresh.length > 0 ? 'makes_impossible' : null)
  }
}

const isChange = (type: string) => type === 'CorrectAttendance' || type === 'RecategoriseOutcome'

function impossibleAmong(list: readonly Kept[], adultFrom?: string): { root: number; code: string }[] {
  const judged = list.flatMap(({ root, ...command }, n) => {
    const code = new ReferenceJourney(list.slice(0, n)).refusalOf({ ...command, recordedOn: command.occurredOn })
    return code ? [{ root, code }] : []
  })
  return [...judged, ...misplacedAmong(list, adultFrom)]
}
