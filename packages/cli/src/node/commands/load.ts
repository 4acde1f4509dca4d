import { countOf, durationOf, headersOf, parseCommand, urlOf } from '../command-line/arguments.ts'
import type { Command } from '../command-line/command.ts'

const usage = `sse load URL: opens many connections to a stream, and measures what arrives

It says how many connections open and stay, how many events arrive a second, how late they are, where the server sends times, and how many are
lost or repeated, where events have ids: the first connection that gets an event says to the others what comes when.

  -c, --connections N   100 by default
  -d, --duration TIME   10s by default, from when all are open (or have failed)
      --rate N          opens so many a second, 1000 by default
      --time-path PATH  where JSON data has the time of sending, in milliseconds since 1970; at by default
      --json            the figures as JSON
  -H, --header FIELD    sends 'Name: value'; may be given several times
  -k, --insecure        takes any certificate
  -q, --quiet           no progress

  sse load localhost:3000/events -c 1000 -d 30s
  sse load https://example.com/events -c 5000 --rate 200 --json

One process and one address can open some 28 000 connections to a port; \`ulimit -n\` must allow as many.

Exit codes: 0 all connections opened and stayed, and nothing was lost. 1 otherwise. 2 wrong usage. 130 Ctrl-C: the figures so far.
`

const options = {
  connections: { type: 'string', short: 'c', default: '100' },
  duration: { type: 'string', short: 'd', default: '10s' },
  rate: { type: 'string', default: '1000' },
  'time-path': { type: 'string', default: 'at' },
  json: { type: 'boolean', default: false },
  header: { type: 'string', short: 'H', multiple: true },
  insecure: { type: 'boolean', short: 'k', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const

export const load: Command = {
  name: 'load',
  summary: 'opens many connections, and measures what arrives',
  usage,
  async run(args, shell) {
    const { values, positionals } = parseCommand(args, options)
    const { runLoad } = await import('../load/run-load.ts')
    return runLoad({
      url: urlOf(positionals),
      connections: countOf('connections', values.connections) ?? 1,
      durationMs: durationOf('duration', values.duration) ?? 0,
      rate: countOf('rate', values.rate) ?? 1,
      timePath: values['time-path'],
      json: values.json,
      headers: headersOf(values.header),
      insecure: values.insecure,
      quiet: values.quiet || values.json,
      shell,
    })
  },
}
