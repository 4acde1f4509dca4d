import type { ConnectionErrorCode } from '../errors/connection-error.ts'
import type { ResponseErrorCode } from '../errors/response-error.ts'
import type {
  ReconnectingStream,
  StreamConfig,
  StreamFailure,
  StreamObserver,
  StreamStatus,
} from '../reconnection/reconnecting-stream.ts'
import type { Membership, SharingKit } from './shared-stream.ts'

/*
 * One connection for all pages of an origin.
 *
 *     page A  holds the Web Lock: leads      server ==(the only connection)==> A
 *     page B  waits for the lock: follows    A --(BroadcastChannel)--> B
 *     page C  waits for the lock: follows    A --(BroadcastChannel)--> C
 *
 * The browser gives the lock to the next in the queue when its holder leaves, is closed, or dies. Whoever gets it has
 * received what the others have (see `drainChannel`) and resumes after that.
 *
 * What is relayed is undecoded and as it came, repeats included: each page keeps a position of its own, and drops by it
 * what it has had. So the leader may go back for the sake of a page that joins with an older position.
 */

/** What the pages say to each other. */
type Relay =
  /** From a page that wants to follow from its position on. The leader answers with its status, to that page. */
  | { readonly kind: 'join'; readonly from: string; readonly lastEventId: string }
  | {
      readonly kind: 'status'
      /** The page that leads. */
      readonly leader: string
      /** The page that is answered. */
      readonly to: string | undefined
      readonly status: StreamStatus
      readonly cause: FlatCause | undefined
      readonly lastEventId: string
    }
  | { readonly kind: 'event'; readonly event: RelayedEvent; readonly isReplay: boolean }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'comment'; readonly text: string }
  /** From a follower: connect anew. */
  | { readonly kind: 'reconnect' }
  /** From a new leader, and the answer of any page. */
  | { readonly kind: 'ping' | 'pong' }

type RelayedEvent = Parameters<StreamObserver['onEvent']>

/** How long a new leader waits for an answer that shows that its channel is drained. */
const DRAIN_TIMEOUT_MS = 300

/**
 * Makes this page one of those that share the stream, until the signal is aborted.
 *
 * @returns Makes whichever page leads connect anew.
 */
