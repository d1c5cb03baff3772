/** What the handlers of all services share: the log, the queue of writes, the access checks and the test faults. */
import type { StreamAction } from './access-control.ts'
import { ANONYMOUS, EVERYONE_IS_ADMIN, isOperator, isAllowed } from './access-control.ts'
import type { FaultInjector } from './faults.ts'
import type { GrpcCall, CallerIdentity } from '../grpc/grpc-server.ts'
import { accessDeniedError, notLeaderError, unavailableError } from '../grpc/status.ts'
import type { EventLog } from '../storage/event-log.ts'
import type { GroupCommit, PendingWrite } from '../storage/group-commit.ts'

export class ServiceContext {
  readonly log: EventLog
  private readonly commits: GroupCommit
  private readonly faults: FaultInjector | undefined
  private readonly anonymousAccess: boolean

  /** @param anonymousAccess whether a caller without credentials may use the streams of users, as EventStoreDB's option allows */
  constructor(log: EventLog, commits: GroupCommit, anonymousAccess: boolean, faults?: FaultInjector) {
    this.log = log
    this.anonymousAccess = anonymousAccess
    this.commits = commits
    this.faults = faults
  }

  identify(call: GrpcCall): CallerIdentity {
    return call.identity ?? EVERYONE_IS_ADMIN
  }

  mayWrite(identity: CallerIdentity, stream: string): boolean {
    return this.may(identity, 'write', stream)
  }

  mayDelete(identity: CallerIdentity, stream: string): boolean {
    return this.may(identity, 'delete', stream)
  }

  isOperator(identity: CallerIdentity): boolean {
    return isOperator(identity)
  }

  assertMayWrite(identity: CallerIdentity, stream: string): void {
    if (!this.mayWrite(identity, stream)) throw accessDeniedError()
  }

  assertMayRead(identity: CallerIdentity, stream: string): void {
    if (!this.may(identity, 'read', stream)) throw accessDeniedError()
  }

  /** A store always leads; only a test fault makes it answer "not leader". */
  assertLeads(): void {
    const leader = this.faults?.current.notLeader
    if (leader) throw notLeaderError(leader.host, leader.port)
  }

  /** Queues a write, and pauses the caller while the queue is full. */
  write(call: GrpcCall, write: PendingWrite): void {
    if (this.faults?.failsWrite('before_commit'))
      return call.fail(unavailableError('Not committed (injected by a test)'))
    this.commits.submit(this.faults ? this.withFaults(this.faults, call, write) : write)
    if (!this.commits.isFull) return
    call.pause()
    this.commits.whenRoom(() => call.resume())
  }

  private withFaults(faults: FaultInjector, call: GrpcCall, write: PendingWrite): PendingWrite {
    return {
      ...write,
      settle(outcome) {
        if (faults.failsWrite('after_commit'))
          return call.fail(unavailableError('Committed, but not acknowledged (injected by a test)'))
        const { delayedAcknowledgement } = faults.current
        if (delayedAcknowledgement) setTimeout(() => write.settle(outcome), delayedAcknowledgement).unref()
        else write.settle(outcome)
      },
    }
  }

  /** Access to a metadata stream is governed by the `$acl` of the stream it describes. */
  private may(identity: CallerIdentity, action: 'read' | 'write' | 'delete', stream: string): boolean {
    if (identity === ANONYMOUS && !this.anonymousAccess) return false
    const isMetastream = stream.startsWith('$$')
    const original = isMetastream ? stream.slice(2) : stream
    const inDetail: StreamAction = !isMetastream ? action : action === 'read' ? 'readMetadata' : 'writeMetadata'
    return isAllowed(identity, inDetail, original, () => this.log.stream(original)?.acl ?? null)
  }
}
