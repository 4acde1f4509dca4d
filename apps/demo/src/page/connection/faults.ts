import type { StreamStatus } from '@sse-toolkit/event-source-client'

/** A way to harm the stream, which the server knows as `path`. */
export interface FaultStory {
  readonly path: string
  readonly name: string
  readonly what: string
  readonly why: string
  /** For the journal. */
  readonly asked: string
  readonly usableIn?: readonly StreamStatus['state'][]
}

/** In the order of the page. */
export const FAULT_STORIES: readonly FaultStory[] = [
  {
    path: '/faults/silence',
    name: 'Go silent',
    what: 'The server sends nothing more on this connection, not even heartbeats, and does not close it: half-open, as when a network loses one end.',
    why: 'The server announces its heartbeat. Three missed ones are a dead connection: the page leaves it after 15 s, and resumes after the last event that it has.',
    asked: 'You asked the server to go silent without closing the connection.',
  },
  {
    path: '/faults/slow',
    name: 'Read slowly',
    what: 'The connection takes 256 bytes a second, a tenth of what is published. After ten to fifteen seconds 32 kB wait, and the hub disconnects the slow reader instead of filling its memory.',
    why: 'What waited is in the log, too. The page comes back and catches up from there.',
    asked: 'You asked for a connection that takes 256 bytes a second.',
  },
  {
    path: '/faults/kill',
    name: "Kill this page's node",
    what: 'Ends the process that serves this page, as kill -9 does.',
    why: 'The log is in Redis, and each node reads it. Whichever node answers next goes on after the last event that the page has.',
    asked: 'You asked for the process that serves this page to be killed.',
  },
  {
    path: '/faults/expire',
    name: 'Expire my access',
    what: 'The server ends the stream, and answers the next request with 401.',
    why: 'The client asks the page for new credentials, once. With its new token, the page resumes where it was.',
    asked: 'You asked the server to let the access of this page expire.',
  },
  {
    path: '/faults/revoke',
    name: 'Revoke me',
    what: 'The server ends the stream, and forbids this page to come back: the next request is answered 204, after which no client tries again.',
    why: 'The page keeps its position. Let in again, it catches up on everything that the log still holds.',
    asked: 'You asked the server to revoke the access of this page.',
  },
]

export const LET_IN: FaultStory = {
  path: '/faults/allow',
  name: 'Let me in again',
  what: '',
  why: '',
  asked: 'You asked the server to let this page in again.',
  usableIn: ['closed'],
}