export function joinPages(kit: SharingKit, { name, config, observer, signal, fail }: Membership): () => void {
  const [errors, contractPosition, openReconnectingStream, parsePosition] = kit
  const channel = new BroadcastChannel(name)
  const { position, runtime } = config
  let leader: ReconnectingStream | undefined
  // Where the connection is; behind the position while it goes back for a page that joined.
  let wire = position
  let status: StreamStatus = { state: 'connecting', attempt: 0 }
  const self = String(runtime.random())
  // The page for whose sake the connection is being made anew: the status that this brings is its answer.
  let joining: string | undefined
  let followed: string | undefined
  // Whether this page has all that was relayed so far. Until then it takes nothing: what comes first would hide what
  // is lacking before it.
  let isAligned = false
  let onPong = (): void => {}

  signal.addEventListener('abort', () => {
    leader?.close('client')
    channel.close()
  })

  /** Whether `id` is an earlier position of the same epoch. `earliest` is behind every other one. */
  function isBehind(id: string, other: string): boolean {
    if (id === 'earliest') return other !== id
    const [a, b] = [parsePosition(id), parsePosition(other)]
    return a !== undefined && b !== undefined && a.epoch === b.epoch && a.seq < b.seq
  }

  function post(relay: Relay): void {
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none.
    if (!signal.aborted) channel.postMessage(relay)
  }

  function postStatus(to: string | undefined): void {
    post({
      kind: 'status',
      leader: self,
      to,
      status: { ...status, cause: undefined } as StreamStatus,
      cause: flattenCause(status),
      lastEventId: position.lastEventId,
    })
  }

  function onEvent(event: RelayedEvent, isReplay: boolean): void {
    const [type, , id = ''] = event
    // The gap of a page that joined with an older position is none of those that are further.
    if (isReplay && type === 'stream.gap' && isBehind(id, position.lastEventId)) return
    observer.onEvent(...event)
  }

  /**
   * An id alone is where the connection begins. Asked for `earliest`, on behalf of a page that joined, the server has no
   * reason to tell of another epoch; the pages that were in one before have.
   */
  function onIdOnly(id: string): void {
    alignWith(id)
    observer.onIdOnly(id)
  }

  function receive(relay: Relay): void {
    if (relay.kind === 'ping') post({ kind: 'pong' })
    else if (relay.kind === 'pong') onPong()
    else if (leader) answer(relay, leader)
    else follow(relay)
  }

  function answer(relay: Relay, connection: ReconnectingStream): void {
    if (relay.kind === 'reconnect') connection.reconnect()
    if (relay.kind !== 'join') return
    if (!isBehind(relay.lastEventId, wire.lastEventId)) {
      postStatus(relay.from)
      return
    }
    wire = contractPosition(relay.lastEventId)
    joining = relay.from
    connection.reconnect()
    joining = undefined
  }

  function follow(relay: Relay): void {
    if (relay.kind === 'status') followStatus(relay)
    else if (!isAligned) return
    else if (relay.kind === 'event') onEvent(relay.event, relay.isReplay)
    else if (relay.kind === 'id') onIdOnly(relay.id)
    else if (relay.kind === 'comment') observer.onComment(relay.text)
  }

  function followStatus({
    leader: page,
    to,
    status: next,
    cause,
    lastEventId,
  }: Relay & { kind: 'status' }): void {
    if (to === self) {
      isAligned = true
      alignWith(lastEventId)
    } else if (followed !== page && isBehind(position.lastEventId, lastEventId)) isAligned = false
    followed = page
    if (!isAligned) askToJoin()
    observer.onStatus(restoreCause(errors, next, cause, config.maxEventBytes))
  }

  function askToJoin(): void {
    post({ kind: 'join', from: self, lastEventId: position.lastEventId })
  }

  /** The connection is at `latest`. What lies before that in another epoch, nobody can bring. */
  function alignWith(latest: string): void {
    const requested = position.lastEventId
    if (requested === '') observer.onIdOnly(latest)
    const [mine, theirs] = [parsePosition(requested), parsePosition(latest)]
    if (!mine || !theirs || mine.epoch === theirs.epoch) return
    const gap = { reason: 'epoch', requested, earliest: null, latest }
    observer.onEvent('stream.gap', JSON.stringify(gap), latest)
  }

  /**
   * The browser hands each relay to all channels at once, in one order, but the lock comes another way: it may be
   * here before the last words of the old leader. Any answer to a ping comes behind them.
   */
  function drainChannel(): Promise<void> {
    return new Promise((resolve) => {
      const timer = runtime.setTimeout(resolve, DRAIN_TIMEOUT_MS)
      onPong = () => {
        runtime.clearTimeout(timer)
        resolve()
      }
      signal.addEventListener('abort', onPong)
      post({ kind: 'ping' })
    })
  }

  async function lead(): Promise<void> {
    if (followed !== undefined) await drainChannel()
    if (signal.aborted) return
    wire = contractPosition(position.lastEventId)
    const prepareRequest: StreamConfig['prepareRequest'] = (attempt) => config.prepareRequest(attempt, wire)
    leader = openReconnectingStream(
      { ...config, prepareRequest },
      {
        onStatus(next) {
          if (signal.aborted) return
          status = next
          postStatus(joining)
          observer.onStatus(next)
        },
        onEvent(...event) {
          const isReplay = isBehind(wire.lastEventId, position.lastEventId)
          wire.admit(event[0], event[2])
          post({ kind: 'event', event, isReplay })
          onEvent(event, isReplay)
        },
        onIdOnly(id) {
          wire.move(id)
          post({ kind: 'id', id })
          onIdOnly(id)
        },
        onComment(text) {
          post({ kind: 'comment', text })
          observer.onComment(text)
        },
      },
    )
    leader.connect()
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
  }

  async function enter(): Promise<void> {
    await config.loadPosition?.()
    if (signal.aborted) return
    channel.addEventListener('message', (event) => receive((event as MessageEvent).data as Relay))
    askToJoin()
    await navigator.locks.request(name, { signal }, lead)
  }

  enter().catch(fail)
  return () => (leader ? leader.reconnect() : post({ kind: 'reconnect' }))
}

/** Errors lose their class and fields on the way to another page. */
interface FlatCause {
  readonly code: string
  readonly message: string
  readonly response?: {
    readonly status: number
    readonly url: string
    readonly headers: [string, string][]
    readonly body: string
  }
}

function flattenCause(status: StreamStatus): FlatCause | undefined {
  const cause = 'cause' in status ? status.cause : undefined
  if (!cause) return undefined
  const { message, code } = cause
  if (!('status' in cause)) return { message, code }
  const { status: statusCode, url, headers, body } = cause
  return { message, code, response: { status: statusCode, url, headers: [...headers], body } }
}

function restoreCause(
  [ConnectionError, EventSizeError, ResponseError]: SharingKit[0],
  status: StreamStatus,
  flat: FlatCause | undefined,
  maxEventBytes: number,
): StreamStatus {
  if (!flat) return status
  const { code, message, response } = flat
  const restore = (): StreamFailure => {
    if (code === 'event-too-large') return new EventSizeError(maxEventBytes)
    if (!response) return new ConnectionError(code as ConnectionErrorCode, message)
    const head = { ...response, headers: new Headers(response.headers) }
    return new ResponseError(code as ResponseErrorCode, message, head, response.body)
  }
  return { ...status, cause: restore() } as StreamStatus
}
