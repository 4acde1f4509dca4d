import type { Rule } from './finding.ts'
import { finding, ofStream, seconds } from './finding.ts'
import { maxLineBytes } from './stream-reader.ts'

const longRetryMs = 60_000
const shortRetryMs = 100

export const ids: Rule = ofStream(({ reading: { counts, idsWithNul, repeatedIds } }) => {
  if (idsWithNul > 0)
    return finding(
      'error',
      'id-with-nul',
      `${idsWithNul} ids hold NUL: clients ignore them.`,
      'Write ids without NUL, CR and LF.',
    )
  if (counts.events === 0) return undefined
  if (counts.eventsWithId === 0)
    return finding(
      'warning',
      'no-ids',
      'No event has an id: what happens while a client reconnects is lost to it.',
      'Give each event an id, and go on after the Last-Event-ID that comes back.',
    )
  return repeatedIds > 0
    ? finding(
        'warning',
        'repeated-ids',
        `${repeatedIds} ids came more than once.`,
        'An id is a place in the stream: resuming after one that stands at two places loses or repeats events.',
      )
    : undefined
})

export const retry: Rule = ofStream(({ reading }) => {
  const { badRetries, counts, lastRetryMs, byteCount } = reading
  const [bad] = badRetries
  if (bad !== undefined)
    return finding(
      'warning',
      'bad-retry',
      `retry: ${JSON.stringify(bad)} is not a number of milliseconds: clients ignore it.`,
      'Write ASCII digits only.',
    )
  if (lastRetryMs !== undefined && lastRetryMs < shortRetryMs)
    return finding(
      'warning',
      'short-retry',
      `retry: ${lastRetryMs} lets clients come back at once, all together.`,
      'A second is usual.',
    )
  if (lastRetryMs !== undefined && lastRetryMs > longRetryMs)
    return finding(
      'note',
      'long-retry',
      `retry: ${lastRetryMs} keeps clients away for ${seconds(lastRetryMs)} after a loss.`,
      'Is it in milliseconds?',
    )
  return counts.retry === 0 && byteCount > 0
    ? finding(
        'note',
        'no-retry',
        'There is no retry: each browser waits as long as it likes (3 to 5 s) before it reconnects.',
        'Send retry: 1000, once, at the beginning.',
      )
    : undefined
})

export const unknownFields: Rule = ofStream(({ reading: { unknownFields: fields } }) => {
  if (fields.size === 0) return undefined
  const names = [...fields.keys()].slice(0, 4).map((name) => JSON.stringify(name))
  const isMisspelt = [...fields.keys()].some((name) => /^\s*(data|event|id|retry)\s*$/i.test(name))
  return finding(
    'error',
    'unknown-field',
    `Readers ignore these lines, which are not fields: ${names.join(', ')}.`,
    isMisspelt
      ? 'Field names are lower case, at the beginning of the line, with the colon right behind.'
      : 'Each line of a text needs a "data:" of its own. A formatter does that; a string that was pasted does not.',
  )
})

export const withoutData: Rule = ofStream(({ reading: { counts } }) =>
  counts.withoutData === 0
    ? undefined
    : finding(
        'warning',
        'no-data',
        `${counts.withoutData} events have a type and no data: they are not dispatched.`,
        'Write an empty "data:" at least.',
      ),
)

export const lineEndings: Rule = ofStream(({ reading: { lineEndings: endings } }) => {
  const kinds = Object.values(endings).filter((count) => count > 0).length
  if (endings.cr > 1 && endings.crlf + endings.lf === 0)
    return finding(
      'warning',
      'cr-only',
      'Lines end with CR alone.',
      'It is allowed, but home-made parsers take the stream for one line. Write LF.',
    )
  return kinds > 1
    ? finding(
        'note',
        'mixed-line-endings',
        `Lines end in more than one way: LF ${endings.lf}, CR LF ${endings.crlf}, CR ${endings.cr}.`,
        'It is allowed, but home-made parsers that split at an empty line miss events. Write LF alone. A CR may also come from data that was not split at it.',
      )
    : undefined
})

export const byteOrderMark: Rule = ofStream(({ reading: { byteOrderMarks } }) => {
  if (byteOrderMarks.inside > 0)
    return finding(
      'error',
      'byte-order-mark-inside',
      `${byteOrderMarks.inside} lines begin with a byte order mark: their field is not recognised.`,
      'Files were joined that each have one. Only the very first bytes of a stream may be one.',
    )
  return byteOrderMarks.leading
    ? finding(
        'note',
        'byte-order-mark',
        'The stream begins with a byte order mark.',
        'Clients strip it; home-made parsers lose the first event. Leave it out.',
      )
    : undefined
})

export const invalidUtf8: Rule = ofStream(({ reading: { invalidUtf8Lines } }) =>
  invalidUtf8Lines === 0
    ? undefined
    : finding(
        'error',
        'invalid-utf-8',
        `${invalidUtf8Lines} lines are not UTF-8: clients see replacement characters.`,
        'Encode as UTF-8, and do not cut text between the bytes of a character.',
      ),
)

export const endlessLine: Rule = ofStream(({ reading: { longestLineBytes } }) =>
  longestLineBytes <= maxLineBytes
    ? undefined
    : finding(
        'error',
        'endless-line',
        `A line is longer than ${maxLineBytes / 1024} KiB, with no end in sight or far away.`,
        'Clients keep all of it in memory, and many give up. Send a reference, or several events.',
      ),
)

export const noBlocks: Rule = ofStream(({ reading }) =>
  reading.counts.blocks > 0 || reading.unfinishedBytes === 0
    ? undefined
    : finding(
        'error',
        'no-empty-line',
        `${reading.unfinishedBytes} bytes came, but no empty line: no event is dispatched.`,
        'End each event with an empty line.',
      ),
)
