import { createVirtualClock } from '@sse-toolkit/testing'
import { systemRuntime } from '@sse-toolkit/sse-server'
import { describe, expect, it } from 'vitest'
import { RequestBatch } from '../src/read/request-batch.ts'

function createRequests() {
  const clock = createVirtualClock()
  const asked: { items: readonly string[]; timeoutMs: number; answer: (error?: Error) => void }[] = []
  const requests = new RequestBatch<string, string>({
    timeoutMs: 1000,
    runtime: { ...systemRuntime, now: clock.now },
    send: (items, timeoutMs) =>
      new Promise((resolve, reject) => {
        asked.push({
          items,
          timeoutMs,
          answer: (error) => (error === undefined ? resolve(items.map((item) => `${item}!`)) : reject(error)),
        })
      }),
  })
  return { requests, asked, clock }
}

describe('a gathered request', () => {
  it('is sent at once, and once more on its answer for all callers that came in between', async () => {
    const { requests, asked, clock } = createRequests()
    const first = [requests.request('a'), requests.request('b')]
    await clock.advance(0)
    const second = [requests.request('c'), requests.request('d'), requests.request('e')]
    await clock.advance(0)
    expect(asked.map(({ items }) => items)).toEqual([['a', 'b']])
    asked[0]?.answer()
    expect(await Promise.all(first)).toEqual(['a!', 'b!'])
    await clock.advance(0)
    expect(asked[1]?.items).toEqual(['c', 'd', 'e'])
    asked[1]?.answer()
    expect(await Promise.all(second)).toEqual(['c!', 'd!', 'e!'])
  })

  it('fails for its callers, and not for later ones', async () => {
    const { requests, asked, clock } = createRequests()
    const first = Promise.allSettled([requests.request('a')])
    await clock.advance(0)
    const second = requests.request('b')
    asked[0]?.answer(new Error('gone'))
    expect(await first).toMatchObject([{ status: 'rejected', reason: { message: 'gone' } }])
    await clock.advance(0)
    asked[1]?.answer()
    await expect(second).resolves.toBe('b!')
  })

  it('leaves waiting callers the rest of their time', async () => {
    const { requests, asked, clock } = createRequests()
    void requests.request('a')
    await clock.advance(100)
    void requests.request('b')
    await clock.advance(600)
    asked[0]?.answer()
    await clock.advance(0)
    expect(asked.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 400])
  })
})
