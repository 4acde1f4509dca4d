import { outgoingEvent } from '../events.ts'

/** The events to format. */
export interface FormatCase {
  readonly id: string
  readonly title: string
  readonly data: unknown
  /** The event that the event source must get. */
  readonly text: string
}

const order = {
  order: 42,
  customer: 'Grace Hopper',
  paid: true,
  lines: [
    { article: 'compiler', count: 1, price: 1952.5 },
    { article: 'nanosecond', count: 1000, price: 0.298 },
  ],
  note: null,
}

export const formatCases: readonly FormatCase[] = [
  textCase('short', 'short text, 43 bytes', outgoingEvent(42).data),
  textCase(
    'lines',
    '100 lines of 60 bytes',
    Array.from({ length: 100 }, (_, line) => String(line).padEnd(60, '.')).join('\n'),
  ),
  { id: 'json', title: 'JSON object', data: order, text: JSON.stringify(order) },
]

function textCase(id: string, title: string, text: string): FormatCase {
  return { id, title, data: text, text }
}
