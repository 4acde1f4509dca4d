import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullJitter } from '../src/reconnection/backoff.ts'
import { maxTimerMs } from '../src/runtime.ts'
import { initialReconnectionState, stepReconnection } from '../src/reconnection/reconnection.ts'
import type {
  ReconnectionEffect,
  ReconnectionInput,
  ReconnectionPolicy,
  ReconnectionState,
} from '../src/reconnection/reconnection.ts'

type State = ReconnectionState<string>
type Input = ReconnectionInput<string>

const policy: ReconnectionPolicy = {
  baseDelayMs: 1000,
  maxDelayMs: 30_000,
  minDelayMs: 100,
  maxAttempts: Infinity,
  maxElapsedMs: Infinity,
  resetAfterMs: 5000,
  backoff: fullJitter,
}

const memory = { failures: 2, failingSinceMs: 500, baseDelayMs: 1000 }
const idle: State = { ...memory, phase: 'idle' }
const connecting: State = { ...memory, phase: 'connecting' }
const open: State = { ...memory, phase: 'open', openedAtMs: 10_000 }
const waiting: State = { ...memory, phase: 'waiting', delayMs: 700, cause: 'before' }
const closed: State = { ...memory, phase: 'closed', reason: 'client', cause: undefined }

const lost = (nowMs: number, more: object = {}): Input => ({
  type: 'lost',
  cause: 'reset',
  nowMs,
  random: () => 0.5,
  ...more,
})
const opened: Input = { type: 'opened', nowMs: 11_000 }
const close: Input = { type: 'close', reason: 'completed' }
const isClosed: State = { ...memory, phase: 'closed', reason: 'completed', cause: undefined }
/** The third failure in a row: half of 4000. */
const waitsAgain: State = {
  failures: 3,
  failingSinceMs: 500,
  baseDelayMs: 1000,
  phase: 'waiting',
  delayMs: 2000,
  cause: 'reset',
}

const transitions: [from: State, input: Input, to: State, effects: ReconnectionEffect[]][] = [
  [idle, { type: 'resume' }, connecting, ['stop', 'connect']],
  [idle, { type: 'pause' }, idle, []],
  [idle, { type: 'reconnect' }, idle, []],
  [idle, { type: 'wait-over' }, idle, []],
  [idle, opened, idle, []],
  [idle, lost(11_000), idle, []],
  [idle, close, isClosed, ['stop']],

  [connecting, { type: 'resume' }, connecting, []],
  [connecting, { type: 'pause' }, idle, ['stop']],
  [connecting, { type: 'reconnect' }, connecting, ['stop', 'connect']],
  [connecting, { type: 'wait-over' }, connecting, []],
  [connecting, opened, { ...memory, phase: 'open', openedAtMs: 11_000 }, []],
  [connecting, lost(11_000), waitsAgain, ['wait']],
  [connecting, close, isClosed, ['stop']],

  [open, { type: 'resume' }, open, []],
  [open, { type: 'pause' }, idle, ['stop']],
  [open, { type: 'reconnect' }, connecting, ['stop', 'connect']],
  [open, { type: 'wait-over' }, open, []],
  [open, opened, open, []],
  [open, lost(14_999), waitsAgain, ['wait']],
  [open, close, isClosed, ['stop']],

  [waiting, { type: 'resume' }, waiting, []],
  [waiting, { type: 'pause' }, idle, ['stop']],
  [waiting, { type: 'reconnect' }, connecting, ['stop', 'connect']],
  [waiting, { type: 'wait-over' }, connecting, ['stop', 'connect']],
  [waiting, opened, waiting, []],
  [waiting, lost(11_000), waiting, []],
  [waiting, close, isClosed, ['stop']],
]

describe('a transition of the reconnection state machine', () => {
  it.each(
    transitions.map(
      ([from, input, to, effects]) => [from.phase, input.type, { from, input, to, effects }] as const,
    ),
  )('the state machine in the phase %s takes %s', (_phase, _type, { from, input, to, effects }) => {
    expect(stepReconnection(policy, from, input)).toEqual({ state: to, effects })
  })

  it.each(['resume', 'pause', 'reconnect', 'wait-over'] as const)('closed stays closed on %s', (type) => {
    expect(stepReconnection(policy, closed, { type })).toEqual({ state: closed, effects: [] })
  })

  it.each([opened, lost(11_000), close, { type: 'retry', reconnectionTimeMs: 5 } satisfies Input])(
    'closed stays closed on $type',
    (input) => {
      expect(stepReconnection(policy, closed, input)).toEqual({ state: closed, effects: [] })
    },
  )
})

