import { byteSourceSymbol } from '../src/index.ts'
import type { ByteSink, ByteSource, SharedBytes } from '../src/index.ts'

/** Bytes that say which of their two forms was used. */
export function shared(text: string): SharedBytes & { readonly used: string[] } {
  const used: string[] = []
  return {
    used,
    get bytes() {
      used.push('bytes')
      return Buffer.from(text)
    },
    get chunk() {
      used.push('chunk')
      return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
    },
  }
}

/** A source that tells what happens to it. */
export function recordingSource(): ByteSource & { readonly sinks: ByteSink[]; readonly events: string[] } {
  const sinks: ByteSink[] = []
  const events: string[] = []
  return {
    sinks,
    events,
    attach(sink) {
      sinks.push(sink)
      events.push('attach')
      return {
        drained: () => {
          events.push('drained')
        },
        closed: () => {
          events.push('closed')
        },
      }
    },
  }
}

/** An event stream response whose bytes come from the source. */
export function carrying(
  source: ByteSource,
  init: ResponseInit = {},
  body: ReadableStream = new ReadableStream(),
): Response {
  const headers = { 'content-type': 'text/event-stream', ...(init.headers as Record<string, string>) }
  return Object.assign(new Response(body, { ...init, headers }), { [byteSourceSymbol]: source })
}
