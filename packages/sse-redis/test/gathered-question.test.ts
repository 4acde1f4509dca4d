import { createVirtualClock } from '@sse-toolkit/test-support'
import { systemRuntime } from '@sse-toolkit/sse-server'
import { describe, expect, it } from 'vitest'
import { GatheredQuestion } from '../src/gathered-question.ts'

function createQuestion() {
  const clock = createVirtualClock()
  const asked: { items: readonly string[]; timeoutMs: number; answer: (error?: Error) => void }[] = []
  const question = new GatheredQuestion<string, string>({
    timeoutMs: 1000,
    runtime: { ...systemRuntime, now: clock.now },
    ask: (items, timeoutMs) =>
      new Promise((resolve, reject) => {
        asked.push({
          items,
          timeoutMs,
          answer: (error) => (error === undefined ? resolve(items.map((item) => `${item}!`)) : reject(error)),
        })
      }),
  })
  return { question, asked, clock }
}

describe('a gathered question', () => {
  it('is asked at once, and for all who come meanwhile when it is answered', async () => {
    const { question, asked, clock } = createQuestion()
    const first = [question.ask('a'), question.ask('b')]
    await clock.advance(0)
    const second = [question.ask('c'), question.ask('d'), question.ask('e')]
    await clock.advance(0)
    expect(asked.map(({ items }) => items)).toEqual([['a', 'b']])
    asked[0]?.answer()
    expect(await Promise.all(first)).toEqual(['a!', 'b!'])
    await clock.advance(0)
    expect(asked[1]?.items).toEqual(['c', 'd', 'e'])
    asked[1]?.answer()
    expect(await Promise.all(second)).toEqual(['c!', 'd!', 'e!'])
  })

  it('fails for those who asked, and not for those who come after', async () => {
    const { question, asked, clock } = createQuestion()
    const first = Promise.allSettled([question.ask('a')])
    await clock.advance(0)
    const second = question.ask('b')
    asked[0]?.answer(new Error('gone'))
    expect(await first).toMatchObject([{ status: 'rejected', reason: { message: 'gone' } }])
    await clock.advance(0)
    asked[1]?.answer()
    await expect(second).resolves.toBe('b!')
  })

  it('leaves those who waited the rest of their time', async () => {
    const { question, asked, clock } = createQuestion()
    void question.ask('a')
    await clock.advance(100)
    void question.ask('b')
    await clock.advance(600)
    asked[0]?.answer()
    await clock.advance(0)
    expect(asked.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 400])
  })
})
