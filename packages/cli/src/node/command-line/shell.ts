import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'

/** What a command has of the shell that runs it. */
export interface Shell {
  readonly stdin: Readable
  /** What the command is for. Waits until the reader has room. */
  write(text: string | Uint8Array): Promise<void>
  /** Reports about the command, on standard error. */
  say(text: string): void
  /** Whether a person reads standard output. */
  readonly isTerminal: boolean
  /** Standard error, if a person reads it. */
  readonly terminal: WriteStream | undefined
  /** Standard output and error, for `styleText` to see whether they take colours. */
  readonly stdout: Writable
  readonly stderr: Writable
  /** Aborts by Ctrl-C or SIGTERM, and when the output is no longer read. */
  readonly signal: AbortSignal
}

/** Why {@link Shell.signal} aborted. */
type Interruption = 'SIGINT' | 'SIGTERM' | 'output-closed'

/** The shell that started this process. A second Ctrl-C ends it at once. */
export function createShell(): Shell {
  const { stdin, stdout, stderr } = process
  const interruption = new AbortController()
  const interrupt = (why: Interruption): void => interruption.abort(why)
  process.once('SIGINT', () => interrupt('SIGINT')).once('SIGTERM', () => interrupt('SIGTERM'))
  // `sse tail ... | head -1`: the reader has what it wanted.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') stderr.write(`sse: cannot write: ${error.message}\n`)
    interrupt('output-closed')
  })
  const { signal } = interruption
  return {
    stdin,
    async write(text) {
      if (signal.aborted || stdout.write(text)) return
      await once(stdout, 'drain', { signal }).catch(() => undefined)
    },
    say: (text) => void stderr.write(`${text}\n`),
    isTerminal: stdout.isTTY,
    terminal: stderr.isTTY ? stderr : undefined,
    stdout,
    stderr,
    signal,
  }
}
