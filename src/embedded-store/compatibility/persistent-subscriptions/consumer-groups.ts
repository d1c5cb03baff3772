/** All consumer groups of the store, and their rows in the event file. */
import { randomUUID } from 'node:crypto'
import type { EventLog } from '../../storage/event-log.ts'
import type { GroupCommit } from '../../storage/group-commit.ts'
import type { Appender } from '../../storage/append.ts'
import { clampToInt64 } from '../../storage/position.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { GroupRecord, GroupSettings } from './group-settings.ts'
import { settingsAsEntry, settingsFromText, settingsToText } from './group-settings.ts'

export class ConsumerGroups {
  private readonly log: EventLog
  private readonly commits: GroupCommit
  private readonly groups = new Map<string, ConsumerGroup>()

  constructor(log: EventLog, commits: GroupCommit) {
    this.log = log
    this.commits = commits
    this.load()
  }

  find(stream: string, name: string): ConsumerGroup | undefined {
    return this.groups.get(groupKey(stream, name))
  }

  /** The groups of one stream; without an argument, all. */
  list(stream?: string): ConsumerGroup[] {
    return [...this.groups.values()].filter(({ record }) => stream === undefined || record.stream === stream)
  }

  /** @returns false when the group already exists */
  async create(stream: string, name: string, settings: GroupSettings, by: string): Promise<boolean> {
    const begin = this.beginningOf(stream, settings)
    let created = false
    await this.commit((appender) => {
      const { changes } = this.log
        .prepare(
          'INSERT INTO persistent_subscription (stream, name, settings, next) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
        )
        .run(stream, name, settingsToText(settings, begin), begin)
      created = changes > 0
      if (created) this.writeConfiguration(appender, by)
    })
    if (created) this.start({ stream, name, settings, begin, next: begin })
    return created
  }

  /** Drops the consumers, which reconnect to the changed group; its checkpoint is kept. */
  async update(group: ConsumerGroup, change: (settings: GroupSettings) => GroupSettings, by: string): Promise<void> {
    const { stream, name, begin, next } = group.record
    const settings = change(group.record.settings)
    const hasCheckpoint = next !== begin
    const newBegin = hasCheckpoint ? begin : this.beginningOf(stream, settings)
    const record = { stream, name, settings, begin: newBegin, next: hasCheckpoint ? next : newBegin }
    await this.commit((appender) => {
      this.log
        .prepare('UPDATE persistent_subscription SET settings = ?, next = ? WHERE stream = ? AND name = ?')
        .run(settingsToText(settings, newBegin), record.next, stream, name)
      this.writeConfiguration(appender, by)
    })
    group.close()
    this.start(record)
  }

  async delete(group: ConsumerGroup, by: string): Promise<void> {
    const { stream, name } = group.record
    await this.commit((appender) => {
      this.log.prepare('DELETE FROM persistent_subscription WHERE stream = ? AND name = ?').run(stream, name)
      if (this.log.stream(group.parkedStream)) appender.delete(group.parkedStream, -2n)
      this.writeConfiguration(appender, by)
    })
    this.groups.delete(groupKey(stream, name))
    group.close()
  }

  restart(): void {
    this.close()
    this.load()
  }

  close(): void {
    for (const group of this.groups.values()) {
      group.checkpoint()
      group.close()
    }
    this.commits.flushAll()
    this.groups.clear()
  }

  private load(): void {
    for (const record of this.stored()) this.start(record)
  }

  private stored(): GroupRecord[] {
    const rows = this.log.prepare('SELECT stream, name, settings, next FROM persistent_subscription').all()
    return (rows as [string, string, string, bigint][]).map(([stream, name, text, next]) => ({
      stream,
      name,
      ...settingsFromText(text),
      next,
    }))
  }

  /** Records all groups in an event, as EventStoreDB does on each change; nothing here reads it. */
  private writeConfiguration(appender: Appender, by: string): void {
    const entries = this.stored().map(({ stream, name, settings }) => settingsAsEntry(stream, name, settings))
    const configuration = { version: '2', updated: new Date().toISOString(), updatedBy: by, entries }
    appender.appendUnconditionally('$persistentSubscriptionConfig', [
      {
        id: randomUUID(),
        type: '$PersistentConfig',
        isJson: true,
        data: Buffer.from(JSON.stringify(configuration)),
        metadata: new Uint8Array(),
      },
    ])
  }

  private start(record: GroupRecord): void {
    this.groups.set(groupKey(record.stream, record.name), new ConsumerGroup(this.log, this.commits, record))
  }

  private beginningOf(stream: string, { startFrom }: GroupSettings): bigint {
    if (startFrom === 'start') return 0n
    if (startFrom !== 'end') return clampToInt64(startFrom)
    return stream === '$all' ? this.log.head + 1n : (this.log.stream(stream)?.lastRevision ?? -1n) + 1n
  }

  private commit(apply: (appender: Appender) => unknown): Promise<void> {
    return new Promise((resolve, reject) =>
      this.commits.submit({
        apply: (appender) => {
          apply(appender)
          return { kind: 'written', revision: -1n, position: undefined }
        },
        bytes: 1000,
        deadline: Infinity,
        settle: (outcome) => (outcome.kind === 'failed' ? reject(outcome.error) : resolve()),
      }),
    )
  }
}

const groupKey = (stream: string, name: string) => `${stream}::${name}`
