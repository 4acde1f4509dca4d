import type { ReconnectingStream, StreamConfig, StreamObserver } from '../reconnection/reconnecting-stream.ts'
import type { StreamStatus } from '../reconnection/stream-status.ts'
import { comparePositions, earliest, isGap } from '../wire-contract/relayed-positions.ts'
import type { RelayedEvent } from '../wire-contract/relayed-positions.ts'
import type { Standing } from '../wire-contract/standing.ts'
import type { Membership, SharedStreamConfig, SharingKit } from './membership.ts'
import { relayedStatus, restoredStatus } from './relayed-status.ts'
import type { RelayedStatus } from './relayed-status.ts'

/*
 * One connection for all pages of an origin.
 *
 *     page A  holds the Web Lock: leads      server ==(the only connection)==> A
 *     page B  waits for the lock: follows    A --(BroadcastChannel)--> B
 *     page C  waits for the lock: follows    A --(BroadcastChannel)--> C
 *
 * The browser gives the lock to the next in the queue when its holder leaves, is closed, or dies. The page that gets it has
 * received what the others have (see `drainChannel`) and resumes after that.
 *
 * What is relayed is undecoded and as it came, repeats included: each page keeps a position of its own, and drops by it
 * what it has had. So the leader may go back for the sake of a page that joins with an older position.
 */

/** What the leader's connection brings, by the name of what takes it in each page. */
interface Brought {
  readonly event: [event: RelayedEvent, isReplay: boolean]
  readonly idOnly: [id: string, isWhole: boolean]
  readonly standing: [standing: Standing]
  readonly comment: [text: string]
}

type BroughtRelay<Kind extends keyof Brought = keyof Brought> = {
  readonly [K in Kind]: { readonly kind: K; readonly values: Brought[K] }
}[Kind]

/** What the pages say to each other. */
type Relay =
  /** From a page that wants to follow from its position on. The leader answers with its status, to that page. */
  | { readonly kind: 'join'; readonly from: string; readonly lastEventId: string }
  | (RelayedStatus & {
      readonly kind: 'status'
      /** The page that leads. */
      readonly leader: string
      /** The page that is answered. */
      readonly to: string | undefined
      readonly lastEventId: string
      readonly standing: Standing
      readonly isWhole: boolean
    })
  | BroughtRelay
  /** From a follower: reconnect. */
  | { readonly kind: 'reconnect' }
  /** From a new leader, and the answer of any page. */
  | { readonly kind: 'ping' | 'pong' }

/** How long a new leader waits for an answer that shows that its channel is drained. */
const drainTimeoutMs = 300

