import { describe, expect, it } from 'vitest'
import { createHistory } from './history.ts'
import type { History } from './history.ts'
import { createReader } from './oracle.ts'
import type { Reader, ReaderTerms, ViolationKind } from './oracle.ts'
import { createWireJudge } from './wire.ts'
import type { Block } from './wire.ts'

interface Case {
  readonly history: History
  readonly reader: Reader
  readonly kinds: ViolationKind[]
  readonly store: (seq: number, topic?: string, epoch?: string, key?: string) => void
  readonly take: (...seqs: number[]) => void
}

/** A reader of topic `a`, promised everything, and a log of epoch `one` with events 1 to 5 of it. */
function judge(terms: Partial<ReaderTerms> = {}): Case {
  const history = createHistory()
  const kinds: ViolationKind[] = []
  history.begin('one')
  const setting: Case = {
    history,
    kinds,
    reader: createReader(
      history,
      {
        name: 'anna',
        wants: ({ topic }) => topic === 'a',
        newestOfKey: false,
        readsManyTopics: false,
        objectionTo: () => undefined,
        ...terms,
      },
      ({ kind }) => kinds.push(kind),
    ),
    store(seq, topic = 'a', epoch = 'one', key) {
      history.store({ topic, event: undefined, data: `data ${seq}`, key, position: { epoch, seq } }, 0, 0)
    },
    take(...seqs) {
      for (const seq of seqs)
        setting.reader.deliver({ id: `one-${seq}`, type: 'message', data: `data ${seq}` })
    },
  }
  for (let seq = 1; seq <= 5; seq += 1) setting.store(seq)
  setting.reader.promise(0)
  return setting
}

const gapTo = (id: string, requested: string, earliest: string | null = null) => ({
  id,
  requested,
  earliest,
  latest: id,
  reason: 'evicted',
})

describe('the oracle', () => {
  it('accepts a reader that takes everything once, in order', () => {
    const { take, kinds, reader } = judge()
    take(1, 2, 3, 4, 5)
    expect(kinds).toEqual([])
    expect(reader.outstanding()).toEqual([])
  })

  it('reports a skipped event at the next one', () => {
    const { take, kinds } = judge()
    take(1, 3)
    expect(kinds).toEqual(['missing'])
  })

  it('reports an event that never came', () => {
    const { take, kinds, reader } = judge()
    take(1, 2)
    expect(kinds).toEqual([])
    expect(reader.outstanding().map(({ id }) => id)).toEqual(['one-3', 'one-4', 'one-5'])
    expect(reader.outstanding(3).map(({ id }) => id)).toEqual(['one-3'])
  })

  it('reports a repeated event', () => {
    const { take, kinds } = judge()
    take(1, 2, 2)
    expect(kinds).toEqual(['repeated'])
  })

  it('reports an event out of order', () => {
    const { take, kinds, reader } = judge()
    reader.announce(gapTo('one-2', 'one-0', 'one-3'))
    take(3, 1)
    expect(kinds).toEqual(['out-of-order'])
  })

  it('reports an event that was never stored, or with other content', () => {
    const { take, kinds, reader } = judge()
    take(6)
    reader.deliver({ id: 'one-1', type: 'message', data: 'data 2' })
    reader.deliver({ id: 'one-1', type: 'typed', data: 'data 1' })
    expect(kinds).toEqual(['not-stored', 'not-stored', 'not-stored'])
  })

  it('reports an event that the reader did not request', () => {
    const { store, take, kinds } = judge()
    take(1, 2, 3, 4, 5)
    store(6, 'b')
    take(6)
    expect(kinds).toEqual(['not-wanted'])
  })

  it('requires nothing from before the reader connected', () => {
    const { history, kinds } = judge()
    const late = createReader(
      history,
      {
        name: 'late',
        wants: () => true,
        newestOfKey: false,
        readsManyTopics: false,
        objectionTo: () => undefined,
      },
      ({ kind }) => kinds.push(kind),
    )
    expect(late.outstanding()).toEqual([])
    late.promise(3)
    late.promise(0)
    expect(late.outstanding().map(({ id }) => id)).toEqual(['one-4', 'one-5'])
    expect(kinds).toEqual([])
  })
})

