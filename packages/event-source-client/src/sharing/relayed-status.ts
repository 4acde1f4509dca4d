import type { ConnectionErrorCode } from '../errors/connection-error.ts'
import type { ResponseErrorCode } from '../errors/response-error.ts'
import type { StreamFailure, StreamStatus } from '../reconnection/stream-status.ts'
import type { SharingKit } from './membership.ts'

/** A status as it is on its way to another page. Errors would lose their class and fields, so their parts travel. */
export interface RelayedStatus {
  readonly status: StreamStatus
  readonly cause: RelayedCause | undefined
  readonly headers: [string, string][] | undefined
}

interface RelayedCause {
  readonly code: string
  readonly message: string
  readonly response?: {
    readonly status: number
    readonly url: string
    readonly headers: [string, string][]
    readonly body: string
  }
}

export function relayedStatus(status: StreamStatus): RelayedStatus {
  const { cause, headers, ...rest } = status as StreamStatus & {
    readonly cause?: StreamFailure
    readonly headers?: Headers
  }
  return { status: rest as StreamStatus, cause: cause && flatten(cause), headers: headers && [...headers] }
}

function flatten(cause: StreamFailure): RelayedCause {
  const { message, code } = cause
  if (!('status' in cause)) return { message, code }
  const { status, url, headers, body } = cause
  return { message, code, response: { status, url, headers: [...headers], body } }
}

export function restoredStatus(
  { ConnectionError, EventSizeError, ResponseError }: SharingKit,
  { status, cause, headers }: RelayedStatus,
  maxEventBytes: number,
): StreamStatus {
  if (headers) return { ...status, headers: new Headers(headers) } as StreamStatus
  if (!cause) return status
  const { code, message, response } = cause
  const restore = (): StreamFailure => {
    if (code === 'event-too-large') return new EventSizeError(maxEventBytes)
    if (!response) return new ConnectionError(code as ConnectionErrorCode, message)
    const head = { ...response, headers: new Headers(response.headers) }
    return new ResponseError(code as ResponseErrorCode, message, head, response.body)
  }
  return { ...status, cause: restore() } as StreamStatus
}
