import type { ConnectionErrorCode } from '../errors/connection-error.ts'
import type { ResponseError, ResponseErrorCode } from '../errors/response-error.ts'
import type { StreamFailure, StreamStatus } from '../reconnection/stream-status.ts'
import type { SharingKit } from './membership.ts'

type Fields = [name: string, value: string][]

/** A status as it is on its way to another page. Errors would lose their class and fields, so their parts travel. */
export interface RelayedStatus {
  readonly status: StreamStatus
  readonly cause: RelayedCause | undefined
  readonly headers: Fields | undefined
}

interface RelayedCause {
  readonly code: string
  readonly message: string
  /** The rest is of a {@link ResponseError}. */
  readonly status: number | undefined
  readonly url: string | undefined
  readonly headers: Fields | undefined
  readonly body: string | undefined
}

export function relayedStatus(status: StreamStatus): RelayedStatus {
  const { cause, headers, ...rest } = status as StreamStatus & {
    readonly cause?: StreamFailure
    readonly headers?: Headers
  }
  return { status: rest as StreamStatus, cause: cause && flatten(cause), headers: headers && [...headers] }
}

function flatten(cause: StreamFailure): RelayedCause {
  const { status, url, headers, body } = cause as Partial<ResponseError>
  return { code: cause.code, message: cause.message, status, url, headers: headers && [...headers], body }
}

export function restoredStatus(
  { ConnectionError, EventSizeError, ResponseError }: SharingKit,
  { status, cause, headers }: RelayedStatus,
  maxEventBytes: number,
): StreamStatus {
  if (headers) return { ...status, headers: new Headers(headers) } as StreamStatus
  if (!cause) return status
  const { code, message, status: statusCode, url = '', body = '' } = cause
  const error =
    code === 'event-too-large'
      ? new EventSizeError(maxEventBytes)
      : statusCode === undefined
        ? new ConnectionError(code as ConnectionErrorCode, message)
        : new ResponseError(
            code as ResponseErrorCode,
            message,
            { status: statusCode, url, headers: new Headers(cause.headers) },
            body,
          )
  return { ...status, cause: error } as StreamStatus
}
