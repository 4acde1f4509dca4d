import { eventStreamType } from './content-type.ts'
import { failedStep } from '../errors/connection-error.ts'
import type { ConnectionErrorCode } from '../errors/connection-error.ts'
import type { ResumePosition } from '../last-event-id/resume-position.ts'
import type { TransportRequest } from '../transport/transport.ts'
import { idParameter } from '../wire-contract/requested-id.ts'
import type { ConnectionFailure } from './connection.ts'

/** One attempt to connect. */
export interface Attempt {
  /** 0 for the first connection, n for the nth reconnection since the stream was last stable. */
  readonly attempt: number
  /** No request was made before, for this stream. */
  readonly isFirst: boolean
  /** Why the last connection was lost. */
  readonly cause: ConnectionFailure | undefined
  /** Aborted when the client gives the attempt up: it was closed, timed out, or asked to reconnect. */
  readonly signal: AbortSignal
}

/** What a per-attempt function gets. */
export interface AttemptContext extends Attempt {
  /** What the stream will be resumed after; empty if there is nothing. */
  readonly lastEventId: string
}

/** A value, or a function that gives it for each attempt. */
export type PerAttempt<T> = T | ((context: AttemptContext) => T | Promise<T>)

/** The fields of a request, in any form that `new Headers()` takes. */
export type HeaderFields = ConstructorParameters<typeof Headers>[0]

export interface RequestConfig {
  readonly position: Pick<ResumePosition, 'lastEventId'>
  /** Seeds the position from a store. */
  readonly loadPosition?: (() => Promise<void>) | undefined
  readonly url: PerAttempt<string | URL>
  readonly method: PerAttempt<string>
  readonly headers: PerAttempt<HeaderFields>
  readonly body: PerAttempt<RequestInit['body']>
  readonly credentials: TransportRequest['credentials']
  readonly secretHeaders: readonly string[]
  readonly resumeBy: 'header' | 'query'
}

/**
 * @throws {@link ConnectionError} `code: 'callback'` if one of the functions throws: that may pass.
 * @throws {@link ConnectionError} `code: 'invalid-request'` if what they give cannot be sent.
 */
export async function prepareRequest(config: RequestConfig, attempt: Attempt): Promise<TransportRequest> {
  let code: ConnectionErrorCode = 'callback'
  try {
    await config.loadPosition?.()
    const { lastEventId } = config.position
    const context = { ...attempt, lastEventId }
    const method = await once(config.method, context)
    const target = await once(config.url, context)
    const fields = await once(config.headers, context)
    const body = await once(config.body, context)
    code = 'invalid-request'
    const { credentials, secretHeaders } = config
    const url = resolveUrl(target)
    const headers = new Headers(fields)
    if (!headers.has('accept')) headers.set('accept', eventStreamType)
    if (lastEventId)
      // RFC 9110 allows no control characters in a field value, and undici refuses them; an id may contain them.
      // (Not as \p{Cc}, which React Native's engine does not parse.)
      if (config.resumeBy === 'query' || /[^\t -~\xa0-\uffff]/.test(lastEventId))
        url.searchParams.set(idParameter, lastEventId)
      else headers.set('last-event-id', toByteString(lastEventId))
    return { url, method: method.toUpperCase(), headers, body, credentials, secretHeaders }
  } catch (cause) {
    throw failedStep(code, 'Making the request', cause)
  }
}

/** Field values are bytes; the string that stands for them has one character per byte. */
function toByteString(text: string): string {
  // Not as one call with as many arguments: an id may be long.
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

async function once<T>(source: PerAttempt<T>, context: AttemptContext): Promise<T> {
  // React Native's signals have no throwIfAborted.
  if (context.signal.aborted) throw context.signal.reason
  return typeof source === 'function'
    ? (source as (context: AttemptContext) => T | Promise<T>)(context)
    : source
}

/** A URL of its own, resolved against the page's as `EventSource` does. @throws TypeError if it does not parse. */
export function resolveUrl(url: string | URL): URL {
  const { document, location } = globalThis as {
    document?: { baseURI?: string }
    location?: { href: string }
  }
  return new URL(url, document?.baseURI ?? location?.href)
}
