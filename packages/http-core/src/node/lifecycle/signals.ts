import { constants } from 'node:os'
import { checkFunction, checkList } from '../../options/check-options.ts'
import { callListener } from '../../thenable.ts'
import { checkCloseOptions } from './close-options.ts'
import type { CloseOptions } from './close-options.ts'
import type { Closable } from './server-types.ts'

/** See {@link closeOnSignals}. */
export interface SignalOptions extends CloseOptions {
  /** The signals that stop the server. @defaultValue SIGINT (Ctrl-C) and SIGTERM (sent by service managers) */
  readonly signals?: readonly NodeJS.Signals[]
  /** Runs while the server stops: close hubs and databases here. The process waits until this function is done. */
  readonly onClose?: (signal: NodeJS.Signals) => Promise<void> | void
  /** Called with the error before the process ends, if `onClose` or `close()` fails. @defaultValue `console.error` */
  readonly onError?: (error: unknown) => void
  /** The process to listen on and to end. @defaultValue the current process */
  readonly process?: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>
}

/**
 * Stops a server when the process receives a signal, then ends the process. The exit code is 0 if all requests were
 * served, and 1 if the server destroyed connections at the deadline or `onClose` failed. A second signal ends the process
 * at once, with 128 plus the signal's number.
 *
 * @returns a function that removes the signal listeners.
 * @throws {@link OptionError} naming the option.
 * @example
 * ```ts no-run
 * import { closeOnSignals, createServer } from '@sse-toolkit/http-core/node'
 *
 * const server = createServer({ fetch: () => new Response('Hello\n') })
 * await server.listen()
 * closeOnSignals(server, { timeoutMs: 5000 })
 * ```
 */
export function closeOnSignals(server: Closable, options: SignalOptions = {}): () => void {
  const {
    signals = ['SIGINT', 'SIGTERM'],
    onClose,
    // oxlint-disable-next-line no-console -- the last resort: the process is about to end
    onError = (error) => console.error(error),
    process: host = process,
    ...closeOptions
  } = options
  const isSignal = (name: unknown): boolean =>
    typeof name === 'string' && Object.hasOwn(constants.signals, name)
  checkList('signals', signals, isSignal, 'signals such as SIGTERM')
  checkFunction('onClose', onClose)
  checkFunction('onError', onError)
  checkCloseOptions(closeOptions)
  let isClosing = false
  const close = async (signal: NodeJS.Signals): Promise<void> => {
    const [closed, cleaned] = await Promise.allSettled([
      server.close(closeOptions),
      // In a promise callback, so that a synchronous throw also becomes a rejection.
      Promise.resolve(signal).then(onClose),
    ])
    for (const { reason } of [closed, cleaned].filter((each) => each.status === 'rejected')) {
      // oxlint-disable-next-line no-console -- the last resort
      void callListener(() => onError(reason), console.error)
    }
    const isGood =
      closed.status === 'fulfilled' &&
      closed.value.destroyedConnections === 0 &&
      cleaned.status === 'fulfilled'
    host.exit(isGood ? 0 : 1)
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isClosing) {
      host.exit(128 + constants.signals[signal])
      return
    }
    isClosing = true
    void close(signal)
  }
  for (const signal of signals) host.on(signal, onSignal)
  return () => {
    for (const signal of signals) host.off(signal, onSignal)
  }
}
