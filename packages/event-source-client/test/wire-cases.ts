/** What the decoder reports, in order. */
export type Block =
  | { readonly event: string; readonly data: string; readonly id?: string }
  | { readonly idOnly: string }
  | { readonly retry: number }
  | { readonly comment: string }

/** Bytes in, blocks out. Strings stand for their UTF-8. */
export interface WireCase {
  readonly name: string
  readonly bytes: string | Uint8Array
  readonly blocks: readonly Block[]
}

const message = (data: string, id?: string): Block => ({
  event: 'message',
  data,
  ...(id === undefined ? {} : { id }),
})

const bytesOf = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)))

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export const wireCases: readonly WireCase[] = [
  { name: 'a block of one data line is an event', bytes: 'data: a\n\n', blocks: [message('a')] },
  { name: 'data lines are joined by LF', bytes: 'data: a\ndata: b\n\n', blocks: [message('a\nb')] },
  { name: 'one space after the colon is removed', bytes: 'data:  a\ndata:b\n\n', blocks: [message(' a\nb')] },
  {
    name: 'a line without a colon is a field without a value',
    bytes: 'data\n\ndata\ndata\n\n',
    blocks: [message(''), message('\n')],
  },
  { name: 'CR ends a line', bytes: 'data: a\rdata: b\r\r', blocks: [message('a\nb')] },
  { name: 'CRLF ends a line', bytes: 'data: a\r\ndata: b\r\n\r\n', blocks: [message('a\nb')] },
  {
    name: 'line ends may be mixed',
    bytes: 'data: a\r\rdata: b\n\ndata: c\r\n\r\n',
    blocks: [message('a'), message('b'), message('c')],
  },
  {
    name: 'an event type is used once',
    bytes: 'event: x\ndata: a\n\ndata: b\n\n',
    blocks: [{ event: 'x', data: 'a' }, message('b')],
  },
  {
    name: 'an event type without data is forgotten',
    bytes: 'event: x\n\ndata: b\n\n',
    blocks: [message('b')],
  },
  {
    name: 'an empty event type is "message"',
    bytes: 'event: x\nevent:\ndata: a\n\n',
    blocks: [message('a')],
  },
  {
    name: 'an id belongs to the block of its event',
    bytes: 'id: 1\ndata: a\n\ndata: b\n\n',
    blocks: [message('a', '1'), message('b')],
  },
  {
    name: 'a block may have an id and no data',
    bytes: 'id: 1\n\ndata: a\n\n',
    blocks: [{ idOnly: '1' }, message('a')],
  },
  {
    name: 'two id-only blocks are two',
    bytes: 'id: 1\n\nid: 2\n\n',
    blocks: [{ idOnly: '1' }, { idOnly: '2' }],
  },
  {
    name: 'an id-only block comes before the event after it',
    bytes: 'id: 1\n\nid: 2\ndata: a\n\n',
    blocks: [{ idOnly: '1' }, message('a', '2')],
  },
  {
    name: 'an empty id is an id',
    bytes: 'id\ndata: a\n\nid:\n\n',
    blocks: [message('a', ''), { idOnly: '' }],
  },
  { name: 'an id with NUL is ignored', bytes: 'id: 1\0\ndata: a\n\nid: \0\n\n', blocks: [message('a')] },
  { name: 'the last id of a block counts', bytes: 'id: 1\nid: 2\ndata: a\n\n', blocks: [message('a', '2')] },
  { name: 'retry takes effect in its line', bytes: 'retry: 250\n', blocks: [{ retry: 250 }] },
  {
    name: 'retry takes digits only',
    bytes: 'retry: 1s\nretry: -1\nretry: +1\nretry: 1.5\nretry:\nretry: 0x1\nretry: \u0661\n\n',
    blocks: [],
  },
  {
    name: 'retry beyond all numbers is infinite',
    bytes: `retry: ${'9'.repeat(400)}\n`,
    blocks: [{ retry: Infinity }],
  },
  {
    name: 'a comment is no field',
    bytes: ':\n: hi\n:data: a\n\n',
    blocks: [{ comment: '' }, { comment: 'hi' }, { comment: 'data: a' }],
  },
  {
    name: 'a comment inside a block does not end it',
    bytes: 'data: a\n: hi\ndata: b\n\n',
    blocks: [{ comment: 'hi' }, message('a\nb')],
  },
  {
    name: 'an id-only block comes before the comment after it',
    bytes: 'id: 1\n\n: hi\n',
    blocks: [{ idOnly: '1' }, { comment: 'hi' }],
  },
  {
    name: 'an id-only block comes before the retry after it',
    bytes: 'id: 1\n\nretry: 5\n',
    blocks: [{ idOnly: '1' }, { retry: 5 }],
  },
  {
    name: 'field names are case-sensitive and exact',
    bytes: 'Data: a\n data: b\nfoo: c\ndata : d\n\n',
    blocks: [],
  },
  { name: 'an unfinished block is dropped', bytes: 'data: a\n\nid: 2\ndata: b\n', blocks: [message('a')] },
  { name: 'one BOM is stripped', bytes: bytesOf([0xef, 0xbb, 0xbf], 'data: a\n\n'), blocks: [message('a')] },
  {
    name: 'a second BOM is part of the first field name',
    bytes: bytesOf([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], 'data: a\ndata: b\n\n'),
    blocks: [message('b')],
  },
  {
    name: 'a BOM further on is text',
    bytes: bytesOf('data: ', [0xef, 0xbb, 0xbf], 'a\n\n'),
    blocks: [message('\uFEFFa')],
  },
  {
    name: 'UTF-8 of every length is decoded',
    bytes: 'data: aé€😀\nid: ü…\n\n',
    blocks: [message('aé€😀', 'ü…')],
  },
  {
    name: 'a byte that is no UTF-8 is U+FFFD',
    bytes: bytesOf('data: ', [0xff, 0xc0], '\n\n'),
    blocks: [message('\uFFFD\uFFFD')],
  },
  { name: 'NUL in data is kept', bytes: 'data: a\0b\n\n', blocks: [message('a\0b')] },
]
