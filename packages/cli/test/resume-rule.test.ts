import { createStreamReader, resumption } from '@sse-toolkit/cli/inspect'
import type { StreamReading } from '@sse-toolkit/cli/inspect'
import { expect, it } from 'vitest'

function readingOf(ids: string): StreamReading {
  const reader = createStreamReader()
  const blocks = ids.split('').map((id) => `id: ${id}\ndata: x\n\n`)
  reader.read(1, new TextEncoder().encode(`: hello\n\n${blocks.join('')}`))
  return reader.reading
}

it.each([
  ['goes on', 'abc', 200, 'bc', undefined],
  ['has no second event', 'a', 200, 'x', undefined],
  ['has no ids', '', 200, '', undefined],
  ['begins with the event that it was to go on after', 'abc', 200, 'abc', 'resume-repeats'],
  ['begins with what is new', 'abc', 200, 'xyz', 'resume-ignored'],
  ['leaves one out', 'abc', 200, 'c', 'resume-ignored'],
  ['is silent', 'abc', 200, '', 'resume-ignored'],
  ['is refused', 'abc', 404, '', 'resume-refused'],
  ['cannot be reached', 'abc', undefined, '', 'resume-refused'],
])('a stream that %s', (_what, first, status, again, code) => {
  expect(resumption(readingOf(first), { status, reading: readingOf(again) })?.code).toBe(code)
})
