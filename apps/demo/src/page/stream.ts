import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventOf, EventSourceClient, StreamStatus } from '@sse-toolkit/event-source-client'
import type { NetworkSwitch } from './network-switch.ts'
import { sampleSchemas } from './sample-schemas.ts'

export type DemoStream = EventSourceClient<EventOf<typeof sampleSchemas, 'text'>>

/** The page's stream, which can be opened anew after it was closed for good. */
export interface LiveStream {
  readonly status: StreamStatus
  readonly lastEventId: string
  /** Tries again at once. */
  reconnect(): void
  /** After it was closed: another one goes on where it was. */
  reopen(): void
}

export interface LiveStreamOptions {
  pageId: string
  network: NetworkSwitch
  /** Called with each stream, before anything of it arrives. */
  listen: (stream: DemoStream) => void
  /** The server wanted new credentials, and whether they were to be had. */
  onAccessRenewed: (failure: string | undefined) => void
}

/** A demo is watched: it should not make its viewer wait as long as a crowd of clients would have to. */
const MAX_DELAY_MS = 4_000

/** One stream for all topics, from the oldest event that the log still holds: no chart begins empty. */
export function openLiveStream(options: LiveStreamOptions): LiveStream {
  const { pageId, network, listen, onAccessRenewed } = options
  let token: string | undefined
  let stream = open('earliest')

  function open(lastEventId: string): DemoStream {
    const opened: DemoStream = createEventSource(`/events?page=${pageId}`, {
      events: sampleSchemas,
      lastEventId,
      reconnection: { maxDelayMs: MAX_DELAY_MS },
      fetch: network.fetch,
      headers: () => (token === undefined ? {} : { authorization: `Bearer ${token}` }),
      onUnauthorized: renewAccess,
    })
    listen(opened)
    return opened
  }

  /** @returns Whether it is worth asking again. */
  async function renewAccess(): Promise<boolean> {
    try {
      token = await fetchToken(pageId)
      onAccessRenewed(undefined)
      return true
    } catch (error) {
      onAccessRenewed(error instanceof Error ? error.message : String(error))
      return false
    }
  }

  return {
    get status() {
      return stream.status
    },
    get lastEventId() {
      return stream.lastEventId
    },
    reconnect: () => stream.reconnect(),
    reopen() {
      if (stream.status.state === 'closed') stream = open(stream.lastEventId || 'earliest')
    },
  }
}

async function fetchToken(pageId: string): Promise<string> {
  const response = await fetch('/access', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ page: pageId }),
  })
  if (!response.ok) throw new Error(`/access was answered with ${response.status}`)
  const { token } = (await response.json()) as { token: string }
  return token
}

/** 128 random bits. Not `randomUUID`, which pages on a plain-http address of the network do not have. */
export function createPageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
