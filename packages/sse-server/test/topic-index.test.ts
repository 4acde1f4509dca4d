import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopicIndex } from '../src/topics/topic-index.ts'
import { checkTopic } from '../src/topics/topic.ts'
import { matchesTopic, parseTopicPattern } from '../src/topics/topic-pattern.ts'

describe('a topic', () => {
  it.each(['a', 'orders.42', 'é.😀', 'a-b_c/d:e', 'x'.repeat(20)])('may be %s', (topic) => {
    expect(() => checkTopic(topic, 20)).not.toThrow()
  })

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a\nb',
    'a\tb',
    'a\0',
    'a.*',
    '*',
    '>',
    'a.>',
    'a*',
    'x'.repeat(21),
    'a\u0085b',
    'user.mallory\ud800',
    'user.mallory\udc01',
    '\udc00\ud800',
    7,
    null,
  ])('may not be %j', (topic) => {
    expect(() => checkTopic(topic as string, 20)).toThrow(expect.objectContaining({ code: 'invalid-topic' }))
  })
})

describe('a pattern', () => {
  it.each(['a', 'a.*', '*', '>', 'a.>', '*.a.*', '*.>'])('may be %s', (pattern) => {
    expect(() => parseTopicPattern(pattern, 20)).not.toThrow()
  })

  it.each([
    '',
    'a.',
    '>.a',
    'a.>.b',
    'a*',
    'a.b>',
    '**',
    '>>',
    'a b',
    'a\ud800.*',
    'x'.repeat(21),
    undefined,
  ])('may not be %j', (pattern) => {
    expect(() => parseTopicPattern(pattern as string, 20)).toThrow(
      expect.objectContaining({ code: 'invalid-topic' }),
    )
  })

  it.each([
    ['a', 'a', true],
    ['a', 'a.b', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['*.b', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['>', 'a', true],
    ['*.>', 'a', false],
    ['*.*.c', 'a.b.c', true],
  ])('%s matches %s: %s', (pattern, topic, matches) => {
    expect(matchesTopic(parseTopicPattern(pattern, 20), topic)).toBe(matches)
  })
})

describe('the index', () => {
  const token = fc.constantFrom('a', 'b')
  const topic = fc.array(token, { minLength: 1, maxLength: 7 }).map((tokens) => tokens.join('.'))
  const pattern = fc
    .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 7 }), fc.boolean())
    .map(([tokens, open]) => [...tokens, ...(open ? ['>'] : [])].join('.'))
  const action = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), pattern, member: fc.nat(4) }),
    fc.record({ kind: fc.constant('delete' as const), pattern, member: fc.nat(4) }),
    fc.record({ kind: fc.constant('match' as const), topic }),
  )

  it('finds the same subscribers as trying every pattern, through all changes', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const index = new TopicIndex<number>()
        const model = new Map<string, { readonly pattern: string; readonly member: number }>()
        for (const each of actions) {
          if (each.kind === 'match') {
            const found = new Set<number>()
            index.forEach(each.topic, (member) => found.add(member))
            const expected = [...model.values()].filter((entry) =>
              matchesTopic(parseTopicPattern(entry.pattern, 20), each.topic),
            )
            expect(found).toEqual(new Set(expected.map((entry) => entry.member)))
            continue
          }
          index[each.kind](parseTopicPattern(each.pattern, 20), each.member)
          const key = `${each.pattern} ${each.member}`
          if (each.kind === 'add') model.set(key, each)
          else model.delete(key)
          expect(index.size).toBe(new Set([...model.values()].map((entry) => entry.pattern)).size)
        }
        for (const entry of model.values()) index.delete(parseTopicPattern(entry.pattern, 20), entry.member)
        expect(index.size).toBe(0)
      }),
      { numRuns: 1000 },
    )
  })
})
