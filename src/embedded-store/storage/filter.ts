/**
 * Server-side filters on stream name or event type. A filter that matches few categories or event types is answered from the
 * category index or the event-type index; any other scans the log, a bounded number of events for each page.
 *
 * Regular expressions run on V8's linear-time engine, so that no pattern can block the store.
 */
import { setFlagsFromString } from 'node:v8'
import type { Statement } from 'better-sqlite3'
import { EVENT_COLUMNS, INDEXED_COLUMNS, ROW_LIMIT } from './event-record.ts'

export interface EventFilter {
  on: 'stream' | 'type'
  /** Either prefixes or a pattern; where both are given, the prefixes apply. */
  prefixes: readonly string[]
  regex: string
}

export interface FilterQuery {
  /** True: the cost grows with the events found, not with the range of positions. */
  readsOnlyMatches: boolean
  forwards: string
  backwards: string
  /** `low` and `high` are included. */
  parameters: (low: bigint, high: bigint, limit: number) => unknown[]
}

export interface FilterPlan {
  /** For positions that the category index and the event-type index cover. */
  indexed: FilterQuery
  /** For the newest positions, which the indexes do not cover yet. */
  unindexed: FilterQuery
}

/** What a compiled filter needs of the log: the tables that give categories and event types their ids. */
export interface NameDictionary {
  /** Changes when a new category or event type is stored. */
  readonly dictionaryVersion: number
  prepare(sql: string): Statement
}

/** The pattern is invalid, or the linear-time engine does not support it. */
export class UnsupportedPattern extends Error {}

/** Above this many categories or event types, merging their index entries costs more than a scan of the log. */
const MAX_BRANCHES = 8
const MAX_PATTERN_LENGTH = 1000
/** More streams than are appended to at one time in a log of millions of events; evicted ones are evaluated again. */
const CACHED_RESULTS = 50_000

export class CompiledFilter {
  /** Whether many of the events examined for the last page matched. */
  isDense = false
  private readonly filter: EventFilter
  private readonly log: NameDictionary
  /** Results by stream id or event-type id, 1 for a match. Ids are never reused, so results stay valid. */
  private readonly resultCache = new Map<number, 0 | 1>()
  private readonly matchesPattern: (text: string) => boolean
  private cachedPlan: { dictionaryVersion: number; plan: FilterPlan } | undefined

  constructor(log: NameDictionary, filter: EventFilter) {
    this.log = log
    this.filter = filter
    this.matchesPattern = filter.prefixes.length > 0 ? () => false : linearPattern(filter.regex)
  }

  matches(text: string): boolean {
    if (this.filter.prefixes.length > 0) return this.filter.prefixes.some((prefix) => text.startsWith(prefix))
    return this.matchesPattern(text)
  }

  /** The cached result for this stream id or event-type id; null: call {@link evaluate}. */
  cachedResult(id: number): 0 | 1 | null {
    return this.resultCache.get(id) ?? null
  }

  evaluate(id: number, name: string): 0 | 1 {
    if (this.resultCache.size >= CACHED_RESULTS) this.resultCache.clear()
    const answer = this.matches(name) ? 1 : 0
    this.resultCache.set(id, answer)
    return answer
  }

  /**
   * The queries for this filter. Called for every page, because new categories and event types appear while a subscription is
   * open.
   */
  plan(): FilterPlan {
    if (this.cachedPlan?.dictionaryVersion !== this.log.dictionaryVersion) {
      const scan = scanOf(this.filter.on)
      const branches = this.filter.on === 'type' ? this.typeBranches() : this.streamBranches()
      const plan = branches ? planOf(this.filter.on, branches) : { indexed: scan, unindexed: scan }
      this.cachedPlan = { dictionaryVersion: this.log.dictionaryVersion, plan }
    }
    return this.cachedPlan.plan
  }

  private typeBranches(): Branch[] | undefined {
    const types = this.log.prepare('SELECT id, name FROM type').iterate() as IterableIterator<[bigint, string]>
    const branches: Branch[] = []
    for (const [id, name] of types) if (this.matches(name) && branches.push({ id }) > MAX_BRANCHES) return undefined
    return branches
  }

  /**
   * A prefix that reaches beyond the first dash selects one category and compares the rest of the name; a shorter one selects
   * every category that begins with it.
   */
  private streamBranches(): Branch[] | undefined {
    if (this.filter.prefixes.length === 0) return undefined
    const branches = new Map<bigint, Branch>()
    for (const prefix of this.filter.prefixes) {
      if (prefix === '') return undefined
      const dash = prefix.indexOf('-')
      if (dash >= 0) {
        const row = this.log.prepare('SELECT id FROM category WHERE name = ?').get(prefix.slice(0, dash + 1))
        if (row === undefined) continue
        const [category] = row as [bigint]
        const whole = dash === prefix.length - 1
        const known = branches.get(category)
        // Two different prefixes in one category: scan instead.
        if (known && known.prefix !== (whole ? undefined : prefix)) return undefined
        branches.set(category, whole ? { id: category } : { id: category, prefix })
      } else {
        const categories = this.log
          .prepare('SELECT id FROM category WHERE name >= ? AND name < ? ORDER BY name LIMIT ?')
          .all(prefix, prefix + MAX_CHARACTER, MAX_BRANCHES + 1) as [bigint][]
        for (const [id] of categories) branches.set(id, { id })
      }
      if (branches.size > MAX_BRANCHES) return undefined
    }
    return [...branches.values()]
  }
}

