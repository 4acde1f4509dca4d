import type { LogEvent, LogFields, Logger } from '../../logger.ts'
import { callListener } from '../../thenable.ts'

/** Without a logger: failures of the program reach the console, everything else is dropped. */
const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, text) {
    // oxlint-disable-next-line no-console -- the last resort: there is no logger
    console.error(`http-core: ${text}`, fields.error)
  },
}

const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * The user's logger, with the names of events that the user gave them. A logger that throws, or is asynchronous and rejects, must not fail the request it was
 * to describe; there is nowhere left to report to, so its error is dropped.
 */
export function safeLogger(
  logger: Logger | 'off' | undefined,
  names: Readonly<Partial<Record<LogEvent, string>>> = {},
): Logger {
  if (logger === undefined) return consoleLogger
  if (logger === 'off') return silentLogger
  const guarded =
    (level: keyof Logger) =>
    (fields: LogFields, text: string): void => {
      const name = names[fields.event as LogEvent]
      // See above: the logger was the place to say it.
      void callListener(
        () => logger[level](name === undefined ? fields : { ...fields, event: name }, text),
        () => {},
      )
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}
