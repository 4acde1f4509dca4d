import type { EventSourceOptions } from '@sse-toolkit/event-source-client'
import type { Command } from '../command-line/command.ts'
import {
  bodyOf,
  choiceOf,
  countOf,
  durationOf,
  headersOf,
  parseCommand,
  urlOf,
} from '../command-line/arguments.ts'
import { readingOptions } from '../command-line/reading-options.ts'
import { UsageError } from '../command-line/usage-error.ts'

const usage = `sse tail URL: follows an event stream

It reconnects as browsers do, and goes on after the last event that it had. Events go to standard output, one line each: for a
person in a terminal, as JSON lines in a pipe. What happens to the connection goes to standard error.

  -o, --output FORMAT     pretty, jsonl, data (the data alone), or raw (the bytes as they come, of one connection)
      --data-path PATH    a part of JSON data alone, such as order.items.0.name; events without it are left out
      --type TYPE         events of this type alone; may be given several times
      --limit N           ends after N events
      --until-end         ends when the server ends the response, and does not reconnect then
      --max-time TIME     ends after this time, such as 30s or 5m, with exit code 5
      --from earliest     begins with all that the server holds, where it is a hub of sse-server
      --last-event-id ID  begins after this event
      --resume FILE       remembers the last event in FILE, and goes on after it when started again
  -H, --header FIELD      sends 'Name: value'; may be given several times
  -d, --data BODY         sends a POST with this body; @FILE or @- reads it. It is sent once, and not repeated
  -X, --method METHOD     another method
      --no-reconnect      ends when the connection does
  -k, --insecure          takes any certificate
  -q, --quiet             says nothing about the connection

  sse tail localhost:3000/events --type paid --limit 10
  sse tail https://example.com/feed --resume feed.id | jq .data.total
  sse tail https://api.example.com/v1/chat -H "Authorization: Bearer $KEY" -d @question.json -o data --until-end

Exit codes: 0 the stream came to its end, or --limit was reached. 2 wrong usage. 3 the server refused. 4 the stream failed or broke
off, and cannot go on. 5 --max-time was over. 130 Ctrl-C.
`

const options = {
  ...readingOptions,
  output: { type: 'string', short: 'o' },
  'data-path': { type: 'string' },
  resume: { type: 'string' },
  data: { type: 'string', short: 'd' },
  method: { type: 'string', short: 'X' },
  'no-reconnect': { type: 'boolean', default: false },
} as const

export const tail: Command = {
  name: 'tail',
  summary: 'follows a stream, through reconnections',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, options)
    const url = urlOf(positionals)
    const output = choiceOf('output', values.output, ['pretty', 'jsonl', 'data', 'raw'])
    const headers = headersOf(values.header)
    const maxTimeMs = durationOf('max-time', values['max-time'])
    const limit = countOf('limit', values.limit)
    const from = choiceOf('from', values.from, ['earliest'])
    const { 'last-event-id': lastEventId = from, resume, 'data-path': dataPath } = values
    if (resume !== undefined && lastEventId !== undefined)
      throw new UsageError('--resume says where to begin: leave out --from and --last-event-id')
    if (from !== undefined && lastEventId !== from)
      throw new UsageError('Give either --from or --last-event-id')
    const body = await bodyOf(values.data, shell.stdin)
    const method = values.method?.toUpperCase() ?? (body === undefined ? 'GET' : 'POST')
    if (output === 'raw') {
      if (resume !== undefined || limit !== undefined || dataPath !== undefined || values.type !== undefined)
        throw new UsageError('-o raw copies bytes: leave out --resume, --limit, --type and --data-path')
      const id = lastEventId === undefined ? [] : [['Last-Event-ID', lastEventId] as const]
      const request = { url, method, headers: [...headers, ...id], body, insecure: values.insecure }
      const { copyStream } = await import('../tail/copy-stream.ts')
      return copyStream(request, { shell, maxTimeMs, quiet: values.quiet })
    }
    const isOnce = values['no-reconnect'] || (method !== 'GET' && method !== 'HEAD')
    const reconnect: EventSourceOptions['reconnect'] = isOnce
      ? 'never'
      : values['until-end']
        ? 'on-error'
        : 'always'
    const { followStream } = await import('../tail/follow-stream.ts')
    return followStream({
      url,
      request: { method, headers: Object.fromEntries(headers), body, reconnect, lastEventId },
      resume,
      insecure: values.insecure,
      maxTimeMs,
      limit,
      types: values.type === undefined ? undefined : new Set(values.type),
      format: output ?? (shell.isTerminal ? 'pretty' : 'jsonl'),
      dataPath,
      quiet: values.quiet,
      shell,
    })
  },
}