describe('the growth of the delays', () => {
  it('the delays go on growing across connections that did not stay open for resetAfterMs', () => {
    const { state } = stepReconnection(policy, open, lost(14_999))
    expect(state).toMatchObject({ failures: 3, failingSinceMs: 500 })
  })

  it('the delays begin anew after a connection that stayed open for resetAfterMs', () => {
    const { state } = stepReconnection(policy, open, lost(15_000))
    expect(state).toMatchObject({ failures: 1, failingSinceMs: 15_000, delayMs: 500 })
  })

  it('the delays begin anew after a short connection that counts as stable all the same', () => {
    const { state } = stepReconnection(policy, open, lost(10_001, { isStable: true }))
    expect(state).toMatchObject({ failures: 1, delayMs: 500 })
  })

  it('the delays do not begin anew when a connection merely was asked for', () => {
    const { state } = stepReconnection(policy, connecting, lost(99_999, { isStable: true }))
    expect(state).toMatchObject({ failures: 3 })
  })
})

describe("the server's reconnection time", () => {
  const baseAfter = (reconnectionTimeMs: number): number =>
    stepReconnection<string>(policy, open, { type: 'retry', reconnectionTimeMs }).state.baseDelayMs

  it.each([
    [2500, 2500],
    [0, 100],
    [4_294_967_296, 30_000],
    [Infinity, 30_000],
  ])('retry: %d of the server counts as %d', (reconnectionTimeMs, expected) => {
    expect(baseAfter(reconnectionTimeMs)).toBe(expected)
  })

  it('a reconnection time from the server does not disturb the connection or the wait at hand', () => {
    for (const state of [connecting, open, waiting]) {
      const step = stepReconnection<string>(policy, state, { type: 'retry', reconnectionTimeMs: 2500 })
      expect(step).toEqual({ state: { ...state, baseDelayMs: 2500 }, effects: [] })
    }
  })

  it('a reconnection time of 0 grows from the floor, so that a server that ends at once is not asked at full speed', () => {
    let state: State = { ...connecting, failures: 0, failingSinceMs: undefined, baseDelayMs: 100 }
    const delays: number[] = []
    for (let attempt = 0; attempt < 12; attempt += 1) {
      state = stepReconnection(
        policy,
        { ...state, phase: 'open', openedAtMs: 0 },
        lost(0, { random: () => 0.999 }),
      ).state
      if (state.phase === 'waiting') delays.push(state.delayMs)
    }
    expect(delays).toEqual([100, 200, 400, 799, 1598, 3197, 6394, 12_787, 25_574, 29_970, 29_970, 29_970])
  })
})

describe('Retry-After', () => {
  it('Retry-After is waited for in full, and jitter comes on top of it', () => {
    const { state } = stepReconnection(policy, connecting, lost(11_000, { retryAfterMs: 60_000 }))
    expect(state).toMatchObject({ phase: 'waiting', delayMs: 62_000 })
  })

  it('Retry-After is cut to what a timer can keep', () => {
    const { state } = stepReconnection(policy, connecting, lost(11_000, { retryAfterMs: 1e15 }))
    expect(state).toMatchObject({ phase: 'waiting', delayMs: maxTimerMs })
  })

  it('Retry-After: 0 still keeps the floor', () => {
    const { state } = stepReconnection(policy, connecting, lost(0, { retryAfterMs: 0, random: () => 0 }))
    expect(state).toMatchObject({ delayMs: 100 })
  })
})

describe('giving up', () => {
  const givesUp = (limits: Partial<ReconnectionPolicy>, input: Input): boolean => {
    const { state } = stepReconnection({ ...policy, ...limits }, connecting, input)
    return state.phase === 'closed' && state.reason === 'gave-up' && state.cause === 'reset'
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
    fc.nat(100_000).map((nowMs): Input => ({ type: 'opened', nowMs })),
    fc
      .double({ min: 0, noNaN: true })
      .map((reconnectionTimeMs): Input => ({ type: 'retry', reconnectionTimeMs })),
    fc
      .record({
        nowMs: fc.nat(100_000),
        chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        retryAfterMs: fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined }),
      })
      .map(({ nowMs, chance, retryAfterMs }) => lost(nowMs, { random: () => chance, retryAfterMs })),
  )

  it('any sequence of inputs keeps at most one connection or timer, and every wait within the floor and what a timer keeps', () => {
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 60 }), (sequence) => {
        let state: State = initialReconnectionState(policy)
        let busy: 'connection' | 'timer' | undefined
        for (const input of sequence) {
          // What the driver guarantees: only a connection that is there opens or is lost.
          if ((input.type === 'opened' || input.type === 'lost') && busy !== 'connection') continue
          if (input.type === 'lost') busy = undefined
          const step = stepReconnection(policy, state, input)
          state = step.state
          for (const effect of step.effects) {
            if (effect === 'stop') busy = undefined
            else {
              expect(busy).toBeUndefined()
              busy = effect === 'connect' ? 'connection' : 'timer'
            }
          }
          if (state.phase === 'waiting') {
            expect(state.delayMs).toBeGreaterThanOrEqual(policy.minDelayMs)
            expect(state.delayMs).toBeLessThanOrEqual(maxTimerMs)
          }
          expect(busy).toBe(
            {
              idle: undefined,
              connecting: 'connection',
              open: 'connection',
              waiting: 'timer',
              closed: undefined,
            }[state.phase],
          )
        }
      }),
    )
  })
})
