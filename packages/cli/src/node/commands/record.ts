import type { Command } from '../command-line/command.ts'
import { choiceOf, countOf, durationOf, headersOf, parseCommand, urlOf } from '../command-line/arguments.ts'
import { readingOptions } from '../command-line/reading-options.ts'
import { UsageError } from '../command-line/usage-error.ts'

const usage = `sse record URL: records a stream, for sse replay

Each event is a JSON line on standard output, with "at": the milliseconds since the recording began. Gaps and reconnections are
reported on standard error, as by sse tail.

      --type TYPE         records events of this type only; may be given several times
      --limit N           ends after N events
      --until-end         ends when the server ends the response
      --max-time TIME     ends after this time, such as 30s or 5m
      --from earliest     begins with everything that the server holds, where it is a hub of sse-server
      --last-event-id ID  begins after this event
  -H, --header FIELD      sends 'Name: value'; may be given several times
  -k, --insecure          accepts any certificate
  -q, --quiet             says nothing about the connection

  sse record https://example.com/orders --max-time 1m > orders.jsonl
  sse replay orders.jsonl --speed 10

Exit codes: 0 the stream ended, or --limit or --max-time was reached. 2 wrong usage. 3 the server refused. 4 the stream failed or broke
off. 130 Ctrl-C.
`

export const record: Command = {
  name: 'record',
  summary: 'records a stream, for replay',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, readingOptions)
    const url = urlOf(positionals)
    const from = choiceOf('from', values.from, ['earliest'])
    const { 'last-event-id': lastEventId = from } = values
    if (from !== undefined && lastEventId !== from)
      throw new UsageError('Give either --from or --last-event-id')
    const { followStream } = await import('../tail/follow-stream.ts')
    return followStream({
      url,
      request: {
        method: 'GET',
        headers: Object.fromEntries(headersOf(values.header)),
        reconnect: values['until-end'] ? 'on-error' : 'always',
        lastEventId,
      },
      resume: undefined,
      insecure: values.insecure,
      maxTimeMs: durationOf('max-time', values['max-time']),
      isTimeAnEnd: true,
      limit: countOf('limit', values.limit),
      types: values.type === undefined ? undefined : new Set(values.type),
      format: 'jsonl',
      hasTimes: true,
      dataPath: undefined,
      quiet: values.quiet,
      shell,
    })
  },
}
