import { createIdLedger } from '@sse-toolkit/cli/load'
import { expect, it } from 'vitest'

it.each([
  ['what all get', ['a b c', 'a b c'], 0, 0],
  ['one that a reader misses', ['a b c d', 'a b d'], 1, 0],
  ['several that a reader misses', ['a b c d e', 'a e'], 3, 0],
  ['a repeat', ['a b c', 'b b c'], 0, 1],
  ['what goes back', ['a b c', 'a b a b c'], 0, 2],
  ['a reader that comes later', ['a b c d', 'c d'], 0, 0],
  // Nobody can tell which of the two it was.
  ['one that the first reader misses', ['a c', 'a b c'], 1, 1],
])('%s: %j', (_what, readers, lost, repeated) => {
  const ledger = createIdLedger()
  for (const ids of readers) {
    const reader = ledger.open()
    for (const id of ids.split(' ')) reader.read(id)
  }
  expect([ledger.lost, ledger.repeated]).toEqual([lost, repeated])
})

it('forgets the oldest ids, and still counts', () => {
  const ledger = createIdLedger()
  const [one, other] = [ledger.open(), ledger.open()]
  for (let id = 0; id < 450_000; id += 1) {
    one.read(String(id))
    if (id !== 449_000) other.read(String(id))
  }
  expect([ledger.lost, ledger.repeated]).toEqual([1, 0])
})
