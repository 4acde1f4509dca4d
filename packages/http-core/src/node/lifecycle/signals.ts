import { constants } from 'node:os'
import { checkFunction, checkList } from '../../options/check-options.ts'
import { callListener } from '../../thenable.ts'
import { checkCloseOptions } from './close-options.ts'
import type { CloseOptions } from './close-options.ts'
import type { Closable } from './server-types.ts'

/** See {@link closeOnSignals}. */
export interface SignalOptions extends CloseOptions {
  /** @defaultValue SIGINT (Ctrl-C) and SIGTERM (what service managers send) */
  readonly signals?: readonly NodeJS.Signals[]
  /** Runs during the stop: closes hubs, databases. The process waits for it, no longer than for the server. */
  readonly onClose?: (signal: NodeJS.Signals) => Promise<void> | void
  /** Hears why `onClose`, or the stop itself, failed, before the process ends. @defaultValue `console.error` */
  readonly onError?: (error: unknown) => void
  /** @defaultValue the process of the program */
  readonly process?: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>
}

/**
 * Stops a server when the process gets a signal to end, then ends the process: with 0 if all requests were served, with 1 if
 * connections had to be destroyed at the deadline or `onClose` failed. A second signal is impatience: the process ends at
 * once, with 128 and the signal's number.
 *
 * @returns takes the listeners off again.
 * @throws {@link OptionError} which names the option.
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
      // Later, so that what it throws at once is a rejection, too.
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
