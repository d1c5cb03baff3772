/** Service `Projections`: starts, stops and describes the system projections. Projections written by users are not supported. */
import type { GrpcCall, GrpcHandler } from '../../grpc/grpc-server.ts'
import { serverStreamingHandler, unaryHandler } from '../../grpc/grpc-server.ts'
import { StatusCode, RpcError, accessDeniedError, unimplementedError } from '../../grpc/status.ts'
import type {
  SystemProjectionName,
  SystemProjectionState,
  SystemProjectionStatus,
  SystemProjections,
} from './system-projections.ts'
import { SYSTEM_PROJECTION_NAMES } from './system-projections.ts'
import { frameMessage } from '../../grpc/grpc-server.ts'
import { ProtobufReader, ProtobufWriter } from '../../wire/protobuf.ts'
import type { ServiceContext } from '../../services/service-context.ts'

const EMPTY = Buffer.alloc(0)

export function systemProjectionHandlers(
  store: ServiceContext,
  projections: SystemProjections,
): [path: string, handler: GrpcHandler][] {
  const service = '/event_store.client.projections.Projections'
  const change = (call: GrpcCall, name: string, state: SystemProjectionState) => {
    assertOperator(store, call)
    return projections.setState(systemProjectionNamed(name), state).then(() => EMPTY)
  }
  return [
    [`${service}/Enable`, unaryHandler((request, call) => change(call, readOptions(request).name, 'Running'))],
    [
      `${service}/Disable`,
      unaryHandler((request, call) => {
        const { name, flag } = readOptions(request)
        return change(call, name, flag ? 'Stopped' : 'Aborted')
      }),
    ],
    [
      `${service}/Statistics`,
      serverStreamingHandler(async (request, call) => {
        assertOperator(store, call)
        const { name } = readOptions(request)
        const wanted = name === '' ? SYSTEM_PROJECTION_NAMES : [systemProjectionNamed(name)]
        call.end(Buffer.concat(wanted.map((one) => frameMessage(statistics(projections.status(one))))))
        return Promise.resolve()
      }),
    ],
    // What users' projections have besides, which there are none of here: of any other name, the answer is right as it is.
    ...['Update', 'Delete', 'Reset', 'State', 'Result'].map((method): [string, GrpcHandler] => [
      `${service}/${method}`,
      unaryHandler((request, call) => {
        assertOperator(store, call)
        const name = systemProjectionNamed(readOptions(request).name)
        throw unimplementedError(`${method} of the system projection ${name}`)
      }),
    ]),
    [
      `${service}/RestartSubsystem`,
      unaryHandler((_request, call) => {
        assertOperator(store, call)
        projections.restart()
        return EMPTY
      }),
    ],
  ]
}

function assertOperator(store: ServiceContext, call: GrpcCall): void {
  if (!store.isOperator(store.identify(call))) throw accessDeniedError()
}

function systemProjectionNamed(name: string): SystemProjectionName {
  if (!SYSTEM_PROJECTION_NAMES.includes(name as SystemProjectionName))
    // The code is NOT_FOUND from version 24.6 on; earlier clients look for the word in the message.
    throw new RpcError(StatusCode.UNKNOWN, `Projection '${name}': NotFound`)
  return name as SystemProjectionName
}

/** Enable, Disable and Statistics all have the form `{ 1: name, 2: flag }`. */
function readOptions(request: Buffer): { name: string; flag: boolean } {
  const options = { name: '', flag: false }
  const outer = new ProtobufReader(request)
  for (let field = outer.next(); field !== 0; field = outer.next()) {
    if (field !== 1) {
      outer.skip()
      continue
    }
    const inner = outer.message()
    for (let option = inner.next(); option !== 0; option = inner.next()) {
      if (option === 1) options.name = inner.string()
      // In Statistics, the second field is a message that asks for all projections.
      else if (option === 2 && inner.isNumber) options.flag = inner.bool()
      else inner.skip()
    }
  }
  return options
}

function statistics(status: SystemProjectionStatus): Buffer {
  const position = `C:${status.checkpoint}/P:${status.checkpoint}`
  const writer = new ProtobufWriter(512)
  writer.message(1, (details) => {
    details.uint64(1, 0n).uint64(2, 0n).uint64(3, -1n)
    details.string(4, status.name).int32(5, 0).int32(6, 0).int32(7, 0)
    details.string(8, status.state).string(9, status.fault).string(10, status.name).string(11, 'Continuous')
    details.string(12, position).float(13, status.progress).string(14, position)
    details.uint64(15, status.processedSinceStart).string(16, '').uint64(17, 0n).int32(18, 0).int32(19, 0)
  })
  return writer.finish()
}
