import { describe, expect, it, vi } from 'vitest'
import { respond } from '@sse-toolkit/sse-server'
import type { RespondOptions } from '@sse-toolkit/sse-server'
import { attach, RecordingSink } from './recording-sink.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

function open(options: RespondOptions = {}) {
  const runtime = createVirtualRuntime()
  let send: (data: string) => void = () => undefined
  const sink = attach(
    respond(
      (stream) => {
        send = (data) => stream.send({ data })
      },
      { runtime, heartbeatIntervalMs: 1000, ...options },
    ),
  )
  const advance = async (ms: number): Promise<void> => {
    await runtime.clock.advance(ms)
    await turn()
  }
  return { runtime, sink, advance, send: (data: string) => send(data) }
}

describe('the heartbeat', () => {
  it('is announced in the first block, with the reconnection time', async () => {
    const { sink } = open({ reconnectionTimeMs: 250 })
    await turn()
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\nretry: 250\n\n')
  })

  it('goes out after each interval of silence, as the empty comment', async () => {
    const { sink, advance } = open()
    await advance(1067)
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\n\n:\n\n')
    await advance(3201)
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\n\n:\n\n:\n\n:\n\n:\n\n')
  })

  it('comes when the interval has passed, and at 1.07 of it at the latest', async () => {
    for (const sentAt of [0, 1, 60, 66, 67, 68, 499, 500, 700, 999]) {
      const { runtime, sink, advance, send } = open()
      await advance(sentAt)
      send('x')
      await turn()
      const before = sink.writes.length
      await advance(999)
      expect(sink.writes.length, `999 ms after ${sentAt}`).toBe(before)
      await advance(68)
      expect(sink.writes.length, `1067 ms after ${sentAt}`).toBeGreaterThan(before)
      expect(runtime.clock.pendingTimers).toBe(1)
    }
  })

  it('is put off by every event', async () => {
    const { sink, advance, send } = open()
    for (let n = 0; n < 20; n += 1) {
      await advance(990)
      send('x')
      await turn()
    }
    expect(sink.text).toBe(`: sse-toolkit 1\n: heartbeat 1067\n\n${'data: x\n\n'.repeat(20)}`)
  })

  it('may be a comment with text, an event, or a function called each time', async () => {
    for (const [heartbeat, wire] of [
      ['still here', ': still here\n\n'],
      [{ event: 'ping', data: '' }, 'event: ping\ndata: \n\n'],
      [() => ({ comment: 'made' }), ': made\n\n'],
    ] as const) {
      const { sink, advance } = open({ heartbeat })
      await advance(1067)
      expect(sink.text).toBe(`: sse-toolkit 1\n: heartbeat 1067\n\n${wire}`)
    }
  })

  it('falls back to the empty comment when the function throws, and reports it', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const failure = new Error('no heartbeat')
    const { sink, advance } = open({
      onError,
      heartbeat: () => {
        throw failure
      },
    })
    await advance(1067)
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\n\n:\n\n')
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
  })

  it('falls back to the empty comment when the function is asynchronous, and reports it, however the promise settles', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const failure = new Error('no heartbeat')
    const { sink, advance } = open({ onError, heartbeat: () => Promise.reject(failure) as never })
    await advance(1067)
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\n\n:\n\n')
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ name: 'EventFieldError' })], [failure]])
  })

  it('is off at 0: no announcement, no timer', async () => {
    const { runtime, sink, advance } = open({ heartbeatIntervalMs: 0 })
    await advance(100_000)
    expect(sink.text).toBe(': sse-toolkit 1\n\n')
    expect(runtime.clock.pendingTimers).toBe(0)
  })

  it('is not written to a reader that does not read', async () => {
    const sink = new RecordingSink()
    sink.reading = false
    const runtime = createVirtualRuntime()
    attach(
      respond(() => undefined, { runtime, heartbeatIntervalMs: 1000, stallTimeoutMs: 0 }),
      sink,
    )
    await runtime.clock.advance(10_000)
    await turn()
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\n\n')
    sink.resume()
    await runtime.clock.advance(1067)
    await turn()
    expect(sink.text).toBe(': sse-toolkit 1\n: heartbeat 1067\n\n:\n\n')
  })

  it('uses one timer for all connections with the same interval, and clears it after the last one', async () => {
    const runtime = createVirtualRuntime()
    const sinks = Array.from({ length: 1000 }, () =>
      attach(respond(() => undefined, { runtime, heartbeatIntervalMs: 1000 })),
    )
    await turn()
    expect(runtime.clock.pendingTimers).toBe(1)
    for (const sink of sinks) sink.leave()
    expect(runtime.clock.pendingTimers).toBe(0)
  })
})
