import { describe, expect, it, vi } from 'vitest'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { hubStream } from '@sse-toolkit/sse-server/tanstack-ai'
import { createTestHub } from '../hub-readers.ts'
import { createTestLog, elapse } from '../test-logs.ts'
import { createVirtualRuntime, turn } from '../virtual-runtime.ts'

function chunks(...values: readonly number[]): { readonly n: number }[] {
  return values.map((n) => ({ n }))
}

async function take<T>(entries: AsyncIterable<{ readonly chunk: T }>): Promise<T[]> {
  const taken: T[] = []
  for await (const { chunk } of entries) taken.push(chunk)
  return taken
}

function request(fields: Record<string, string> = {}, url = 'http://localhost/'): Request {
  return new Request(url, { headers: fields })
}

describe('the durability of TanStack AI on a hub', () => {
  it('stores chunks under an offset each, and reads them from the beginning, and after an offset', async () => {
    const { hub } = createTestHub()
    const producer = hubStream(hub, { runId: 'run' })
    const reader = hubStream(hub, { runId: 'run' })
    const offsets = await producer.append(chunks(1, 2))
    const [whole, rest] = [take(reader.read('-1')), take(reader.read(offsets[0] ?? ''))]
    offsets.push(...(await producer.append(chunks(3))))
    expect(new Set(offsets).size).toBe(3)
    await producer.close()
    expect(await whole).toEqual(chunks(1, 2, 3))
    expect(await rest).toEqual(chunks(2, 3))
    expect(await take(reader.read(offsets[2] ?? ''))).toEqual([])
    expect(await take(reader.read('now'))).toEqual([])
    expect(await hub.topicState('tanstack-ai.run')).toBe('ended')
  })

  it('gives reads the same offsets that append returned', async () => {
    const { hub } = createTestHub()
    const adapter = hubStream(hub, { runId: 'run' })
    const offsets = await adapter.append(chunks(1, 2))
    await adapter.close()
    const entries = []
    for await (const entry of adapter.read('-1')) entries.push(entry)
    expect(entries).toEqual(chunks(1, 2).map((chunk, index) => ({ offset: offsets[index], chunk })))
  })

  it('takes the run and the offset from a request', async () => {
    const { hub } = createTestHub()
    const [offset = ''] = await hubStream(hub, request({ 'x-run-id': 'a.b' })).append(chunks(1))
    expect(hubStream(hub, request({ 'x-run-id': 'a.b' })).resumeFrom()).toBe(null)
    expect(hubStream(hub, request({}, 'http://localhost/?runId=a.b&offset=-1')).resumeFrom()).toBe('-1')
    const resuming = hubStream(hub, request({ 'last-event-id': offset }))
    expect(resuming.resumeFrom()).toBe(offset)
    await resuming.append(chunks(2))
    await resuming.close()
    expect(await take(hubStream(hub, { runId: 'a.b' }).read('-1'))).toEqual(chunks(1, 2))
    const [one, other] = [hubStream(hub, request()), hubStream(hub, request())]
    await one.append(chunks(1))
    await other.append(chunks(2))
    expect((await other.snapshot()).map(({ chunk }) => chunk)).toEqual(chunks(2))
    await Promise.all([one.close(), other.close()])
  })

  it('refuses offsets that it did not issue, and offsets of another run', async () => {
    const { hub } = createTestHub()
    const refused = { code: 'invalid-topic', status: 400 }
    for (const offset of ['nonsense', 'memory:v1:a:1', 'x-1', 'x-1.'])
      expect(() => hubStream(hub, request({ 'last-event-id': offset }))).toThrow(
        expect.objectContaining(refused),
      )
    const adapter = hubStream(hub, { runId: 'run' })
    const [offset = ''] = await hubStream(hub, { runId: 'other' }).append(chunks(1))
    await expect(take(adapter.read(offset))).rejects.toMatchObject(refused)
  })

  it('gives a snapshot of the stored chunks, and does not wait', async () => {
    const { hub } = createTestHub()
    const adapter = hubStream(hub, { runId: 'run' })
    expect(await adapter.snapshot()).toEqual([])
    const offsets = await adapter.append(chunks(1, 2))
    const expected = chunks(1, 2).map((chunk, index) => ({ offset: offsets[index], chunk }))
    expect(await adapter.snapshot()).toEqual(expected)
    await adapter.close()
    expect(await adapter.snapshot()).toEqual(expected)
  })

  it('stores more chunks at once than fit into one batch of the hub', async () => {
    const { hub } = createTestHub()
    const adapter = hubStream(hub, { runId: 'run' })
    const many = chunks(...Array.from({ length: 600 }, (_, index) => index))
    const large = Array.from({ length: 6 }, () => ({ text: 'x'.repeat(200_000) }))
    expect(await adapter.append([...many, ...large])).toHaveLength(606)
    await adapter.close()
    expect(await take(adapter.read('-1'))).toEqual([...many, ...large])
  })

  it('ends a read without an error when its signal aborts', async () => {
    const { hub } = createTestHub()
    const adapter = hubStream(hub, { runId: 'run' })
    await adapter.append(chunks(1))
    const aborter = new AbortController()
    const reading = take(adapter.read('-1', aborter.signal))
    await turn()
    aborter.abort()
    expect(await reading).toEqual(chunks(1))
    expect(await take(adapter.read('-1', aborter.signal))).toEqual([])
    await adapter.close()
  })

  it('reports an unknown run if its first chunk does not arrive in time', async () => {
    const runtime = createVirtualRuntime()
    const { hub } = createTestHub()
    const options = { firstChunkDeadlineMs: 1000, runtime }
    const late = take(hubStream(hub, { runId: 'nothing' }, options).read('-1'))
    const inTime = take(hubStream(hub, { runId: 'late' }, options).read('-1'))
    await turn()
    const producer = hubStream(hub, { runId: 'late' })
    await producer.append(chunks(1))
    await turn()
    await Promise.all([
      expect(late).rejects.toMatchObject({ code: 'unknown-run' }),
      runtime.clock.advance(1000),
    ])
    await producer.close()
    expect(await inTime).toEqual(chunks(1))
  })

  it('does not store anything of a run that is over, or was cancelled', async () => {
    const { hub } = createTestHub()
    const adapter = hubStream(hub, { runId: 'run' })
    await adapter.append(chunks(1))
    await hub.cancel('tanstack-ai.run')
    await vi.waitFor(async () => expect(await hub.topicState('tanstack-ai.run')).toBe('ended'))
    await expect(adapter.append(chunks(2))).rejects.toMatchObject({ code: 'topic-ended' })
    await adapter.close()
    expect(await take(adapter.read('-1'))).toEqual(chunks(1))
    const closed = hubStream(hub, { runId: 'closed' })
    await closed.close()
    await closed.close()
    expect(await closed.snapshot()).toEqual([])
    expect(await take(closed.read('-1'))).toEqual([])
    await expect(closed.append(chunks(1))).rejects.toMatchObject({ code: 'topic-ended' })
  })

  it('ends readers with interrupted when the hub that runs the run is closed', async () => {
    const log = createTestLog()
    const [here, there] = [createTestHub({ log }).hub, createTestHub({ log }).hub]
    await hubStream(here, { runId: 'run' }).append(chunks(1))
    const reading = take(hubStream(there, { runId: 'run' }).read('-1'))
    await Promise.all([expect(reading).rejects.toMatchObject({ code: 'interrupted' }), here.close()])
    await there.close()
  })

  it('ends a reader with an error when its hub is closed before the end of the run', async () => {
    const log = createTestLog()
    const [here, there] = [createTestHub({ log }).hub, createTestHub({ log }).hub]
    const producer = hubStream(here, { runId: 'run' })
    await producer.append(chunks(1))
    const reading = take(hubStream(there, { runId: 'run' }).read('-1'))
    await turn()
    await Promise.all([expect(reading).rejects.toMatchObject({ code: 'incomplete' }), there.close()])
    await producer.close()
  })

  it('throws at a reader whose chunks are gone', async () => {
    const log = memoryLog({ maxEvents: 2 })
    const hub: Hub = createHub({ log })
    // Not claimed, as where the process that ran it was of a log that has lost it.
    for (const n of [1, 2, 3]) await hub.publish('tanstack-ai.run', { data: { n } })
    const adapter = hubStream(hub, { runId: 'run' })
    await expect(take(adapter.read('-1'))).rejects.toMatchObject({ code: 'incomplete' })
    await expect(adapter.snapshot()).rejects.toMatchObject({ code: 'incomplete' })
    await hub.close()
  })

  it('forgets a run when its time is over', async () => {
    const { runtime, hub } = createTestHub({ log: undefined })
    const adapter = hubStream(hub, { runId: 'run' }, { ttlMs: 1000 })
    await adapter.append(chunks(1))
    await adapter.close()
    await elapse(runtime.clock, 1001)
    expect(await adapter.snapshot()).toEqual([])
    await expect(take(adapter.read('-1'))).rejects.toMatchObject({ code: 'topic-expired' })
  })

  it('needs a request, or a run', () => {
    const { hub } = createTestHub()
    for (const source of [{}, { runId: '' }, null])
      expect(() => hubStream(hub, source as unknown as Request)).toThrow(
        expect.objectContaining({ code: 'invalid-option' }),
      )
  })
})
