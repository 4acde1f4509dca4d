import { describe, expect, expectTypeOf, it } from 'vitest'
import type { StandardSchema } from '@sse-toolkit/sse-server'
import { createTestHub } from './hub-readers.ts'

/** A schema that takes what `accepts` does. */
function schema<T>(accepts: (value: unknown) => boolean): StandardSchema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => (accepts(value) ? { value: value as T } : { issues: [{ message: 'no' }] }),
    },
  }
}

const topics = {
  'orders.*': { paid: schema<{ total: number }>((value) => typeof value === 'object') },
  'answers.*': { message: schema<string>((value) => typeof value === 'string') },
}

describe('a hub with schemas', () => {
  it('types the arguments of publish, publishBatch and run by topic', () => {
    const { hub } = createTestHub({ topics })
    type Publish = Parameters<typeof hub.publish>
    type Run = Parameters<typeof hub.run>
    expectTypeOf<['orders.1', { event: 'paid'; data: { total: number } }]>().toExtend<Publish>()
    expectTypeOf<['orders.1', { event: 'sent'; data: { total: number } }]>().not.toExtend<Publish>()
    expectTypeOf<['answers.1', string[]]>().toExtend<Run>()
    expectTypeOf<['orders.1', { event: 'paid'; data: { total: number } }[]]>().toExtend<Run>()
    expectTypeOf<['orders.1', { event: 'paid'; data: number }[]]>().not.toExtend<Run>()
    expectTypeOf<['others.1', string[]]>().not.toExtend<Run>()
  })

  it("with validate: 'on-publish' refuses a topic without a schema, in every way of publishing", async () => {
    const { hub } = createTestHub({ topics, validate: 'on-publish', onError: () => undefined })
    const refused = expect.objectContaining({
      code: 'invalid-topic',
      message: expect.stringContaining('orders.*'),
    })
    await expect(hub.publish('other' as never, { data: 'x' })).rejects.toEqual(refused)
    await expect(hub.publishBatch('other' as never, [{ data: 'x' }] as never)).rejects.toEqual(refused)
    await expect(hub.publishMany([['other', { data: 'x' }]] as never)).rejects.toEqual(refused)
    const run = await hub.run('other.1' as never, ['x'] as never)
    expect(run.started && (await run.finished)).toBe('failed')
    expect(await hub.publish('answers.1', { data: 'text' })).toMatchObject({ stored: true })
    await expect(hub.publish('answers.1', { data: 7 } as never)).rejects.toMatchObject({
      code: 'invalid-data',
    })
  })

  it('sends a string as it is, not as JSON', async () => {
    const { hub } = createTestHub({ topics, validate: 'on-publish' })
    const run = await hub.run('answers.1', ['hello'])
    if (run.started) await run.finished
    const readings: unknown[] = []
    for await (const reading of hub.read(['answers.1']))
      if (reading.type === 'event') readings.push(reading.data)
    expect(readings).toEqual(['hello'])
  })
})
