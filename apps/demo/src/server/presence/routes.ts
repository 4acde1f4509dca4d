import { jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { Router } from '@sse-toolkit/http-core'
import { respond } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { MAX_LISTED } from '../../presence/presence-snapshot.ts'
import type { PresenceSnapshot } from '../../presence/presence-snapshot.ts'
import { READER_ID } from '../connections.ts'
import { every } from '../every.ts'
import { identityOf } from '../faults.ts'
import type { Runtime } from '../runtime.ts'
import { readJson } from '../read-json.ts'
import { createVisitors } from './visitors.ts'
import type { Visitors } from './visitors.ts'

const STREAM_PATH = '/events'
const SNAPSHOT_INTERVAL_MS = 1_000
/** Beyond that, a reader has not taken the last snapshot. */
const MAX_WAITING_BYTES = 1_024

export interface PresenceRoutesOptions {
  readonly hub: Pick<Hub, 'connections' | 'disconnect'>
  readonly node: number
  readonly nodes: number
  readonly runtime: Runtime
}

/**
 * Adds the list of the connections of this process:
 *
 *     GET  /presence             a `presence` each second, if something has changed; `?reader=<id>` names the reader
 *     POST /presence/disconnect  ends the streams of an identity, `{ "identity": "reader 12ab34cd" }`; they may come back
 *
 * @returns The callbacks for the opening and the end of a reader's stream.
 */
export function addPresenceRoutes(
  router: Router,
  options: PresenceRoutesOptions,
): Pick<Visitors, 'arrive' | 'leave'> {
  const { hub, runtime } = options
  const visitors = createVisitors()

  router.use((next) => (request, context) => {
    const identity = identityIn(request)
    // Not what else a browser asks: it is where its stream goes to that is shown.
    if (identity !== undefined && new URL(request.url).pathname === STREAM_PATH)
      visitors.note(identity, {
        address: context.remoteAddress,
        userAgent: request.headers.get('user-agent') ?? undefined,
      })
    return next(request, context)
  })

  router.get('/presence', (request, context) => {
    const asker = identityIn(request)
    return respond(
      (stream) => {
        let sent = ''
        const send = (): void => {
          // Only the newest snapshot matters to a slow reader.
          if (stream.bufferedBytes > MAX_WAITING_BYTES) return
          const { at, ...snapshot } = snapshotOf(options, visitors, asker)
          const text = JSON.stringify(snapshot)
          if (text === sent) return
          sent = text
          stream.send({ event: 'presence', data: { at, ...snapshot } satisfies PresenceSnapshot })
        }
        send()
        stream.signal.addEventListener('abort', every(SNAPSHOT_INTERVAL_MS, send, runtime))
        context.closing.addEventListener('abort', () => stream.close(), { signal: stream.signal })
      },
      { request },
    )
  })

  router.post('/presence/disconnect', async (request) => {
    const identity = await readIdentity(request)
    return identity === undefined
      ? textResponse('Send JSON with an identity.\n', { status: 400 })
      : jsonResponse({ disconnected: hub.disconnect((connection) => connection.identity === identity) })
  })
  return visitors
}

/** Most requests do not come from a reader with an id, and need no URL. */
function identityIn({ url }: Request): string | undefined {
  if (!url.includes('reader=')) return undefined
  const readerId = new URL(url).searchParams.get('reader') ?? ''
  return READER_ID.test(readerId) ? identityOf(readerId) : undefined
}

function snapshotOf(
  { hub, node, nodes, runtime }: PresenceRoutesOptions,
  visitors: Visitors,
  asker: string | undefined,
): PresenceSnapshot {
  const at = runtime.wallClock()
  const present = hub.connections()
  const streamsOf = new Map<string | undefined, number>()
  for (const { identity } of present) streamsOf.set(identity, (streamsOf.get(identity) ?? 0) + 1)
  const oldest = present.toSorted((a, b) => b.ageMs - a.ageMs).slice(0, MAX_LISTED)
  return {
    at,
    node,
    nodes,
    total: present.length,
    connections: oldest.map(({ identity, topics, position, ageMs, bufferedBytes }) => {
      const visitor = identity === undefined ? undefined : visitors.find(identity)
      // Where tabs cannot share, each stream has an age of its own.
      const visitSince = streamsOf.get(identity) === 1 ? visitor?.since : undefined
      return {
        identity,
        isAsker: identity !== undefined && identity === asker,
        address: visitor?.address,
        userAgent: visitor?.userAgent,
        topics,
        position,
        // To the second: the clocks that age and time are taken from do not agree to the millisecond.
        since: Math.round((visitSince ?? at - ageMs) / 1_000) * 1_000,
        bufferedBytes,
      }
    }),
  }
}

async function readIdentity(request: Request): Promise<string | undefined> {
  const { identity } = ((await readJson(request)) ?? {}) as { identity?: unknown }
  return typeof identity === 'string' && identity !== '' ? identity : undefined
}
