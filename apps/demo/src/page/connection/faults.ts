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
    what: 'The server drops the connection at once, without a last event or a clean end.',
    why: 'The client notices the break, reconnects after a moment, and resumes after its last event.',
    asked: 'You asked the server to cut the connection.',
  },
  {
    kind: 'silence',
    name: 'Go silent',
    what: 'The server sends nothing more on this connection, not even heartbeats, and does not close it: the connection is half-open, as when one end vanishes from the network.',
    why: 'The server announces its heartbeat. After three missed heartbeats, about 15\u00A0s, the client considers the connection dead, opens another, and resumes after its last event.',
    asked: 'You asked the server to go silent without closing the connection.',
  },
  {
    kind: 'slow',
    name: 'Read slowly',
    what: 'The connection takes 256 bytes a second, a tenth of the published data. After ten to fifteen seconds 32\u00A0kB are waiting, and the hub disconnects the slow reader instead of filling its memory.',
    why: 'The waiting events are also in the log. The client reconnects and catches up from there.',
    asked: 'You asked for a connection that takes 256 bytes a second.',
  },
  {
    kind: 'restart',
    name: 'Restart the server',
    what: 'As in a redeploy, the server stops accepting connections, tells each client when to reconnect, spread over time, and ends the streams. A new server takes its place.',
    why: 'The log outlives the server. The next server continues after the client\u2019s last event, without even a gap.',
    asked: 'You asked to restart the server that holds the connection.',
  },
  {
    kind: 'kill',
    name: 'Kill the process',
    what: 'Ends the process that holds this browser\u2019s connection, as kill -9 does.',
    why: 'The log is in Redis, and each node reads it. The node that answers next continues after the client\u2019s last event.',
    asked: 'You asked to kill the process that holds the connection.',
  },
  {
    kind: 'expire',
    name: 'Expire my access',
    what: 'The server ends the stream, and answers the next request with 401.',
    why: 'The client asks the page for new credentials once, and resumes where it was. A tab that takes over later sends the new token, too.',
    asked: 'You asked the server to let the access of this browser expire.',
  },
  {
    kind: 'revoke',
    name: 'Revoke me',
    what: 'The server ends the stream and forbids this browser to reconnect. It answers the next request with 204, after which the client stops trying.',
    why: 'Each tab keeps its position. When you restore access, all tabs catch up on the events still in the log.',
    asked: 'You asked the server to revoke the access of this browser.',
  },
]

export const KILL_NEEDS_NODES =
  'Not available here: the log is in the memory of this one process, and would be lost with it. Start the demo with --nodes\u00A03 to keep the log in Redis.'

export const LET_IN = {
  path: '/faults/allow',
  name: 'Restore my access',
  asked: 'You asked the server to restore the access of this browser.',
} as const
