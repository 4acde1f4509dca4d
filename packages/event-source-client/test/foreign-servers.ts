import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

/** What another server sends, and what both interfaces make of it. */
export interface ForeignServer {
  readonly name: string
  /** Its row in the table of docs/reference/client-behavior.md. Absent: no row. */
  readonly row?: string
  readonly status?: number
  /** Added to `content-type: text/event-stream`, or in its place. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body: string | Buffer
  /** `end`: a clean end. `cut`: the last chunk is missing. `stay`: the connection stays open. */
  readonly ends: 'end' | 'cut' | 'stay'
  readonly method?: string
  /** `type data id` of each event. */
  readonly events?: readonly string[]
  /** What `createEventSource` is then: a state, or the reason why it is closed. */
  readonly client: string
  /** What `EventSource` is then. */
  readonly source: 'open' | 'reconnecting' | 'closed'
}

const idsOf = (...ids: string[]): Pick<ForeignServer, 'body' | 'events' | 'ends' | 'client' | 'source'> => ({
  body: ids.map((id) => `id: ${id}\ndata: x\n\n`).join(''),
  events: ids.map((id) => `message x ${id}`),
  ends: 'stay',
  client: 'open',
  source: 'open',
})

const encoded = (coding: string, body: Buffer, isRead = true): ForeignServer => ({
  name: `Content-Encoding ${coding}`,
  headers: [['content-encoding', coding]],
  body,
  ...(isRead && { events: ['message x '] }),
  ends: 'end',
  client: 'reconnecting',
  source: 'reconnecting',
})

const typed = (name: string, fields: readonly string[], isRead: boolean): ForeignServer => ({
  name,
  headers: fields.map((value) => ['content-type', value] as const),
  body: 'data: x\n\n',
  ends: 'stay',
  ...(isRead
    ? { events: ['message x '], client: 'open', source: 'open' }
    : { client: 'refused', source: 'closed' }),
})

const refused = (status: number, more: Partial<ForeignServer> = {}): ForeignServer => ({
  name: `status ${status}`,
  row: `Status ${status}`,
  status,
  headers: [['content-type', 'text/plain']],
  body: 'no',
  ends: 'end',
  client: 'refused',
  source: 'closed',
  ...more,
})

const plain = Buffer.from('data: x\n\n')

