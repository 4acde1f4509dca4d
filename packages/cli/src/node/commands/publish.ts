import { choiceOf, countOf, headersOf, parseCommand, urlOf } from '../command-line/arguments.ts'
import type { Command } from '../command-line/command.ts'
import { UsageError } from '../command-line/usage-error.ts'

const usage = `sse publish URL [DATA...]: publishes events over HTTP

URL is where the handler of createPublishHandler answers. Each DATA is an event, or, without any, each line of standard input. An event
is sent again while the server cannot be reached, or is busy; under a key of its own, so that it is stored once.

  -t, --topic TOPIC   the topic, as the query parameter ?topic=
  -e, --event TYPE    the events' type
      --json          DATA, or a line, is JSON; without, it is text
      --key KEY       the idempotency key of a single event, in place of one by chance
      --retries N     how often an event is sent again, 5 by default
  -H, --header FIELD  sends 'Name: value'; may be given several times
  -o, --output FORMAT id (each event's id in a line, the default), or none

  sse publish localhost:3000/publish -t orders.42 -e paid --json '{"total": 12}'
  tail -F app.log | sse publish localhost:3000/publish -t log -H "Authorization: Bearer $TOKEN"

Exit codes: 0 all are stored. 2 wrong usage. 3 the server refused one. 4 it could not be reached. 130 Ctrl-C.
`

const options = {
  topic: { type: 'string', short: 't' },
  event: { type: 'string', short: 'e' },
  json: { type: 'boolean', default: false },
  key: { type: 'string' },
  retries: { type: 'string', default: '5' },
  header: { type: 'string', short: 'H', multiple: true },
  output: { type: 'string', short: 'o', default: 'id' },
} as const

export const publish: Command = {
  name: 'publish',
  summary: 'publishes events over HTTP',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, options)
    const url = urlOf(positionals, 'more')
    const data = positionals.slice(1)
    if (values.key !== undefined && data.length !== 1)
      throw new UsageError('--key is for a single event: give its data as an argument')
    if (values.topic !== undefined) url.searchParams.set('topic', values.topic)
    const { publishEvents } = await import('../publish/publish-events.ts')
    return publishEvents({
      url,
      data: data.length === 0 ? undefined : data,
      event: values.event,
      json: values.json,
      key: values.key,
      retries: countOf('retries', values.retries, 0) ?? 0,
      headers: headersOf(values.header),
      output: choiceOf('output', values.output, ['id', 'none']) ?? 'id',
      shell,
    })
  },
}