/** Makes this page one of those that share the stream, until the signal is aborted. */
export function joinPages(
  kit: SharingKit,
  name: string,
  config: SharedStreamConfig,
  observer: StreamObserver,
  signal: AbortSignal,
): Membership {
  const { contractPosition, openReconnectingStream } = kit
  const { isBehind, isBeginning, gapBetween } = comparePositions(kit.parsePosition)
  const channel = new BroadcastChannel(name)
  const { position, runtime } = config
  let leader: ReconnectingStream | undefined
  // Where the connection is; behind the position while it goes back for a page that joined.
  let wire = position
  let status: StreamStatus = { state: 'connecting', attempt: 0 }
  // What the leader's connection has shown of the wire contract.
  let standing: Standing = 'stranger'
  // The first connection, which asked for nothing, began where the log does: a finite topic is given whole. Then a page
  // that has none of it gets it from there, too.
  let isWhole = false
  const self = String(runtime.random())
  // The page that asked for the new connection: the status that follows is its answer.
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

  function post(relay: Relay): void {
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none.
    if (!signal.aborted) channel.postMessage(relay)
  }

  function postStatus(to: string | undefined): void {
    post({
      kind: 'status',
      leader: self,
      to,
      ...relayedStatus(status),
      lastEventId: position.lastEventId,
      standing,
      isWhole,
    })
  }

  const take: { readonly [Kind in keyof Brought]: (...values: Brought[Kind]) => void } = {
    event(event, isReplay) {
      const [type, , id = ''] = event
      // The gap of a page that joined with an older position does not concern pages that are further.
      if (!(isReplay && standing !== 'stranger' && isGap(type) && isBehind(id, position.lastEventId)))
        observer.onEvent(...event)
    },
    /**
     * An id alone is where the connection begins. Asked for `earliest`, on behalf of a page that joined, the server has no
     * reason to tell of another epoch; the pages that were in one before have.
     */
    idOnly(id, whole) {
      isWhole = whole
      alignWith(id)
      observer.onIdOnly(id)
    },
    standing(next) {
      standing = next
      observer.onStanding(next)
    },
    comment: observer.onComment,
  }

  function takeBrought<Kind extends keyof Brought>({ kind, values }: BroughtRelay<Kind>): void {
    take[kind](...values)
  }

  /** To the other pages, and to this one. */
  function bring<Kind extends keyof Brought>(kind: Kind, ...values: Brought[Kind]): void {
    post({ kind, values } as BroughtRelay)
    take[kind](...values)
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
    const from = relay.lastEventId || (isWhole ? earliest : '')
    // By the form of the ids, whatever the server is: to go back for nothing costs repeats, and no event.
    if (!isBehind(from, wire.lastEventId)) {
      postStatus(relay.from)
      return
    }
    wire = contractPosition(from)
    joining = relay.from
    connection.reconnect()
    joining = undefined
  }

  function follow(relay: Relay): void {
    if (relay.kind === 'status') followStatus(relay)
    else if (isAligned && 'values' in relay) takeBrought(relay)
  }

  function followStatus(relay: Relay & { kind: 'status' }): void {
    const { leader: page, to, lastEventId } = relay
    isWhole = relay.isWhole
    if (to === self) {
      isAligned = true
      take.standing(relay.standing)
      alignWith(lastEventId)
    } else if (followed !== page && isBehind(position.lastEventId, lastEventId)) isAligned = false
    followed = page
    if (!isAligned) askToJoin()
    observer.onStatus(restoredStatus(kit, relay, config.maxEventBytes))
  }

  function askToJoin(): void {
    post({ kind: 'join', from: self, lastEventId: position.lastEventId })
  }

  /** The connection is at `latest`. Events before that, in another epoch, cannot be had any more. */
  function alignWith(latest: string): void {
    const requested = position.lastEventId
    // Not as an id of the stream: it is what this page asks for.
    if (requested === '' && isWhole) position.move(earliest)
    else if (requested === '') observer.onIdOnly(latest)
    if (position.standing !== 'positions') return
    const gap = gapBetween(requested, latest)
    if (gap) observer.onEvent(...gap)
  }

  /**
   * The browser hands each relay to all channels at once, in one order, but the lock comes another way: it may be
   * here before the last words of the old leader. Any answer to a ping comes behind them.
   */
  function drainChannel(): Promise<void> {
    return new Promise((resolve) => {
      const timer = runtime.setTimeout(resolve, drainTimeoutMs)
      onPong = () => {
        runtime.clearTimeout(timer)
        resolve()
      }
      signal.addEventListener('abort', onPong)
      post({ kind: 'ping' })
    })
  }

  async function lead(): Promise<void> {
    if (followed) await drainChannel()
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
          bring('event', event, isReplay)
        },
        onIdOnly(id) {
          const isFirst = wire.lastEventId === '' && standing === 'positions'
          wire.move(id)
          bring('idOnly', id, isFirst ? isBeginning(id) : isWhole)
        },
        onStanding(next) {
          wire.follow(next)
          bring('standing', next)
        },
        onComment: (text) => bring('comment', text),
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

  return { left: enter(), reconnect: () => (leader ? leader.reconnect() : post({ kind: 'reconnect' })) }
}
