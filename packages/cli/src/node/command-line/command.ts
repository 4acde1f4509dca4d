import type { ExitCode } from './exit-codes.ts'
import type { Shell } from './shell.ts'

/** One of the commands of `sse`. */
export interface Command {
  readonly name: string
  /** What it does, in a line. */
  readonly summary: string
  /** What `--help` says. */
  readonly usage: string
  /** @throws {@link UsageError} */
  run(args: readonly string[], shell: Shell): Promise<ExitCode>
}
