import { describe, expect, it } from 'vitest'
import { EvictionMarks } from '../src/log/eviction-marks.ts'

describe('the marks of topics that have lost events', () => {
  it('are exact for the topics that were evicted last', () => {
    const marks = new EvictionMarks()
    for (let n = 1; n <= 1000; n += 1) marks.set(`t${n}`, n)
    expect([marks.get('t1'), marks.get('t1000'), marks.get('never')]).toEqual([1, 1000, 0])
    expect(marks.greatestUnnamed).toBe(0)
    marks.set('t1', 2000)
    expect(marks.get('t1')).toBe(2000)
    marks.delete('t1')
    expect([marks.get('t1'), marks.has('t1'), marks.has('t2')]).toEqual([0, false, true])
  })

  it('are never too low, and too high only for a few other topics, when there are more topics than marks', () => {
    const marks = new EvictionMarks()
    const count = 300_000
    for (let n = 1; n <= count; n += 1) marks.set(`topic.${n}`, n)
    for (let n = 1; n <= count; n += 997) expect(marks.get(`topic.${n}`)).toBeGreaterThanOrEqual(n)
    expect(marks.get(`topic.${count}`)).toBe(count)
    expect(marks.greatestUnnamed).toBeGreaterThan(100_000)
    const quiet = Array.from({ length: 1000 }, (_, n) => marks.get(`quiet.${n}`))
    expect(quiet.filter((mark) => mark > 0).length).toBeLessThan(200)
  })
})
