import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { textOf, valueAt } from './data-path.ts'

/** How events are written: for a person, as JSON lines, or their data alone. */
export type OutputFormat = 'pretty' | 'jsonl' | 'data'

export interface ShownEvent {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
  readonly topic?: string
}

export interface EventFormat {
  readonly format: OutputFormat
  /** Shows this part of the data alone: see {@link valueAt}. Events without it are left out. */
  readonly dataPath: string | undefined
  /** Where it goes, to see whether that takes colours. */
  readonly stream: Writable
  readonly wallClock: () => number
  /** Adds `at` to a JSON line, in milliseconds. */
  readonly elapsedMs?: (() => number) | undefined
}

/**
 * One event as it is written, line ends included; undefined if it is left out.
 *
 *     pretty   12:04:05.678 paid {"total":12}   k3v9x0q2-1041
 *     jsonl    {"event":"paid","data":{"total":12},"id":"k3v9x0q2-1041"}
 *     data     {"total":12}
 *
 * A recording has `at` in each line: `{"at":1041.5,"event":"paid",...}`.
 */
export function formatEvent(event: ShownEvent, format: EventFormat): string | undefined {
  const data = format.dataPath === undefined ? event.data : pathText(event.data, format.dataPath)
  if (data === undefined) return undefined
  if (format.format === 'data') return `${data}\n`
  return format.format === 'jsonl'
    ? `${jsonLine(event, data, format.elapsedMs?.())}\n`
    : `${prettyLine(event, data, format)}\n`
}

function pathText(data: string, path: string): string | undefined {
  const value = valueAt(data, path)
  return value === undefined ? undefined : textOf(value)
}

/** Data that is a JSON object or array is part of the line; anything else is a string, so that none is ambiguous. */
function jsonLine({ type, topic, lastEventId }: ShownEvent, data: string, atMs: number | undefined): string {
  const value = /^\s*[[{]/.test(data) ? (valueAt(data, '') ?? data) : data
  return JSON.stringify({
    ...(atMs !== undefined && { at: Math.round(atMs * 10) / 10 }),
    event: type,
    data: value,
    ...(lastEventId !== '' && { id: lastEventId }),
    ...(topic !== undefined && { topic }),
  })
}

function prettyLine(event: ShownEvent, data: string, { stream, wallClock }: EventFormat): string {
  const dim = (text: string): string => styleText('dim', text, { stream })
  const time = new Date(wallClock()).toTimeString().slice(0, 8)
  const milliseconds = String(Math.floor(wallClock() % 1000)).padStart(3, '0')
  const type = styleText('cyan', printable(event.type), { stream })
  const topic = event.topic === undefined ? '' : ` ${dim(printable(event.topic))}`
  const text = printable(data).replaceAll('\n', `\n${' '.repeat(13)}`)
  const id = event.lastEventId === '' ? '' : `   ${dim(printable(event.lastEventId))}`
  return `${dim(`${time}.${milliseconds}`)} ${type}${topic} ${text}${id}`
}

/** A stream must not be able to command the terminal that shows it. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- it is these that are meant
  return text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, (control) => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
