import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullJitter } from '../src/reconnection/backoff.ts'
import { maxTimerMs } from '../src/runtime.ts'
import { initialReconnectionState, stepReconnection } from '../src/reconnection/reconnection.ts'
import type {
  ReconnectionInput as Input,
  ReconnectionPolicy,
  ReconnectionState as State,
} from '../src/reconnection/reconnection.ts'
import { ConnectionError } from '../src/errors/connection-error.ts'

const policy: ReconnectionPolicy = {
  baseDelayMs: 1000,
  maxDelayMs: 30_000,
  minDelayMs: 100,
  maxAttempts: Infinity,
  maxElapsedMs: Infinity,
  resetAfterMs: 5000,
  backoff: fullJitter,
}

const before = new ConnectionError('network', 'before')
const reset = new ConnectionError('network', 'reset')
const response = { url: 'http://test/', headers: new Headers() }
const memory = { failures: 2, failingSinceMs: 500, baseDelayMs: 1000, openedAtMs: 10_000 }
const paused: State = { ...memory, status: { state: 'paused' } }
const connecting: State = { ...memory, status: { state: 'connecting', attempt: 2 } }
const open: State = { ...memory, status: { state: 'open', ...response } }
const waiting: State = {
  ...memory,
  status: { state: 'reconnecting', delayMs: 700, attempt: 2, cause: before },
}
const closed: State = { ...memory, status: { state: 'closed', reason: 'client', cause: undefined } }

const lost = (nowMs: number, more: object = {}): Input => ({
  type: 'lost',
  cause: reset,
  nowMs,
  random: () => 0.5,
  ...more,
})
const opened: Input = { type: 'opened', nowMs: 11_000, ...response }
const close: Input = { type: 'close', reason: 'completed' }
const isClosed: State = { ...memory, status: { state: 'closed', reason: 'completed', cause: undefined } }
/** The third failure in a row: half of 4000. */
const waitsAgain: State = {
  ...memory,
  failures: 3,
  status: { state: 'reconnecting', delayMs: 2000, attempt: 3, cause: reset },
}

const transitions: [from: State, input: Input, to: State][] = [
  [paused, { type: 'resume' }, connecting],
  [paused, { type: 'pause' }, paused],
  [paused, { type: 'reconnect' }, paused],
  [paused, { type: 'wait-over' }, paused],
  [paused, opened, paused],
  [paused, lost(11_000), paused],
  [paused, close, isClosed],

  [connecting, { type: 'resume' }, connecting],
  [connecting, { type: 'pause' }, paused],
  [connecting, { type: 'reconnect' }, connecting],
  [connecting, { type: 'wait-over' }, connecting],
  [connecting, opened, { ...open, openedAtMs: 11_000 }],
  [connecting, lost(11_000), waitsAgain],
  [connecting, close, isClosed],

  [open, { type: 'resume' }, open],
  [open, { type: 'pause' }, paused],
  [open, { type: 'reconnect' }, connecting],
  [open, { type: 'wait-over' }, open],
  [open, opened, open],
  [open, lost(14_999), waitsAgain],
  [open, close, isClosed],

  [waiting, { type: 'resume' }, waiting],
  [waiting, { type: 'pause' }, paused],
  [waiting, { type: 'reconnect' }, connecting],
  [waiting, { type: 'wait-over' }, connecting],
  [waiting, opened, waiting],
  [waiting, lost(11_000), waiting],
  [waiting, close, isClosed],
]

describe('a transition of the reconnection state machine', () => {
  it.each(
    transitions.map(([from, input, to]) => [from.status.state, input.type, { from, input, to }] as const),
  )('the state machine in the state %s takes %s', (_state, _type, { from, input, to }) => {
    const next = stepReconnection(policy, from, input)
    expect(next).toEqual(to)
    // Another object is what makes a new connection, or a timer.
    const connectsAnew = from === connecting && input.type === 'reconnect'
    expect(next.status === from.status).toBe(from === to && !connectsAnew)
  })

  it.each(['resume', 'pause', 'reconnect', 'wait-over'] as const)('closed stays closed on %s', (type) => {
    expect(stepReconnection(policy, closed, { type })).toBe(closed)
  })

  it.each([opened, lost(11_000), close, { type: 'retry', delayMs: 5 } satisfies Input])(
    'closed stays closed on $type',
    (input) => {
      expect(stepReconnection(policy, closed, input)).toBe(closed)
    },
  )
})

describe('the growth of the delays', () => {
  it('the delays go on growing across connections that did not stay open for resetAfterMs', () => {
    const state = stepReconnection(policy, open, lost(14_999))
    expect(state).toMatchObject({ failures: 3, failingSinceMs: 500 })
  })

  it('the delays start over after a connection that stayed open for resetAfterMs', () => {
    const state = stepReconnection(policy, open, lost(15_000))
    expect(state).toMatchObject({ failures: 1, failingSinceMs: 15_000, status: { delayMs: 500 } })
  })

  it('the delays start over after a short connection that counts as stable', () => {
    const state = stepReconnection(policy, open, lost(10_001, { isStable: true }))
    expect(state).toMatchObject({ failures: 1, status: { delayMs: 500 } })
  })

  it('an attempt that never opened does not make the delays start over, however long it took', () => {
    const state = stepReconnection(policy, connecting, lost(99_999, { isStable: true }))
    expect(state).toMatchObject({ failures: 3 })
  })
})

