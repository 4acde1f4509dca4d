import { checkFunction, checkMethods } from '../options/check-options.ts'
import { OptionError } from '../errors/option-error.ts'
import type { Middleware } from './middleware.ts'
import { decisionOf } from '../options/decision.ts'
import { callListener } from '../thenable.ts'
import { tellStatus } from './tell-status.ts'

/** The log record of one answered request. */
export interface AccessRecord {
  readonly event: 'request'
  readonly method: string
  /** The path without the query, which may contain secrets. */
  readonly path: string
  /** The status of the response; 500 if the handler threw something other than an HttpError. */
  readonly status: number
  /** The time from the head of the request until the handler answered, in milliseconds. Sending may take longer. */
  readonly durationMs: number
  readonly remoteAddress: string | undefined
  /** The pattern of the route, for grouping; undefined if no route matched. */
  readonly route: string | undefined
}

/** The logger that receives the records, with the signature of pino and many other loggers. */
export interface AccessLogger {
  info(record: AccessRecord, text: string): void
}

/** See {@link accessLog}. */
export interface AccessLogOptions {
  readonly logger: AccessLogger
  /**
   * Decides which requests are logged. Called when a request has been answered. If the function throws, the request fails.
   *
   * @defaultValue all requests are logged
   */
  readonly filter?: (record: AccessRecord) => boolean
}

/**
 * Creates a middleware that logs each request when it has been answered: `GET /rooms/1 200 3 ms`. If the logger throws, the
 * error is dropped, and the request does not fail.
 *
 * @throws {@link OptionError} naming the option.
 * @example
 * ```ts
 * import { createRouter, textResponse } from '@sse-toolkit/http-core'
 * import { accessLog } from '@sse-toolkit/http-core/logging'
 *
 * const lines: string[] = []
 * const router = createRouter()
 * router.use(accessLog({ logger: { info: (_record, text) => lines.push(text) } }))
 * router.get('/hello', () => textResponse('Hello!'))
 * await router.fetch(new Request('http://localhost/hello'))
 * lines.length // 1
 * ```
 */
export function accessLog({ logger, filter = () => true }: AccessLogOptions): Middleware {
  // Without this check nothing would ever be logged, because errors of the logger are dropped.
  if (logger === undefined) throw new OptionError('logger', logger, 'an object with info')
  checkMethods('logger', logger, ['info'])
  checkFunction('filter', filter)
  return (next) => (request, context) => {
    const log = (status: number): void => {
      const record: AccessRecord = {
        event: 'request',
        method: request.method,
        path: new URL(request.url).pathname,
        status,
        durationMs: Math.round(context.elapsedMs),
        remoteAddress: context.remoteAddress,
        route: context.route === undefined ? undefined : String(context.route),
      }
      // An error of the filter is not dropped: otherwise nothing would show why there are no records.
      if (!decisionOf('filter', filter(record))) return
      // An error of the logger is dropped, because there is no other place to report it.
      void callListener(
        () => logger.info(record, `${record.method} ${record.path} ${status} ${record.durationMs} ms`),
        () => {},
      )
    }
    return tellStatus(context, () => next(request, context), log)
  }
}