describe('a gap', () => {
  it('excuses the events it covers', () => {
    const { take, kinds, reader } = judge()
    take(1)
    reader.announce(gapTo('one-3', 'one-1', 'one-4'))
    take(4, 5)
    expect(kinds).toEqual([])
  })

  it('that covers too little does not excuse the rest', () => {
    const { take, kinds, reader } = judge()
    take(1)
    reader.announce(gapTo('one-2', 'one-1', 'one-3'))
    take(4, 5)
    expect(kinds).toEqual(['missing'])
  })

  it("that begins after the reader's position does not excuse the events in between", () => {
    const { take, kinds, reader } = judge()
    take(1)
    reader.announce(gapTo('one-3', 'one-2', 'one-4'))
    take(4)
    expect(kinds).toEqual(['missing'])
  })

  it('over delivered events is wrong', () => {
    const { take, kinds, reader } = judge()
    take(1, 2)
    reader.announce(gapTo('one-3', 'one-1', 'one-4'))
    expect(kinds).toEqual(['wrong-gap'])
  })

  it('whose position does not exist in the log is wrong', () => {
    const { kinds, reader } = judge()
    reader.announce(gapTo('other-3', 'one-1'))
    expect(kinds).toEqual(['wrong-gap'])
  })

  it('that contradicts the log is wrong', () => {
    const { kinds, reader } = judge({ objectionTo: () => 'nothing was ever evicted' })
    reader.announce(gapTo('one-3', 'one-0'))
    expect(kinds).toEqual(['wrong-gap'])
  })

  it('between two epochs covers the end of the first and the beginning of the second', () => {
    const { history, store, take, kinds, reader } = judge()
    take(1, 2)
    history.begin('two')
    store(1, 'a', 'two')
    store(2, 'a', 'two')
    reader.announce({ ...gapTo('two-1', 'one-2', 'two-2'), reason: 'epoch' })
    reader.deliver({ id: 'two-2', type: 'message', data: 'data 2' })
    expect(kinds).toEqual([])
    expect(reader.outstanding()).toEqual([])
  })

  it('of a reader of many topics reaches to the head at that time', () => {
    const { take, kinds, reader } = judge({ readsManyTopics: true })
    reader.announce({ ...gapTo('one-1', 'one-0', 'one-2'), latest: 'one-4' })
    take(2, 4)
    expect(kinds).toEqual([])
  })
})

describe('under the policy `latest`', () => {
  it('a newer event of the key takes the place of an older one', () => {
    const { take, kinds, reader } = judge({ newestOfKey: true })
    take(1, 5)
    expect(kinds).toEqual([])
    expect(reader.outstanding()).toEqual([])
  })

  it('the newest of each key must come', () => {
    const { store, take, kinds, reader } = judge({ newestOfKey: true })
    store(6, 'a', 'one', 'x')
    store(7, 'a', 'one', 'y')
    take(5, 7)
    expect(kinds).toEqual([])
    expect(reader.outstanding().map(({ id }) => id)).toEqual(['one-6'])
    store(8, 'a', 'one', 'x')
    reader.deliver({ id: 'one-8', type: 'message', data: 'data 8' })
    expect(reader.outstanding()).toEqual([])
  })
})

describe('the check of the wire', () => {
  const blocks = (...list: readonly Partial<Block>[]): readonly ViolationKind[] => {
    const { history } = judge()
    const kinds: ViolationKind[] = []
    const see = createWireJudge(history, 'anna', ({ kind }) => kinds.push(kind))
    for (const block of list) see({ id: undefined, type: 'message', hasData: true, ...block })
    return kinds
  }

  it('requires rising positions', () => {
    expect(blocks({ id: 'one-0', hasData: false }, { id: 'one-1' }, {}, { id: 'one-4' })).toEqual([])
    expect(blocks({ id: 'one-2' }, { id: 'one-2' })).toEqual(['repeated'])
    expect(blocks({ id: 'one-2' }, { id: 'one-1' })).toEqual(['repeated'])
  })

  it('lets a gap set positions back', () => {
    expect(blocks({ id: 'one-4' }, { id: 'one-1', type: 'stream.gap' }, { id: 'one-2' })).toEqual([])
  })

  it('knows the positions of the log', () => {
    expect(blocks({ id: 'two-1' })).toEqual(['not-stored'])
  })
})
