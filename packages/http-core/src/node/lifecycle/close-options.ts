import { checkChoice } from '../../options/check-options.ts'
import { OptionError } from '../../errors/option-error.ts'

/** Node stores timeouts in 32 bits: a longer timeout would fire at once. */
export const maxTimeoutMs: number = 2 ** 31 - 1

/** How a server stops. */
export interface CloseOptions {
  /**
   * How long requests in flight may take to finish, in milliseconds. After that the server destroys the connections that
   * are still open.
   *
   * @defaultValue 10 000. With 0 the server destroys them at once; with Infinity it waits until all requests are done.
   */
  readonly timeoutMs?: number
  /**
   * How the server treats event streams and WebSockets, which never end by themselves.
   *
   * `'end'`: the server ends each of them one turn of the event loop after `context.closing` aborts, and the client can
   * reconnect to another process. It closes a WebSocket with 1001. A stream of `@sse-toolkit/sse-server` ends cleanly if it
   * may be complete; any other stream is broken off, unless it ends by itself before.
   *
   * `'wait'`: the server waits for them as for any other request. Use it if your application spreads the ends over time, as
   * the hub's `close({ drainMs })` does.
   *
   * @defaultValue `'end'`
   */
  readonly eventStreams?: 'end' | 'wait'
}

/** @throws {@link OptionError} */
export function checkCloseOptions({ timeoutMs = 0, eventStreams }: CloseOptions): void {
  if (!((timeoutMs >= 0 && timeoutMs <= maxTimeoutMs) || timeoutMs === Infinity)) {
    throw new OptionError('timeoutMs', timeoutMs, 'a number from 0 to 2^31 - 1, or Infinity')
  }
  checkChoice('eventStreams', eventStreams, ['end', 'wait'])
}
