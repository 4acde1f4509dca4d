import type { LogEvent, LogFields, Logger } from '../../logger.ts'
import type { WireRequest } from '../message/wire.ts'
import { channels } from './diagnostics.ts'
import type {
  ListeningEvent,
  RequestEndEvent,
  RequestFailedEvent,
  RequestRefusedEvent,
  RequestStartEvent,
} from './diagnostics.ts'
import { safeLogger } from './safe-logger.ts'

type ListeningAddress = ListeningEvent['address']

/** Reports the server's events to its logger and to the diagnostics channels. */
export class Reports {
  readonly #log: Logger

  constructor(
    logger: Logger | 'off' | undefined,
    names: Readonly<Partial<Record<LogEvent, string>>> | undefined,
  ) {
    this.#log = safeLogger(logger, names)
  }

  /** Whether the diagnostics channel for the end of requests has subscribers. */
  get wantsRequestEnd(): boolean {
    return channels.requestEnd.hasSubscribers
  }

  // The server.

  listening(address: ListeningAddress, shown: string): void {
    this.#log.info({ event: 'listening' }, `Listening on ${shown}`)
    if (channels.listening.hasSubscribers) channels.listening.publish({ address } satisfies ListeningEvent)
  }

  stopping(): void {
    this.#log.info({ event: 'stopping' }, 'Stopping')
  }

  stopped(): void {
    this.#log.info({ event: 'stopped' }, 'Stopped')
  }

  serverFailed(error: unknown): void {
    this.#log.error({ event: 'server-failed', error }, 'The listening socket failed')
  }

  // Connections.

  connectionDropped(remoteAddress: string | undefined, maxConnections: number): void {
    this.#log.warn(
      { event: 'connection-dropped', remoteAddress },
      `Dropped a connection: ${maxConnections} are open`,
    )
  }

  connectionFailed(text: string, fields: Omit<LogFields, 'event'>): void {
    this.#log.warn({ event: 'connection-failed', ...fields }, text)
  }

  // Requests.

  requestStarted(message: WireRequest, url: string): void {
    if (!channels.requestStart.hasSubscribers) return
    channels.requestStart.publish({ message, url } satisfies RequestStartEvent)
  }

  requestEnded(event: RequestEndEvent): void {
    channels.requestEnd.publish(event)
  }

  requestRefused(status: number, reason: string, remoteAddress: string | undefined): void {
    this.#log.warn(
      { event: 'request-refused', status, reason, remoteAddress },
      `Refused a request: ${reason}`,
    )
    if (!channels.requestRefused.hasSubscribers) return
    channels.requestRefused.publish({ status, reason, remoteAddress } satisfies RequestRefusedEvent)
  }

  requestFailed(
    event: 'handler-failed' | 'body-failed',
    error: unknown,
    { message, url }: { readonly message: WireRequest; readonly url: string },
    text: string,
  ): void {
    this.#log.error({ event, error, method: message.method, target: message.url }, text)
    if (!channels.requestFailed.hasSubscribers) return
    channels.requestFailed.publish({ message, url, error } satisfies RequestFailedEvent)
  }

  /** The body of a response failed after its connection was handed over, when its request is no longer in memory. */
  handedOverFailed(error: unknown): void {
    this.#log.error({ event: 'body-failed', error }, 'The body of a response failed')
  }
}
