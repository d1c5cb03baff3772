/** What every service needs: the log, the way to write, and who may do what. */
import type { Call } from '../grpc/grpc-server.ts'
import { accessDenied } from '../grpc/status.ts'
import type { EventLog } from '../storage/event-log.ts'
import type { GroupCommit, Write } from '../storage/group-commit.ts'

/** Who is calling. */
export interface Identity {
  name: string
  groups: readonly string[]
}

/** Without TLS nobody can prove who he is; EventStoreDB's insecure mode makes everyone an administrator. */
const EVERYONE_IS_ADMIN: Identity = { name: 'admin', groups: ['$admins'] }

export class Store {
  readonly log: EventLog
  private readonly commits: GroupCommit

  constructor(log: EventLog, commits: GroupCommit) {
    this.log = log
    this.commits = commits
  }

  identify(_call: Call): Identity {
    return EVERYONE_IS_ADMIN
  }

  /** `$all` is no stream: nobody writes to it or deletes it. */
  mayWrite(_identity: Identity, stream: string): boolean {
    return stream !== '$all'
  }

  mayDelete(_identity: Identity, stream: string): boolean {
    return stream !== '$all'
  }

  mayRead(_identity: Identity, _stream: string): boolean {
    return true
  }

  /** May manage persistent subscriptions and projections. */
  isOperator(identity: Identity): boolean {
    return identity.groups.includes('$admins') || identity.groups.includes('$ops')
  }

  assertMayWrite(identity: Identity, stream: string): void {
    if (!this.mayWrite(identity, stream)) throw accessDenied()
  }

  assertMayRead(identity: Identity, stream: string): void {
    if (!this.mayRead(identity, stream)) throw accessDenied()
  }

  /** Queues a write; a caller who sends faster than the disk takes is held back. */
  write(call: Call, write: Write): void {
    this.commits.submit(write)
    if (!this.commits.isFull) return
    call.pause()
    this.commits.whenRelieved(() => call.resume())
  }
}
