import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../src/index.ts'

describe('the virtual clock', () => {
  it('fires timers in order of time, then of setting, at their own time', async () => {
    const clock = createVirtualClock({ startMs: 1_000 })
    const fired: string[] = []
    const set = (name: string, delayMs: number): unknown =>
      clock.setTimeout(() => fired.push(`${name}@${clock.now()}`), delayMs)
    set('c', 20)
    set('a', 10)
    set('b', 10)
    set('later', 31)
    expect(clock.nextTimerAt).toBe(1_010)
    await clock.advance(30)
    expect(fired).toEqual(['a@1010', 'b@1010', 'c@1020'])
    expect(clock.now()).toBe(1_030)
    expect(clock.pendingTimers).toBe(1)
  })

  it('lets every microtask run between two timers, however deep the chain', async () => {
    const clock = createVirtualClock()
    const seen: string[] = []
    const chain = async (): Promise<void> => {
      for (let depth = 0; depth < 100; depth += 1) await Promise.resolve()
      seen.push(`chain of the first at ${clock.now()}`)
    }
    clock.setTimeout(() => void chain(), 1)
    clock.setTimeout(() => seen.push('second'), 1)
    await clock.advance(1)
    expect(seen).toEqual(['chain of the first at 1', 'second'])
  })

  it('fires timers that timers set, when they are due in the same span', async () => {
    const clock = createVirtualClock()
    const at: number[] = []
    const tick = (): void => {
      at.push(clock.now())
      clock.setTimeout(tick, 10)
    }
    clock.setTimeout(tick, 10)
    await clock.advance(45)
    expect(at).toEqual([10, 20, 30, 40])
  })

  it('sees what was awaited before the first timer', async () => {
    const clock = createVirtualClock()
    let fired = false
    void (async () => {
      await Promise.resolve()
      clock.setTimeout(() => {
        fired = true
      }, 5)
    })()
    await clock.advance(5)
    expect(fired).toBe(true)
  })

  it('forgets a cleared timer, and ignores a handle it does not know', async () => {
    const clock = createVirtualClock()
    const timer = clock.setTimeout(() => expect.unreachable(), 5)
    clock.clearTimeout(timer)
    clock.clearTimeout(undefined)
    clock.clearTimeout(99)
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(10)
  })

  it('goes from timer to timer', async () => {
    const clock = createVirtualClock()
    clock.setTimeout(() => undefined, 5_000)
    expect(await clock.advanceToNextTimer()).toBe(true)
    expect(clock.now()).toBe(5_000)
    expect(await clock.advanceToNextTimer()).toBe(false)
    expect(clock.now()).toBe(5_000)
  })

  it.each([-1, Number.NaN, Infinity, 2 ** 31])(
    'refuses a delay that a real timer would not keep: %s',
    (delayMs) => {
      expect(() => createVirtualClock().setTimeout(() => undefined, delayMs)).toThrow(
        expect.objectContaining({ code: 'invalid-option', value: delayMs }),
      )
    },
  )

  it('gives an error thrown by a timer to whoever advances, and can go on', async () => {
    const clock = createVirtualClock()
    clock.setTimeout(() => {
      throw new Error('in the timer')
    }, 1)
    await expect(clock.advance(1)).rejects.toThrow('in the timer')
    await clock.advance(1)
  })

  it('refuses to be advanced twice at once', async () => {
    const clock = createVirtualClock()
    const first = clock.advance(1)
    await expect(clock.advance(1)).rejects.toMatchObject({ code: 'clock-busy' })
    await first
  })
})
