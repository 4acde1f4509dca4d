import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pattern, topic } from '@sse-toolkit/sse-server'
import { parseTopicPattern } from '../src/topics/topic-pattern.ts'

describe('the tag `topic`', () => {
  it('joins the template and its values to a topic', () => {
    expect(topic`orders.${'42'}.items.${7}.${8n}`).toBe('orders.42.items.7.8')
    expect(topic`orders.user-${'ada'}`).toBe('orders.user-ada')
    expect(topic`${'é'}`).toBe('é')
  })

  it('never makes a pattern or a topic of another level from any value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        let made: string
        try {
          made = topic`orders.${value}.events`
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid-topic', status: 400, statusCode: 400 })
          return
        }
        expect(made.split('.')).toEqual(['orders', value, 'events'])
        expect(parseTopicPattern(made).hasWildcard).toBe(false)
      }),
    )
  })
})

describe.each([
  ['topic', (value: string) => topic`a.${value}`],
  ['pattern', (value: string) => pattern`a.${value}.>`],
])('the tag `%s`', (_name, tag) => {
  it.each([
    '',
    '*',
    '>',
    '**',
    'a*',
    '42.admin',
    '.',
    'a.',
    ' ',
    'a b',
    '\n',
    '\0',
    '\ud800',
    1.5,
    null,
    undefined,
    {},
    true,
  ])('refuses the value %j', (value) => {
    expect(() => tag(value as string)).toThrow(
      expect.objectContaining({ code: 'invalid-topic', status: 400, statusCode: 400 }),
    )
  })
})

describe('the tag `pattern`', () => {
  it('takes wildcards only from the template', () => {
    expect(pattern`users.${'ada'}.>`).toBe('users.ada.>')
    expect(pattern`users.*.${7}`).toBe('users.*.7')
  })

  it('refuses a wildcard next to a value in the same segment', () => {
    expect(() => pattern`users.${'a'}*`).toThrow(expect.objectContaining({ code: 'invalid-topic' }))
  })
})

it('the tag `topic` refuses a wildcard in the template', () => {
  expect(() => topic`orders.*`).toThrow(expect.objectContaining({ code: 'invalid-topic' }))
})
