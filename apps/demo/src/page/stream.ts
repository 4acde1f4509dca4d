import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventOf, EventSourceClient, StreamStatus } from '@sse-toolkit/event-source-client'
import type { BrowserIdentity } from './browser-identity.ts'
import type { NetworkSwitch } from './network-switch.ts'
import { sampleSchemas } from './sample-schemas.ts'

export type DemoStream = EventSourceClient<EventOf<typeof sampleSchemas, 'text'>>

/** The stream, which can be opened again after it was closed for good. */
export interface LiveStream {
  readonly status: StreamStatus
  readonly lastEventId: string
  /** After it was closed: another one goes on where it was. */
  reopen(): void
}

export interface LiveStreamOptions {
  identity: BrowserIdentity
  network: NetworkSwitch
  /** Called with each stream, before anything of it arrives. */
  listen: (stream: DemoStream) => void
  /** The server required new credentials; says whether the page got them. */
  onAccessRenewed: (failure: string | undefined) => void
}

/** A demo is watched: it should not make its viewer wait as long as a crowd of clients would have to. */
const MAX_DELAY_MS = 4_000

/** The same in all tabs: by its URL they share a stream. */
export function streamPathOf({ id }: BrowserIdentity): string {
  return `/events?reader=${id}`
}

/**
 * One stream for all topics and all tabs of this browser, from the oldest event that the log still holds: no chart begins
 * empty. Where tabs cannot share, each has a connection of its own.
 */
export function openLiveStream(options: LiveStreamOptions): LiveStream {
  const { identity, network, listen, onAccessRenewed } = options
  let stream = open('earliest')

  function open(lastEventId: string): DemoStream {
    const opened: DemoStream = createEventSource(streamPathOf(identity), {
      share: 'origin',
      events: sampleSchemas,
      lastEventId,
      reconnection: { maxDelayMs: MAX_DELAY_MS },
      fetch: network.fetch,
      headers: () => (identity.token === undefined ? {} : { authorization: `Bearer ${identity.token}` }),
      onUnauthorized: renewAccess,
    })
    listen(opened)
    return opened
  }

  /** @returns Whether it is worth asking again. */
  async function renewAccess(): Promise<boolean> {
    try {
      identity.token = await fetchToken(identity.id)
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
    reopen() {
      if (stream.status.state === 'closed') stream = open(stream.lastEventId || 'earliest')
    },
  }
}

async function fetchToken(reader: string): Promise<string> {
  const response = await fetch('/access', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ reader }),
  })
  if (!response.ok) throw new Error(`/access was answered with ${response.status}`)
  const { token } = (await response.json()) as { token: string }
  return token
}
