import { checkChoice } from '../../options/check-options.ts'
import { OptionError } from '../../errors/option-error.ts'

/** Node keeps its timeouts in 32 bits: a longer one would fire at once. */
export const maxTimeoutMs: number = 2 ** 31 - 1

/** How a server stops. */
export interface CloseOptions {
  /**
   * How long requests in flight may go on, in milliseconds; what is open then is destroyed.
   *
   * @defaultValue 10 000; 0: at once; Infinity: until they are done
   */
  readonly timeoutMs?: number
  /**
   * What becomes of event streams and WebSockets, which have no end of their own. `'end'` (the default): each is ended in
   * good order one turn after `context.closing` has aborted (a WebSocket with 1001), and its client reconnects, to
   * another process. `'wait'`: they count as any other request; for an application that spreads their ends itself, as
   * the hub's `close({ drainMs })` does.
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
