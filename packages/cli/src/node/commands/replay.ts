import { createReadStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { countOf, parseCommand } from '../command-line/arguments.ts'
import type { Command } from '../command-line/command.ts'
import { UsageError } from '../command-line/usage-error.ts'

const usage = `sse replay FILE: serves a recording of sse record, at the pace at which it was made

The clock starts when the first reader comes. Readers that come later get the events so far at once, then follow. When the recording
is over, the streams end, and the command ends with the last of them. FILE may be - for standard input.

      --speed N        plays N times as fast; 1 by default, 0 serves everything at once
  -p, --port PORT      8080; 0 takes a free port
      --host HOST      127.0.0.1; 0.0.0.0 for everybody
      --topic TOPIC    the topic of events that were recorded without one, lines by default
      --cors ORIGIN    lets pages of this origin read the stream; * for all
      --keep           goes on serving after the end, until Ctrl-C
  -q, --quiet          does not report readers

  sse replay orders.jsonl --speed 10 --port 9000

Exit codes: 0 the recording is over. 2 wrong usage, or the address is taken. 130 Ctrl-C.
`

const options = {
  speed: { type: 'string', default: '1' },
  port: { type: 'string', short: 'p', default: '8080' },
  host: { type: 'string', default: '127.0.0.1' },
  topic: { type: 'string', default: 'lines' },
  cors: { type: 'string' },
  keep: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const

export const replay: Command = {
  name: 'replay',
  summary: 'serves a recording, at its own pace',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, options)
    const [file, extra] = positionals
    if (file === undefined) throw new UsageError('A recording is missing: FILE, or - for standard input')
    if (extra !== undefined)
      throw new UsageError(`One recording is enough: ${JSON.stringify(extra)} is too much`)
    const speed = Number(values.speed)
    if (!(speed >= 0) || values.speed.trim() === '')
      throw new UsageError(`--speed: expected a number of at least 0, got ${JSON.stringify(values.speed)}`)
    const port = countOf('port', values.port, 0) ?? 0
    if (port > 65_535) throw new UsageError(`--port: expected at most 65535, got ${port}`)
    if (file !== '-') await checkReadable(file)
    const { serveLines } = await import('../serve/serve-lines.ts')
    return serveLines({
      shell,
      input: file === '-' ? shell.stdin : createReadStream(file),
      port,
      host: values.host,
      form: { json: true, idPath: undefined },
      speed,
      topic: values.topic,
      maxEvents: Number.POSITIVE_INFINITY,
      keep: values.keep,
      corsOrigin: values.cors,
      tls: undefined,
      quiet: values.quiet,
    })
  },
}

async function checkReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}
