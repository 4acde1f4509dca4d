import { openConnection } from '../connection/connection.ts'
import type {
  Connection,
  ConnectionConfig,
  ConnectionFailure,
  ConnectionObserver,
} from '../connection/connection.ts'
import type { Attempt } from '../connection/request.ts'
import { failedStep } from '../errors/connection-error.ts'
import type { ResumePosition } from '../last-event-id/resume-position.ts'
import type { TransportRequest } from '../transport/transport.ts'
import { initialReconnectionState, stepReconnection } from './reconnection.ts'
import type { ReconnectionInput, ReconnectionPolicy } from './reconnection.ts'
import type { ReconnectMode, RetryDecision } from './retry-policy.ts'
import { clampDelay } from './backoff.ts'
import type { EventSourceCloseReason, StreamFailure, StreamStatus } from './stream-status.ts'

export interface StreamConfig extends ConnectionConfig {
  readonly policy: ReconnectionPolicy
  readonly reconnect: ReconnectMode
  /** @param position - What to resume after, if not after the position that the config was made with. */
  readonly prepareRequest: (attempt: Attempt, position?: ResumePosition) => Promise<TransportRequest>
  /**
   * @param wasOpen - Whether the connection had become a stream.
   * @param hadEvents - Whether it brought any.
   */
  decideRetry(
    failure: ConnectionFailure,
    wasOpen: boolean,
    hadEvents: boolean,
  ): RetryDecision | Promise<RetryDecision>
}

export interface StreamObserver extends Pick<
  ConnectionObserver,
  'onEvent' | 'onIdOnly' | 'onComment' | 'onStanding'
> {
  onStatus(status: StreamStatus): void
}

/** A stream of undecoded events that outlives its connections. Nothing is observed after `close`. */
export interface ReconnectingStream {
  /** Connects, if it is idle: at first, and after `disconnect`. */
  readonly connect: () => void
  /** Goes idle, keeping what it knows. */
  readonly disconnect: () => void
  /** Reconnects at once, unless it is idle or closed. */
  readonly reconnect: () => void
  /** Stops reading, also from connections to come. */
  readonly pause: () => void
  readonly resume: () => void
  readonly close: (reason: EventSourceCloseReason, cause?: StreamFailure) => void
}

/** Feeds the reconnection state machine with what happens, and does what its status says. Begins idle. */
export function openReconnectingStream(config: StreamConfig, observer: StreamObserver): ReconnectingStream {
  const { runtime, policy } = config
  let state = initialReconnectionState(policy)
  let connection: Connection | undefined
  let waitTimer: unknown
  let isPaused = false
  let cause: ConnectionFailure | undefined
  let isFirst = true
  // Set by `Retry-After`: only reconnect() may connect sooner.
  let askedUntilMs = 0

  function apply(input: ReconnectionInput): void {
    const before = state.status
    state = stepReconnection(policy, state, input)
    const { status } = state
    if (status === before) return
    if (status.state !== 'open') stop()
    // Aborting runs the user's abort listeners, which may have closed the stream.
    if (state.status !== status) return
    if (status.state === 'connecting') connect()
    if (status.state === 'reconnecting') waitTimer = runtime.setTimeout(endWait, status.delayMs)
    if (status.state === 'closed') globalScope.removeEventListener?.('online', onOnline)
    observer.onStatus(status)
  }

  const endWait = (): void => apply({ type: 'wait-over' })

  function resume(): void {
    const waitMs = askedUntilMs - runtime.now()
    if (waitMs <= 0) apply({ type: 'resume' })
    else if (state.status.state === 'paused')
      waitTimer = runtime.setTimeout(resume, clampDelay(waitMs, policy))
  }

  function stop(): void {
    const old = connection
    connection = undefined
    old?.abort()
    runtime.clearTimeout(waitTimer)
  }

  function connect(): void {
    const context = { attempt: state.failures, isFirst, cause }
    isFirst = false
    const current = openConnection((signal) => config.prepareRequest({ ...context, signal }), config, {
      ...observer,
      onOpen: ({ url, headers }) => apply({ type: 'opened', nowMs: runtime.now(), url, headers }),
      onRetry: (delayMs) => apply({ type: 'retry', delayMs }),
      onNoContent: () => apply({ type: 'close', reason: 'no-content' }),
      onLost: (...loss) => void lose(...loss),
    })
    connection = current
    if (isPaused) current.pause()

    async function lose(...loss: Parameters<ConnectionObserver['onLost']>): Promise<void> {
      const [failure] = loss
      cause = failure
      try {
        const decision = await config.decideRetry(...loss)
        // The stream may have been closed, disconnected or asked to reconnect in the meantime.
        if (connection !== current) return
        if (decision.type !== 'lost') return apply(decision)
        const nowMs = runtime.now()
        askedUntilMs = nowMs + (decision.retryAfterMs ?? 0)
        apply({ cause: failure, nowMs, random: () => runtime.random(), ...decision })
      } catch (error) {
        if (connection !== current) return
        const thrown = failedStep('callback', 'onUnauthorized or shouldReconnect', error)
        apply({ type: 'close', reason: 'error', cause: thrown })
      }
    }
  }

  // In browsers: the network is back. That shortens our own wait, but never one that the server asked for. Whether an
  // open connection has survived shows when bytes arrive on it.
  function onOnline(): void {
    if (state.status.state === 'open') {
      // A request that is sent only once is not given up on a suspicion.
      if (config.reconnect !== 'never') connection?.probe()
    } else if (runtime.now() >= askedUntilMs) endWait()
  }
  globalScope.addEventListener?.('online', onOnline)

  return {
    connect: resume,
    disconnect() {
      stop()
      apply({ type: 'pause' })
    },
    reconnect: () => apply({ type: 'reconnect' }),
    pause() {
      isPaused = true
      connection?.pause()
    },
    resume() {
      isPaused = false
      connection?.resume()
    },
    close: (reason, failure) => apply({ type: 'close', reason, cause: failure }),
  }
}

/** A window or a worker has events; Node has none. */
const globalScope = globalThis as Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>>
