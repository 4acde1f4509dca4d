import type { LogFields, Logger } from '../../logger.ts'

/**
 * The user's logger, or silence. A logger that throws must not fail the request it was to describe; there is nobody left
 * to tell, so its error is dropped.
 */
export function safeLogger(logger: Logger | undefined): Logger {
  if (logger === undefined) return { debug() {}, info() {}, warn() {}, error() {} }
  const guarded =
    (level: keyof Logger) =>
    (fields: LogFields, text: string): void => {
      try {
        logger[level](fields, text)
      } catch {
        // See above: the logger was the place to say it.
      }
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}
