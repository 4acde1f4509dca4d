import { createParser } from 'eventsource-parser'
import { expect } from 'vitest'
import { createHub } from '@sse-toolkit/sse-server'
import type { EventLog, Gap, Hub, HubOptions, SubscribeOptions, TopicSchemas } from '@sse-toolkit/sse-server'
import { attach, RecordingSink } from './recording-sink.ts'
import { usualLog } from './test-logs.ts'
import { createVirtualRuntime } from './virtual-runtime.ts'

interface Received {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

export interface Reader {
  readonly sink: RecordingSink
  readonly events: readonly Received[]
  readonly ids: readonly string[]
  readonly gaps: readonly Gap[]
  readonly data: readonly string[]
}

export function createTestHub<Schemas extends TopicSchemas = TopicSchemas>(
  options: HubOptions<Schemas> = {},
): { readonly runtime: ReturnType<typeof createVirtualRuntime>; readonly hub: Hub<Schemas> } {
  const runtime = createVirtualRuntime()
  const hub = createHub<Schemas>({
    runtime,
    heartbeatIntervalMs: 0,
    log: usualLog(),
    ...options,
  })
  return { runtime, hub }
}

export async function subscribe(
  hub: Hub,
  options: Partial<SubscribeOptions> = {},
  sink: RecordingSink = new RecordingSink(),
): Promise<Reader> {
  const everything = options.topics === undefined ? { patterns: ['>'] } : {}
  const response = await hub.subscribe(new Request('http://localhost/'), { ...everything, ...options })
  expect(response.status).toBe(200)
  attach(response, sink)
  const parsed = (): { events: Received[]; ids: string[] } => {
    const result: { events: Received[]; ids: string[] } = { events: [], ids: [] }
    createParser({
      onEvent: ({ id, event = 'message', data }) => result.events.push({ id, event, data }),
      onId: (id) => result.ids.push(id),
    }).feed(sink.text)
    return result
  }
  return {
    sink,
    get events() {
      return parsed().events
    },
    get ids() {
      return parsed().ids
    },
    get gaps() {
      return parsed().events.flatMap(({ event, data }) =>
        event === 'stream.gap' ? [JSON.parse(data) as Gap] : [],
      )
    },
    get data() {
      return parsed().events.flatMap(({ event, data }) => (event === 'stream.gap' ? [] : [data]))
    },
  }
}

/** The methods of a log, to put others in their place. */
export function delegateTo(log: EventLog): EventLog {
  return {
    append: (...args) => log.append(...args),
    claim: (topic) => log.claim(topic),
    appendBatch: (...args) => log.appendBatch(...args),
    end: (...args) => log.end(...args),
    control: (...args) => log.control(...args),
    controls: (prefix) => log.controls(prefix),
    cancel: (topic) => log.cancel(topic),
    status: (topic) => log.status(topic),
    read: (...args) => log.read(...args),
    tail: (listener) => log.tail(listener),
    head: () => log.head(),
    close: () => log.close(),
  }
}

export async function publishAll(
  hub: Hub,
  topic: string,
  ...data: readonly string[]
): Promise<readonly string[]> {
  const ids: string[] = []
  for (const each of data) ids.push((await hub.publish(topic, { data: each })).id)
  return ids
}
