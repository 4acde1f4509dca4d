import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { valueAt } from '../src/node/output/data-path.ts'
import { formatEvent } from '../src/node/output/format-event.ts'
import type { EventFormat } from '../src/node/output/format-event.ts'

describe('a path within data', () => {
  it.each([
    ['{"a":{"b":[1,2]}}', 'a.b.1', 2],
    ['{"a":null}', 'a', null],
    ['{"a":null}', 'a.b', undefined],
    ['{"a":1}', '', { a: 1 }],
    ['{"a":1}', 'toString', undefined],
    ['"text"', 'length', undefined],
    ['not JSON', 'a', undefined],
  ])('%s at %j is %j', (data, path, expected) => {
    expect(valueAt(data, path)).toEqual(expected)
  })
})

describe('an event', () => {
  const format: EventFormat = {
    format: 'jsonl',
    dataPath: undefined,
    stream: new PassThrough(),
    wallClock: () => 0,
  }
  const event = { type: 'message', data: 'x', lastEventId: '' }

  it.each([
    ['x', '"x"'],
    ['12', '"12"'],
    ['{"a":1}', '{"a":1}'],
    ['[1]', '[1]'],
    ['{ not JSON', '"{ not JSON"'],
    ['a\nb', '"a\\nb"'],
  ])('with data %j has %s in its JSON line', (data, expected) => {
    expect(formatEvent({ ...event, data }, format)).toBe(`{"event":"message","data":${expected}}\n`)
  })

  it('includes the id and the topic if there are any', () => {
    expect(formatEvent({ ...event, lastEventId: '7', topic: 'a' }, format)).toBe(
      '{"event":"message","data":"x","id":"7","topic":"a"}\n',
    )
  })

  it('is skipped without the requested part', () => {
    expect(formatEvent({ ...event, data: '{"a":1}' }, { ...format, dataPath: 'b' })).toBeUndefined()
  })

  it.each([
    ['\u001B]0;title\u0007', '\\x1b]0;title\\x07'],
    ['\u009B31m', '\\x9b31m'],
    ['tab\tand\nline', `tab\tand\n${' '.repeat(13)}line`],
  ])('cannot command a terminal: %j', (data, expected) => {
    expect(formatEvent({ ...event, data }, { ...format, format: 'pretty' })).toContain(expected)
  })
})