/** Sorts after every other character. */
const MAX_CHARACTER = '\u{10ffff}'

/** Scans the log. `cached_result` and `evaluate` are SQL functions that the log registers; they call the active filter. */
function scanOf(on: EventFilter['on']): FilterQuery {
  const matches = `coalesce(cached_result(e.${on}), evaluate(e.${on}, (SELECT name FROM ${on} WHERE id = e.${on})))`
  const select = (order: string) =>
    `SELECT ${EVENT_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream
     WHERE e.position BETWEEN ? AND ? AND ${matches} ORDER BY e.position ${order} LIMIT ${ROW_LIMIT}`
  return {
    readsOnlyMatches: false,
    forwards: select('ASC'),
    backwards: select('DESC'),
    parameters: (low, high, limit) => [low, high, limit],
  }
}

/** One category or event type to read from an index; with a prefix, only streams that begin with it. */
interface Branch {
  id: bigint
  prefix?: string
}

const NO_MATCHES: Branch = { id: -1n }
const startsWithPrefix = 'substr(s.name, 1, length(?)) = ?'

function planOf(on: EventFilter['on'], found: readonly Branch[]): FilterPlan {
  const branches = found.length > 0 ? found : [NO_MATCHES]
  const kind = on === 'stream' ? 'category' : 'type'
  const indexed = branches
    .map(
      ({ prefix }) =>
        `SELECT ${INDEXED_COLUMNS} FROM listed_by_${kind} l CROSS JOIN event e ON e.position = l.position CROSS JOIN stream s ON s.id = e.stream
         WHERE l.${kind} = ? AND l.position BETWEEN ? AND ?${prefix === undefined ? '' : ` AND ${startsWithPrefix}`}`,
    )
    .join(' UNION ALL ')
  const any = branches.map(({ prefix }) => `e.${kind} = ?${prefix === undefined ? '' : ` AND ${startsWithPrefix}`}`)
  const unindexed = `SELECT ${EVENT_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream
     WHERE e.position BETWEEN ? AND ? AND (${any.join(' OR ')})`
  const readsOnlyMatches = branches.every(({ prefix }) => prefix === undefined)
  const namesOf = ({ prefix }: Branch) => (prefix === undefined ? [] : [prefix, prefix])
  const inOrder = (sql: string) => ({
    forwards: `${sql} ORDER BY 1 LIMIT ${ROW_LIMIT}`,
    backwards: `${sql} ORDER BY 1 DESC LIMIT ${ROW_LIMIT}`,
  })
  return {
    indexed: {
      readsOnlyMatches: readsOnlyMatches,
      ...inOrder(indexed),
      parameters: (low, high, limit) => [
        ...branches.flatMap((branch) => [branch.id, low, high, ...namesOf(branch)]),
        limit,
      ],
    },
    unindexed: {
      readsOnlyMatches: false,
      ...inOrder(unindexed),
      parameters: (low, high, limit) => [
        low,
        high,
        ...branches.flatMap((branch) => [branch.id, ...namesOf(branch)]),
        limit,
      ],
    },
  }
}

/**
 * EventStoreDB's patterns are .NET's. V8's linear-time engine gives them the same meaning, but for rare corner cases. Of what
 * it does not support, one form is common: a look-ahead at the very beginning, as in `^(?!\$)`, which is evaluated as two
 * patterns.
 */
export function linearPattern(pattern: string): (text: string) => boolean {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new UnsupportedPattern(`a pattern of more than ${MAX_PATTERN_LENGTH} characters`)
  let source = pattern
  let flags = 'lu'
  if (source.startsWith('(?i)')) {
    source = source.slice(4)
    flags += 'i'
  }
  const lookahead = /^\^\(\?([!=])((?:[^()\\]|\\.|\([^()]*\))*)\)(.*)$/s.exec(source)
  if (lookahead) {
    const [, sign, condition, rest] = lookahead as unknown as [string, string, string, string]
    const begins = compileLinear(`^(?:${condition})`, flags)
    const remaining = compileLinear(`^(?:${rest})`, flags)
    return (text) => begins.test(text) === (sign === '=') && remaining.test(text)
  }
  const expression = compileLinear(source, flags)
  return (text) => expression.test(text)
}

function compileLinear(source: string, flags: string): RegExp {
  setFlagsFromString('--enable-experimental-regexp-engine')
  for (const attempt of [flags, flags.replace('u', '')]) {
    try {
      return new RegExp(source, attempt)
    } catch (error) {
      if (attempt === flags) continue
      throw new UnsupportedPattern(`${(error as Error).message}`)
    }
  }
  throw new UnsupportedPattern(source)
}
