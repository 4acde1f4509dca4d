import type { LogEvent, LogFields, Logger } from '../../logger.ts'
import { callListener } from '../../thenable.ts'

/** The default logger: errors go to the console, all other records are dropped. */
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
 * Wraps the user's logger and renames events by `logEventNames`. If the logger throws or rejects, the request it describes
 * must not fail. The error is dropped, because there is no other place to report it.
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
      // Dropped: see above.
      void callListener(
        () => logger[level](name === undefined ? fields : { ...fields, event: name }, text),
        () => {},
      )
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}
