/** What every service needs: the log, the way to write, and who may do what. */
import type { Action } from './access-control.ts'
import { EVERYONE_IS_ADMIN, isOperator, may } from './access-control.ts'
import type { FaultBox } from './faults.ts'
import type { Call, Identity } from '../grpc/grpc-server.ts'
import { accessDenied, notLeader, unavailable } from '../grpc/status.ts'
import type { EventLog } from '../storage/event-log.ts'
import type { GroupCommit, Write } from '../storage/group-commit.ts'

export class Store {
  readonly log: EventLog
  private readonly commits: GroupCommit
  private readonly faults: FaultBox | undefined

  constructor(log: EventLog, commits: GroupCommit, faults?: FaultBox) {
    this.log = log
    this.commits = commits
    this.faults = faults
  }

  identify(call: Call): Identity {
    return call.identity ?? EVERYONE_IS_ADMIN
  }

  mayWrite(identity: Identity, stream: string): boolean {
    return this.may(identity, 'write', stream)
  }

  mayDelete(identity: Identity, stream: string): boolean {
    return this.may(identity, 'delete', stream)
  }

  isOperator(identity: Identity): boolean {
    return isOperator(identity)
  }

  assertMayWrite(identity: Identity, stream: string): void {
    if (!this.mayWrite(identity, stream)) throw accessDenied()
  }

  assertMayRead(identity: Identity, stream: string): void {
    if (!this.may(identity, 'read', stream)) throw accessDenied()
  }

  /** Only tests make a node that does not lead. */
  assertLeads(): void {
    const leader = this.faults?.current.notLeader
    if (leader) throw notLeader(leader.host, leader.port)
  }

  /** Queues a write; a caller who sends faster than the disk takes is held back. */
  write(call: Call, write: Write): void {
    if (this.faults?.takesAway('before_commit')) return call.fail(unavailable('Not committed (as a test asked)'))
    this.commits.submit(this.faults ? this.withFaults(this.faults, call, write) : write)
    if (!this.commits.isFull) return
    call.pause()
    this.commits.whenRelieved(() => call.resume())
  }

  private withFaults(faults: FaultBox, call: Call, write: Write): Write {
    return {
      ...write,
      settle(outcome) {
        if (faults.takesAway('after_commit'))
          return call.fail(unavailable('Committed, and not said so (as a test asked)'))
        const { delayedAcknowledgement } = faults.current
        if (delayedAcknowledgement) setTimeout(() => write.settle(outcome), delayedAcknowledgement).unref()
        else write.settle(outcome)
      },
    }
  }

  /** Metadata are guarded by the stream they describe. */
  private may(identity: Identity, action: 'read' | 'write' | 'delete', stream: string): boolean {
    const isMetastream = stream.startsWith('$$')
    const original = isMetastream ? stream.slice(2) : stream
    const inDetail: Action = !isMetastream ? action : action === 'read' ? 'readMetadata' : 'writeMetadata'
    return may(identity, inDetail, original, () => this.log.stream(original)?.acl ?? null)
  }
}
