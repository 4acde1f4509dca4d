import type { FaultKind } from './fault-account.ts'

/** A way to harm the stream, which the server knows as `/faults/<kind>`. */
export interface FaultStory {
  readonly kind: FaultKind
  readonly name: string
  readonly what: string
  readonly why: string
  /** For the journal. */
  readonly asked: string
}

/** In the order of the page. */
export const FAULT_STORIES: readonly FaultStory[] = [
  {
    kind: 'cut',
    name: 'Cut the connection',
    what: 'The server drops the connection at once, without a last event and without an end.',
    why: 'The client sees it break, comes back after a moment, and resumes after its last event.',
    asked: 'You asked the server to cut the connection.',
  },
  {
    kind: 'silence',
    name: 'Go silent',
    what: 'The server sends nothing more on this connection, not even heartbeats, and does not close it: half-open, as when a network loses one end.',
    why: 'The server announces its heartbeat. Three missed ones are a dead connection: the client leaves it after about 15\u00A0s, and resumes after its last event.',
    asked: 'You asked the server to go silent without closing the connection.',
  },
  {
    kind: 'slow',
    name: 'Read slowly',
    what: 'The connection takes 256 bytes a second, a tenth of what is published. After ten to fifteen seconds 32\u00A0kB wait, and the hub disconnects the slow reader instead of filling its memory.',
    why: 'What waited is in the log, too. The client comes back and catches up from there.',
    asked: 'You asked for a connection that takes 256 bytes a second.',
  },
  {
    kind: 'restart',
    name: 'Restart the server',
    what: 'As for a redeploy: the server accepts nobody any more, tells each client when to come back, not all at the same time, ends the streams, and goes. A new one takes its place.',
    why: 'The log outlives the server. Whoever answers next goes on after the client\u2019s last event: not even a gap.',
    asked: 'You asked for a new server in the place of the one that holds the connection.',
  },
  {
    kind: 'kill',
    name: 'Kill the process',
    what: 'Ends the process that holds this browser\u2019s connection, as kill -9 does.',
    why: 'The log is in Redis, and each node reads it. Whichever node answers next goes on after the client\u2019s last event.',
    asked: 'You asked for the process that holds the connection to be killed.',
  },
  {
    kind: 'expire',
    name: 'Expire my access',
    what: 'The server ends the stream, and answers the next request with 401.',
    why: 'The client asks the page for new credentials, once, and resumes where it was. Whichever tab takes over next sends the new token, too.',
    asked: 'You asked the server to let the access of this browser expire.',
  },
  {
    kind: 'revoke',
    name: 'Revoke me',
    what: 'The server ends the stream, and forbids this browser to come back: the next request is answered 204, after which no client tries again.',
    why: 'Each tab keeps its position. Let in again, all catch up on everything that the log still holds.',
    asked: 'You asked the server to revoke the access of this browser.',
  },
]

export const KILL_NEEDS_NODES =
  'Not here: the log is in the memory of this one process, and would be gone with it. Started with --nodes\u00A03, the demo has its log in Redis.'

export const LET_IN = {
  path: '/faults/allow',
  name: 'Let me in again',
  asked: 'You asked the server to let this browser in again.',
} as const
