import type { Contender } from '../benchmark.ts'

/** Formats a block with an id and data. Data that is not text becomes JSON. */
export type Format = (id: string, data: unknown) => string

interface Formatter extends Contender {
  /** What it makes of a text. */
  readonly textForm: 'as it is' | 'JSON'
  readonly load: () => Promise<Format>
}

export const template = 'naive template'
export const eventSourceEncoder = 'eventsource-encoder'

export const formatters: readonly Formatter[] = [
  {
    name: 'formatEvent',
    packages: ['@sse-toolkit/sse-server'],
    textForm: 'as it is',
    async load() {
      const { formatEvent } = await import('@sse-toolkit/sse-server')
      return (id, data) => formatEvent({ id, data })
    },
  },
  {
    name: 'better-sse EventBuffer',
    packages: ['better-sse'],
    // With another serializer than its own, JSON, it writes the lines of a text as fields of their own.
    textForm: 'JSON',
    async load() {
      const { createEventBuffer } = await import('better-sse')
      const buffer = createEventBuffer()
      return (id, data) => buffer.clear().push(data, 'message', id).read()
    },
  },
  {
    name: eventSourceEncoder,
    packages: ['eventsource-encoder'],
    textForm: 'as it is',
    async load() {
      const { encode } = await import('eventsource-encoder')
      return (id, data) => encode({ id, data: textOf(data) })
    },
  },
  {
    // The floor: a CR in the data, or a line end in the id, forges fields.
    name: template,
    packages: [],
    textForm: 'as it is',
    async load() {
      return (id, data) => `id: ${id}\ndata: ${textOf(data).replaceAll('\n', '\ndata: ')}\n\n`
    },
  },
]

function textOf(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data)
}