describe("the server's reconnection time", () => {
  const baseAfter = (delayMs: number): number =>
    stepReconnection(policy, open, { type: 'retry', delayMs }).baseDelayMs

  it.each([
    [2500, 2500],
    [0, 100],
    [4_294_967_296, 30_000],
    [Infinity, 30_000],
  ])('retry: %d from the server counts as %d', (delayMs, expected) => {
    expect(baseAfter(delayMs)).toBe(expected)
  })

  it('a reconnection time from the server changes neither the current connection nor the current wait', () => {
    for (const state of [connecting, open, waiting]) {
      const next = stepReconnection(policy, state, { type: 'retry', delayMs: 2500 })
      expect(next).toEqual({ ...state, baseDelayMs: 2500 })
      expect(next.status).toBe(state.status)
    }
  })

  it('a reconnection time of 0 grows from the floor, so that a server that ends at once is not flooded with requests', () => {
    let state: State = { status: open.status, failures: 0, baseDelayMs: 100 }
    const delays: number[] = []
    for (let attempt = 0; attempt < 12; attempt += 1) {
      state = stepReconnection(
        policy,
        { ...state, status: open.status, openedAtMs: 0 },
        lost(0, { random: () => 0.999 }),
      )
      if (state.status.state === 'reconnecting') delays.push(state.status.delayMs)
    }
    expect(delays).toEqual([100, 200, 400, 799, 1598, 3197, 6394, 12_787, 25_574, 29_970, 29_970, 29_970])
  })
})

describe('Retry-After', () => {
  it('the client waits for Retry-After in full, and adds jitter', () => {
    const state = stepReconnection(policy, connecting, lost(11_000, { retryAfterMs: 60_000 }))
    expect(state.status).toMatchObject({ state: 'reconnecting', delayMs: 62_000 })
  })

  it('Retry-After is capped at the longest timer', () => {
    const state = stepReconnection(policy, connecting, lost(11_000, { retryAfterMs: 1e15 }))
    expect(state.status).toMatchObject({ state: 'reconnecting', delayMs: maxTimerMs })
  })

  it('Retry-After: 0 still keeps the floor', () => {
    const state = stepReconnection(policy, connecting, lost(0, { retryAfterMs: 0, random: () => 0 }))
    expect(state.status).toMatchObject({ delayMs: 100 })
  })
})

describe('giving up', () => {
  const givesUp = (limits: Partial<ReconnectionPolicy>, input: Input): boolean => {
    const { status } = stepReconnection({ ...policy, ...limits }, connecting, input)
    return status.state === 'closed' && status.reason === 'gave-up' && status.cause === reset
  }

  it('the stream is given up with the failure after maxAttempts reconnections', () => {
    expect(givesUp({ maxAttempts: 3 }, lost(1000))).toBe(false)
    expect(givesUp({ maxAttempts: 2 }, lost(1000))).toBe(true)
    expect(givesUp({ maxAttempts: 0 }, lost(1000))).toBe(true)
  })

  it('the stream is given up when the next attempt would begin after maxElapsedMs', () => {
    // Failing since 500; now 1000; the wait is 2000.
    expect(givesUp({ maxElapsedMs: 2500 }, lost(1000))).toBe(false)
    expect(givesUp({ maxElapsedMs: 2499 }, lost(1000))).toBe(true)
  })
})

describe('any sequence of inputs', () => {
  const inputs = fc.oneof(
    fc
      .constantFrom<Input['type'] & ('resume' | 'pause' | 'reconnect' | 'wait-over')>(
        'resume',
        'pause',
        'reconnect',
        'wait-over',
      )
      .map((type): Input => ({ type })),
    fc.record({
      type: fc.constant('opened' as const),
      nowMs: fc.nat(100_000),
      url: fc.constant('http://test/'),
      headers: fc.constant(response.headers),
    }),
    fc.double({ min: 0, noNaN: true }).map((delayMs): Input => ({ type: 'retry', delayMs })),
    fc
      .record({
        nowMs: fc.nat(100_000),
        chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        retryAfterMs: fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined }),
      })
      .map(({ nowMs, chance, retryAfterMs }) => lost(nowMs, { random: () => chance, retryAfterMs })),
  )

  it('after any inputs, every wait is between the floor and the longest timer, and connecting follows only a wait, a pause or reconnect()', () => {
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 60 }), (sequence) => {
        let state: State = initialReconnectionState(policy)
        for (const input of sequence) {
          const { status: last } = state
          state = stepReconnection(policy, state, input)
          const { status } = state
          if (status === last) continue
          if (status.state === 'connecting')
            expect(
              last.state === 'paused' || last.state === 'reconnecting' || input.type === 'reconnect',
            ).toBe(true)
          if (status.state === 'open') expect(last.state).toBe('connecting')
          if (status.state === 'reconnecting') {
            expect(last.state).toMatch(/^(connecting|open)$/)
            expect(status.delayMs).toBeGreaterThanOrEqual(policy.minDelayMs)
            expect(status.delayMs).toBeLessThanOrEqual(maxTimerMs)
          }
        }
      }),
    )
  })
})