/** @see docs/reference/client-behavior.md, "What it does when" */
export const foreignServers: readonly ForeignServer[] = [
  {
    name: 'langgraph: milliseconds and a counter',
    ...idsOf('1700000000000-0', '1700000000000-0', '1700000000001-0'),
  },
  { name: 'Redis entry ids that go back', ...idsOf('1526919030474-55', '1526919030474-9') },
  { name: 'names and numbers', ...idsOf('job-3', 'job-1') },
  { name: 'what looks like our ids', ...idsOf('k3v9x0q2-1041', 'k3v9x0q2-7') },
  { name: 'numbers that repeat', ...idsOf('7', '7', '5') },
  { name: 'UUIDs', ...idsOf('0b6c7c1e-7a53-4d5e-9df0-1c1b5f7f1f00', '0b6c7c1e-7a53-4d5e-9df0-1c1b5f7f1f00') },
  {
    name: 'an id that is reset',
    body: 'id: 1\ndata: a\n\nid\ndata: b\n\n',
    events: ['message a 1', 'message b '],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'a comment "heartbeat 17"',
    body: ': heartbeat 17\n\ndata: a\n\n',
    events: ['message a '],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'an event stream.end of its own',
    body: 'id: a-1\nevent: stream.end\ndata: {}\n\ndata: b\n\n',
    events: ['stream.end {} a-1', 'message b a-1'],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'an event stream.gap of its own',
    body: 'id: a-9\ndata: a\n\nid: a-1\nevent: stream.gap\ndata: {}\n\nid: a-2\ndata: b\n\n',
    events: ['message a a-9', 'stream.gap {} a-1', 'message b a-2'],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'CR alone',
    body: 'data: a\r\rdata: b\r\r',
    events: ['message a ', 'message b '],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'CRLF',
    body: 'event: x\r\ndata: a\r\n\r\n',
    events: ['x a '],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'a byte order mark',
    body: '\uFEFFdata: a\n\n',
    events: ['message a '],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'no spaces after colons',
    body: 'id:1\nevent:x\ndata:a\n\n',
    events: ['x a 1'],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'padding of 2 kB in a comment',
    body: `:${' '.repeat(2048)}\n\ndata: a\n\n`,
    events: ['message a '],
    ends: 'stay',
    client: 'open',
    source: 'open',
  },
  {
    name: 'a last event without its blank line',
    row: 'The body ends within an event',
    body: 'data: a\n\ndata: b\n',
    events: ['message a '],
    ends: 'end',
    client: 'reconnecting',
    source: 'reconnecting',
  },
  encoded('none', plain),
  encoded('utf-8', plain),
  encoded('identity', plain),
  encoded('gzip', gzipSync(plain)),
  encoded('deflate', deflateSync(plain)),
  encoded('br', brotliCompressSync(plain)),
  encoded('', plain),
  encoded('GZIP', gzipSync(plain)),
  encoded('identity, none', plain),
  encoded('gzip, none', gzipSync(plain), false),
  {
    ...encoded('gzip', gzipSync(plain).subarray(0, -8)),
    name: 'gzip without its trailer',
  },
  { ...encoded('br', Buffer.alloc(0), false), name: 'br with no body' },
  {
    ...encoded('deflate', Buffer.concat([deflateSync(plain), Buffer.from('more')])),
    name: 'deflate, and more behind it',
  },
  typed('Content-Type with a charset', ['text/event-stream;charset=utf-8'], true),
  typed('Content-Type in capitals', ['Text/Event-Stream'], true),
  typed('Content-Type twice in one field', ['text/event-stream, text/event-stream'], true),
  typed('Content-Type in two fields', ['text/event-stream', 'text/event-stream; charset=utf-8'], true),
  typed('Content-Type of a framework, then the right one', ['text/html, text/event-stream'], true),
  typed('Content-Type with a comma in quotes', ['text/event-stream; a="b, text/html"'], true),
  typed('Content-Type and nonsense', ['text/event-stream, nonsense'], true),
  typed('Content-Type with a quote that stays open', ['text/event-stream;a="b, text/html'], true),
  typed('Content-Type with an escape at its end', ['text/event-stream;a="b, text/html;\\'], true),
  typed('Content-Type and what is no token', ['text/event-stream, text/ht(ml'], true),
  typed('Content-Type and */*', ['text/event-stream, */*'], true),
  typed('Content-Type with empty values', [', text/event-stream,, '], true),
  typed('an empty Content-Type', [''], false),
  typed('a Content-Type without subtype', ['text/'], false),
  typed('the right Content-Type, then another', ['text/event-stream, text/html'], false),
  { ...typed('another Content-Type', ['text/html'], false), row: 'Another Content-Type' },
  typed('NDJSON', ['application/x-ndjson'], false),
  {
    name: 'a clean end',
    row: 'The server ends the stream',
    body: 'data: a\n\n',
    events: ['message a '],
    ends: 'end',
    client: 'reconnecting',
    source: 'reconnecting',
  },
  {
    name: 'a cut',
    row: 'The connection is lost',
    body: 'data: a\n\n',
    events: ['message a '],
    ends: 'cut',
    client: 'reconnecting',
    source: 'reconnecting',
  },
  {
    name: 'a clean end of a POST',
    row: 'The server ends the stream of a POST',
    method: 'POST',
    body: 'data: a\n\n',
    events: ['message a '],
    ends: 'end',
    client: 'completed',
    source: 'closed',
  },
  {
    name: 'a cut POST',
    row: 'The connection of a POST is lost',
    method: 'POST',
    body: 'data: a\n\n',
    events: ['message a '],
    ends: 'cut',
    client: 'interrupted',
    source: 'closed',
  },
  {
    name: 'a POST that ends within an event',
    row: 'The body of a POST ends within an event',
    method: 'POST',
    body: 'data: a\n\ndata: b',
    events: ['message a '],
    ends: 'end',
    client: 'interrupted',
    source: 'closed',
  },
  refused(204, { headers: [], body: '', client: 'no-content' }),
  refused(201),
  refused(400),
  refused(401),
  refused(403),
  refused(404),
  {
    ...refused(404),
    name: 'status 404 with an unknown coding',
    headers: [['content-encoding', 'none']],
    row: '',
  },
  {
    ...refused(401, { name: 'status 401 with a gzip that is none', row: '' }),
    headers: [['content-encoding', 'gzip']],
  },
  refused(408, { client: 'reconnecting' }),
  refused(410),
  refused(425, { client: 'reconnecting' }),
  refused(429, { client: 'reconnecting' }),
  refused(500, { client: 'reconnecting' }),
  refused(502, { client: 'reconnecting' }),
  refused(503, { client: 'reconnecting' }),
  {
    name: 'raw deflate',
    headers: [['content-encoding', 'deflate']],
    body: deflateRawSync(plain),
    events: ['message x '],
    ends: 'end',
    client: 'reconnecting',
    source: 'reconnecting',
  },
  {
    name: 'stacked codings',
    headers: [['content-encoding', 'br, gzip']],
    body: gzipSync(brotliCompressSync(plain)),
    events: ['message x '],
    ends: 'end',
    client: 'reconnecting',
    source: 'reconnecting',
  },
]

/** README's table, from the servers that have a row in it. */
export function tableOfRows(): string {
  const rows = foreignServers.filter(({ row }) => row)
  const lines = rows.map(
    ({ row, client, source }) => `| ${row} | ${describeState(client)} | ${describeState(source)} |`,
  )
  return ['| what happens | `createEventSource` | `EventSource` |', '| --- | --- | --- |', ...lines].join(
    '\n',
  )
}

function describeState(state: string): string {
  if (state === 'reconnecting') return 'reconnects'
  return state === 'open' || state === 'closed' ? state : `closed: \`${state}\``
}
