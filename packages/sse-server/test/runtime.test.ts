import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { patience } from '@sse-toolkit/test-support'
import { systemRuntime } from '@sse-toolkit/sse-server'

describe('systemRuntime', () => {
  it('keeps nothing of a cleared timer, however far away its time', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    // Delays that depend on chance, as a connection's greatest age does: each a different one.
    const comeAndGo = (count: number): void => {
      for (let n = 0; n < count; n += 1)
        systemRuntime.clearTimeout(systemRuntime.setTimeout(() => undefined, 3_600_000 + n))
    }
    comeAndGo(1000)
    collect()
    const before = process.memoryUsage().heapUsed
    comeAndGo(50_000)
    collect()
    expect((process.memoryUsage().heapUsed - before) / 50_000).toBeLessThan(10)
  })

  it('does not keep the process alive, and clears timers that have fired', async () => {
    const callback = vi.fn<() => void>()
    const timer = systemRuntime.setTimeout(callback, 0) as NodeJS.Timeout
    expect(timer.hasRef()).toBe(false)
    await vi.waitUntil(() => callback.mock.calls.length > 0, patience)
    systemRuntime.clearTimeout(timer)
    systemRuntime.clearTimeout(undefined)
  })
})
