import { describe, expect, it } from 'vitest'
import { parseRetryAfter } from '../src/reconnection/retry-after.ts'

const NOW_MS = Date.UTC(1999, 11, 31, 23, 59, 0)

describe('Retry-After (RFC 9110, section 10.2.3)', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 59_000],
    ['Friday, 31-Dec-99 23:59:59 GMT', 59_000],
    ['Fri Dec 31 23:59:59 1999', 59_000],
    ['Fri, 31 Dec 1999 23:58:00 GMT', 0],
  ])('Retry-After: %s means %d ms', (value, expected) => {
    expect(parseRetryAfter(value, NOW_MS)).toBe(expected)
  })

  it.each([null, '', ' ', '-5', '1.5', '1e3', '0x10', 'soon', 'Invalid, 99 Foo', '2999-01-01T00:00:00Z'])(
    '%j is ignored',
    (value) => {
      expect(parseRetryAfter(value, NOW_MS)).toBeUndefined()
    },
  )

  it('Retry-After in the asctime form is UTC, whatever the time zone of the machine', () => {
    const { TZ } = process.env
    try {
      process.env.TZ = 'America/New_York'
      expect(new Date(NOW_MS).getHours()).toBe(18)
      expect(parseRetryAfter('Fri Dec 31 23:59:01 1999', NOW_MS)).toBe(1000)
    } finally {
      if (TZ === undefined) delete process.env.TZ
      else process.env.TZ = TZ
    }
  })
})
