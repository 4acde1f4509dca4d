import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { cors } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server } from '@sse-toolkit/http-core/node'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { Hub, HubConnection } from '@sse-toolkit/sse-server'
import { exitCodes } from '../command-line/exit-codes.ts'
import type { ExitCode } from '../command-line/exit-codes.ts'
import type { Shell } from '../command-line/shell.ts'
import { UsageError } from '../command-line/usage-error.ts'
import { eventOfLine } from './line-event.ts'
import type { LineForm } from './line-event.ts'
import { RecordedPace } from './recorded-pace.ts'

export interface Serving {
  readonly shell: Shell
  readonly input: Readable
  readonly port: number
  readonly host: string
  readonly form: LineForm
  /** How many times as fast as they were recorded lines are published. Absent: as they come. */
  readonly speed?: number
  /** The topic of lines that do not name another. */
  readonly topic: string
  readonly maxEvents: number
  readonly keep: boolean
  readonly corsOrigin: string | undefined
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly quiet: boolean
}

/** How long readers may take for what they have still to get, when the command is interrupted. */
const closingMs = 1000

/** Publishes lines of standard input until it ends, and serves them until the last reader has got the end. */
export async function serveLines(serving: Serving): Promise<ExitCode> {
  const { shell, quiet } = serving
  const say = (text: string): void => {
    if (!quiet) shell.say(`sse: ${text}`)
  }
  const readers = new Readers()
  const hub = createHub({
    log: memoryLog({ maxEvents: serving.maxEvents, maxAgeMs: 0 }),
    onJoin: (connection) => {
      readers.join()
      say(`a reader of ${connection.topics.join(', ')} came`)
    },
    onLeave: (connection, reason) => {
      readers.leave()
      say(`a reader of ${connection.topics.join(', ')} left (${reason})`)
    },
    onError: (error) => shell.say(`sse: ${error instanceof Error ? error.message : String(error)}`),
  })
  const server = await listen(hub, serving)
  say(`serving on ${server.url}`)
  if (isKeyboard(serving.input)) say('each line that you type is an event; Ctrl-D ends the stream')
  try {
    if (serving.speed !== undefined) await Promise.race([readers.untilFirst(), once(shell.signal, 'abort')])
    const topics = await publishLines(hub, serving)
    if (shell.signal.aborted) return exitCodes.done
    for (const topic of topics) await hub.end(topic)
    say('the input has ended')
    if (serving.keep) await once(shell.signal, 'abort')
    else await Promise.race([readers.untilServed(hub), once(shell.signal, 'abort')])
    return exitCodes.done
  } finally {
    await hub.close({ timeoutMs: closingMs })
    await server.close({ timeoutMs: closingMs })
  }
}

async function listen(hub: Hub, { host, port, tls, topic, corsOrigin }: Serving): Promise<Server> {
  const allow = corsOrigin === undefined ? [] : [cors({ origin: corsOrigin === '*' ? '*' : [corsOrigin] })]
  const server = createServer({
    hostname: host,
    port,
    middleware: allow,
    logger: 'off',
    ...(tls !== undefined && { tls }),
    fetch: (request) => {
      const { searchParams } = new URL(request.url)
      const [topics, patterns] = [searchParams.getAll('topic'), searchParams.getAll('pattern')]
      const asked = topics.length + patterns.length > 0 ? { topics, patterns } : { topics: [topic] }
      const isNew = !request.headers.has('last-event-id') && !searchParams.has('lastEventId')
      return hub.subscribe(request, { ...asked, ...(isNew && { lastEventId: 'earliest' }) })
    },
  })
  try {
    await server.listen()
  } catch (error) {
    await hub.close()
    throw new UsageError(`Cannot serve on ${host} port ${port}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return server
}

/** @returns the topics that events were published on. */
async function publishLines(hub: Hub, serving: Serving): Promise<Set<string>> {
  const { shell, input, form, topic: usualTopic } = serving
  const topics = new Set([usualTopic])
  const pace = new RecordedPace(serving.speed ?? 0)
  const lines = createInterface({ input, crlfDelay: Infinity, signal: shell.signal })
  let number = 0
  for await (const line of lines) {
    number += 1
    if (form.json && line.trim() === '') continue
    await pace.until(line, shell.signal)
    try {
      const { topic, event, idempotencyKey } = eventOfLine(line, form, usualTopic)
      const { key, ...published } = event
      await hub.publish(topic, published, { idempotencyKey, key })
      topics.add(topic)
    } catch (error) {
      // One bad line does not end the stream of the others.
      shell.say(`sse: line ${number} is left out: ${(error as Error).message}`)
    }
  }
  return topics
}

/** Counts the readers, and knows when those that wait for an end have it. */
class Readers {
  #opened = 0
  #onChange: (() => void) | undefined

  join(): void {
    this.#opened += 1
    this.#onChange?.()
  }

  leave(): void {
    this.#onChange?.()
  }

  async untilFirst(): Promise<void> {
    while (this.#opened === 0) await this.#change()
  }

  /** Resolves when at least one reader has come, and none is left but those of patterns, which have no end. */
  async untilServed(hub: Hub): Promise<void> {
    const isWaiting = ({ topics }: HubConnection): boolean => topics.every((topic) => !/[*>]/.test(topic))
    while (this.#opened === 0 || hub.connections().some(isWaiting)) await this.#change()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve
    })
  }
}

function isKeyboard(stdin: Readable): boolean {
  return 'isTTY' in stdin && stdin.isTTY === true
}
