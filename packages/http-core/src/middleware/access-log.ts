import { checkFunction, checkMethods } from '../options/check-options.ts'
import { OptionError } from '../errors/option-error.ts'
import type { Middleware } from './middleware.ts'
import { decisionOf } from '../options/decision.ts'
import { callListener } from '../thenable.ts'
import { tellStatus } from './tell-status.ts'

/** One answered request. */
export interface AccessRecord {
  readonly event: 'request'
  readonly method: string
  /** The path alone: a query may hold what belongs into no log. */
  readonly path: string
  /** 500 where the handler threw something other than an HttpError. */
  readonly status: number
  /** From the head of the request until the handler answered, in milliseconds; the content of the response may still be coming. */
  readonly durationMs: number
  readonly remoteAddress: string | undefined
  /** The pattern of the route, for grouping; undefined where none matched. */
  readonly route: string | undefined
}

/** Where records go: the form of pino and of many others. */
export interface AccessLogger {
  info(record: AccessRecord, text: string): void
}

/** See {@link accessLog}. */
export interface AccessLogOptions {
  readonly logger: AccessLogger
  /** Which requests are logged, asked when they are answered. If it fails, so does the request. @defaultValue all */
  readonly filter?: (record: AccessRecord) => boolean
}

/**
 * A middleware that logs each request when it has been answered: `GET /rooms/1 200 3 ms`. A logger that throws is
 * survived: the request it was to tell of has not failed.
 *
 * @throws {@link OptionError} which names the option.
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
  // It would be silent forever: an error of a logger is survived.
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
      // Not survived, as an error of a logger is: nothing would show why there are no records.
      if (!decisionOf('filter', filter(record))) return
      // What it throws is dropped: the logger was the place to say it.
      void callListener(
        () => logger.info(record, `${record.method} ${record.path} ${status} ${record.durationMs} ms`),
        () => {},
      )
    }
    return tellStatus(context, () => next(request, context), log)
  }
}
