import type { ControlEntry, LogEntry, LoggedEvent } from '@sse-toolkit/sse-server'

/** An event as Redis keeps it, without its topic: `[data]`, `[data, event]` or `[data, event, key]`, as JSON: one line. */
export function encodeEvent({ data, event, key }: LoggedEvent): string {
  if (key !== undefined) return JSON.stringify([data, event ?? null, key])
  return JSON.stringify(event === undefined ? [data] : [data, event])
}

export function decodeEntry(epoch: string, seq: number, topic: string, line: string): LogEntry {
  const [data, event, key] = JSON.parse(line) as [string, string | null | undefined, string | undefined]
  return { topic, event: event ?? undefined, data, key, position: { epoch, seq } }
}

/** A control entry, as JSON: one line. */
export function encodeControl(name: string, value: string): string {
  return JSON.stringify([name, value])
}

export function decodeControl(line: string, ageMs: number): ControlEntry {
  const [name, value] = JSON.parse(line) as [string, string]
  return { name, value, ageMs }
}

/** What processes tell each other over the channel. */
export type Message =
  | {
      readonly kind: 'events'
      readonly epoch: string
      /** The `seq` of the first; the others follow without a gap. Without events: an epoch has begun before it. */
      readonly first: number
      readonly lines: readonly string[]
    }
  | { readonly kind: 'cancel'; readonly topic: string }
  /** `version`: the number of the control entry, counted over all that were announced. */
  | { readonly kind: 'control'; readonly version: number; readonly entry: ControlEntry }

/**
 *     k3v9x0q2 1041          epoch and seq of the first
 *     orders.42 ["paid"]     topic and event, for each
 *     orders.43 ["paid"]
 *
 *     cancel orders.42
 *
 *     control 17 ["forbid ada","60000"]
 */
export function parseMessage(text: string): Message {
  const [head = '', ...lines] = text.split('\n')
  const [first = '', second = ''] = head.split(' ')
  if (first === 'cancel') return { kind: 'cancel', topic: second }
  if (first === 'control') {
    const line = text.slice(first.length + second.length + 2)
    return { kind: 'control', version: Number(second), entry: decodeControl(line, 0) }
  }
  return { kind: 'events', epoch: first, first: Number(second), lines }
}

/** One line of a message. */
export function decodeLine(epoch: string, seq: number, line: string): LogEntry {
  const space = line.indexOf(' ')
  return decodeEntry(epoch, seq, line.slice(0, space), line.slice(space + 1))
}
