import { expect, it } from 'vitest'
import type { HubReading } from '@sse-toolkit/sse-server'
import { endOf } from '../../src/drop-ins/topic-bounds.ts'

it('finds no end of a topic that expires just before its end is read', async () => {
  async function* read(): AsyncGenerator<HubReading, undefined> {
    yield { type: 'end', id: 'one-3', topic: 'a', reason: 'expired' }
    return undefined
  }
  expect(await endOf({ read, position: async () => 'one-3' }, 'a')).toBeUndefined()
})
