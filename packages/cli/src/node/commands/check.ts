import { bodyOf, durationOf, headersOf, parseCommand, urlOf } from '../command-line/arguments.ts'
import type { Command } from '../command-line/command.ts'

const usage = `sse check URL: tells what is wrong with an event stream, and how to mend it

It looks at the stream for a while as a browser would ask for it, then asks again with Last-Event-ID: content type, status, caching,
compression, buffering on the way, heartbeats, ids, retry, the format byte by byte, and whether a client that returns loses events.

      --max-time TIME  how long it looks, 10s by default, 2m at most
      --strict         warnings count as errors
      --json           the findings as JSON
      --origin ORIGIN  asks as a page of this origin would
  -H, --header FIELD   sends 'Name: value'; may be given several times
  -d, --data BODY      sends a POST with this body; @FILE or @- reads it

  sse check https://example.com/events
  sse check localhost:3000/events --json --strict > findings.json

Exit codes: 0 nothing that clients fail on. 1 an error was found. 2 wrong usage. 130 Ctrl-C.
`

const options = {
  'max-time': { type: 'string', default: '10s' },
  strict: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  origin: { type: 'string' },
  header: { type: 'string', short: 'H', multiple: true },
  data: { type: 'string', short: 'd' },
} as const

export const check: Command = {
  name: 'check',
  summary: 'tells what is wrong with a stream, and how to mend it',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, options)
    const url = urlOf(positionals)
    const origin = values.origin === undefined ? [] : [`Origin: ${values.origin}`]
    const { checkStream } = await import('../check/check-stream.ts')
    return checkStream({
      url,
      fields: headersOf([...(values.header ?? []), ...origin]),
      body: await bodyOf(values.data, shell.stdin),
      origin: values.origin,
      watchMs: durationOf('max-time', values['max-time']) ?? 0,
      strict: values.strict,
      json: values.json,
      shell,
    })
  },
}
