import { readFile } from 'node:fs/promises'
import { countOf, parseCommand } from '../command-line/arguments.ts'
import type { Command } from '../command-line/command.ts'
import { UsageError } from '../command-line/usage-error.ts'

const usage = `sse serve: makes an event stream of the lines on standard input

Each line is an event. Any number of readers may come, each gets what is held from its beginning, and one that comes back goes on
after its last event. When the input ends, so do their streams, and when the last of them has got the end, so does the command.

  -p, --port PORT      8080; 0 takes a free one
      --host HOST      127.0.0.1; 0.0.0.0 for everybody
      --event TYPE     the events' type
      --json           lines are events as JSON: {"event": "paid", "data": {"total": 12}, "topic": "orders.42"}
      --id PATH        with --json: a repeated value at this path, such as data.id, is sent once
      --topic TOPIC    the events' topic, lines by default; readers ask for others by ?topic=NAME or ?pattern=orders.*
      --max-events N   how many events are kept for readers that come later, 10000 by default
      --keep           goes on serving when the input has ended, until Ctrl-C
      --cors ORIGIN    lets pages of this origin read it; * for all
      --cert FILE --key FILE
                       serves over TLS, and HTTP/2
  -q, --quiet          does not report readers

  tail -F app.log | sse serve --event line
  ./progress.sh | sse serve --json --port 0

Exit codes: 0 the input ended. 2 wrong usage, or the address is taken. 130 Ctrl-C.
`

const options = {
  port: { type: 'string', short: 'p', default: '8080' },
  host: { type: 'string', default: '127.0.0.1' },
  event: { type: 'string' },
  json: { type: 'boolean', default: false },
  id: { type: 'string' },
  topic: { type: 'string', default: 'lines' },
  'max-events': { type: 'string', default: '10000' },
  keep: { type: 'boolean', default: false },
  cors: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const

export const serve: Command = {
  name: 'serve',
  summary: 'makes a stream of the lines on standard input',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, options)
    const [extra] = positionals
    if (extra !== undefined) throw new UsageError(`It takes no argument, got ${JSON.stringify(extra)}`)
    const { id, json, event, cert, key } = values
    if (id !== undefined && !json) throw new UsageError('--id needs --json')
    if (event !== undefined && json)
      throw new UsageError('With --json each line says its own type: leave out --event')
    if ((cert === undefined) !== (key === undefined)) throw new UsageError('TLS needs both --cert and --key')
    const port = countOf('port', values.port, 0) ?? 0
    if (port > 65_535) throw new UsageError(`--port: expected at most 65535, got ${port}`)
    const { serveLines } = await import('../serve/serve-lines.ts')
    return serveLines({
      shell,
      input: shell.stdin,
      port,
      host: values.host,
      form: json ? { json: true, idPath: id } : { json: false, event },
      topic: values.topic,
      maxEvents: countOf('max-events', values['max-events']) ?? 1,
      keep: values.keep,
      corsOrigin: values.cors,
      tls:
        cert === undefined || key === undefined
          ? undefined
          : { cert: await readPem('cert', cert), key: await readPem('key', key) },
      quiet: values.quiet,
    })
  },
}

async function readPem(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--${option}: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}
