/** How `sse` ends: see the table in README.md. */
export const exitCodes = {
  /** What was asked for came: the stream's end, `--limit` events, a check without errors. */
  done: 0,
  /** `check` found an error, or `load` a loss. */
  found: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The server refused, or what it sends is not an event stream. */
  refused: 3,
  /** The stream failed, was interrupted or broke off, and cannot go on. */
  failed: 4,
  /** `--max-time` was over before. */
  timeOver: 5,
  /** As shells say that a program was ended by SIGINT, and by SIGTERM. */
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
