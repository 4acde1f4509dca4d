import { systemRuntime } from '@sse-toolkit/sse-server'
import { describe, expect, it } from 'vitest'
import { ReadGate } from '../src/read/read-gate.ts'

interface Sent {
  readonly name: string
  readonly answer: (value: string) => void
  readonly settle: () => void
}

function startGate(maxReads: number) {
  let now = 0
  const sent: Sent[] = []
  const gate = new ReadGate({
    runtime: { ...systemRuntime, now: () => now },
    maxReads,
    commandTimeoutMs: 100,
  })
  return {
    gate,
    sent,
    advance: (byMs: number) => {
      now += byMs
    },
    read: (name: string) =>
      gate.read(
        name,
        {
          operation: `read ${name}`,
          send: (_timeoutMs, settled) =>
            new Promise<string>((resolve) => {
              sent.push({ name, answer: resolve, settle: settled })
            }),
        },
        now + 100,
      ),
  }
}

describe('the gate that reads go through', () => {
  it('sends equal reads once, and reads again once they are answered', async () => {
    const { read, sent } = startGate(2)
    const both = Promise.all([read('a'), read('a')])
    sent[0]?.answer('1')
    sent[0]?.settle()
    expect(await both).toEqual(['1', '1'])
    const again = read('a')
    sent[1]?.answer('2')
    expect(await again).toBe('2')
    expect(sent).toHaveLength(2)
  })

  it('sends no more than its limit at once, in order', () => {
    const { gate, read, sent } = startGate(2)
    for (const name of ['a', 'b', 'c', 'd']) void read(name)
    expect(sent.map(({ name }) => name)).toEqual(['a', 'b'])
    expect([gate.underWay, gate.waiting]).toEqual([2, 2])
    sent[1]?.settle()
    expect(sent.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  it('drops a read whose callers have all given up, unless a new caller has joined', async () => {
    const { advance, gate, read, sent } = startGate(1)
    void read('slow')
    const late = Promise.allSettled([read('late')])
    const first = read('shared')
    advance(60)
    const second = read('shared')
    advance(60)
    sent[0]?.settle()
    expect(await late).toMatchObject([
      { status: 'rejected', reason: { code: 'log-unavailable', operation: 'read late' } },
    ])
    expect(sent.map(({ name }) => name)).toEqual(['slow', 'shared'])
    sent[1]?.answer('x')
    sent[1]?.settle()
    expect(await Promise.all([first, second])).toEqual(['x', 'x'])
    expect([gate.underWay, gate.waiting]).toEqual([0, 0])
  })
})
