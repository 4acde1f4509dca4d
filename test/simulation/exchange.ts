import type { TransportExchange, TransportRequest, TransportSink } from '@sse-toolkit/event-source-client'
import type { ByteSink, ByteSinkListener } from '@sse-toolkit/sse-server'
import type { ExchangeControl, Host, IncomingRequest, Network } from './network-types.ts'

// How long TCP resends before it gives a connection up.
const resendMs = 60_000
// `: sse-toolkit 1` and `: heartbeat 15000`, with their line ends.
const announcementBytes = 34
const proxyHoldsBytes = 2048
const proxyHoldsMs = 3000

/* oxlint-disable no-unmodified-loop-condition -- what is called in the loops may end them */

type CutKind = 'reset' | 'end' | 'half-open'

/**
 * One HTTP exchange, from the client's transport to the host's output.
 *
 *     write -> [ send buffer ] -> [ under way -> (proxy) -> unread ] -> onData
 *               bufferedBytes      windowBytes: what TCP's window lets through before the client reads
 *
 * Pieces have any size, order is kept, nothing that arrives is corrupt, and what is cut off is lost whole. Each side has
 * its own view of whether the connection lives; the other may think otherwise for long.
 */
export function openExchange(
  network: Network,
  client: string,
  request: TransportRequest,
  sink: TransportSink,
  route: () => Host,
): TransportExchange {
  const { time, random, weather, trace } = network
  const proxyBuffers = random() < weather.buffered
  const singleBytes = random() < weather.singleBytes
  const bytesPerMs = random() < weather.throttled ? random.integer(10, 40) / 5 : Number.POSITIVE_INFINITY
  let clientIsGone = false
  // There is no response until the request has reached the server.
  let hostIsGone = true
  // Nothing arrives any more in either direction, and neither side is notified.
  let isBroken = false
  let isFrozen = false
  let isPaused = false
  let listener: ByteSinkListener | undefined
  let onBytes: ((bytes: Uint8Array) => void) | undefined
  let sendBuffer: Uint8Array[] = []
  let sendBufferBytes = 0
  let isFull = false
  let ending: 'close' | 'cut' | undefined
  let windowBytes = 0
  let readBytes = 0
  let unread: Uint8Array[] = []
  let arrivedEnd: 'close' | 'cut' | undefined
  let held: Uint8Array[] = []
  let heldBytes = 0
  let bytesUntilCut = Number.POSITIVE_INFINITY
  let cutKind: CutKind = 'reset'
  // Nothing overtakes what was sent before it.
  let lastArrivalMs = 0

  const control: ExchangeControl = {
    client,
    heal,
    get held() {
      return clientIsGone ? 'host' : hostIsGone ? 'client' : 'both'
    },
  }
  network.exchanges.add(control)
  connect()

  function note(what: string, detail?: string | number): void {
    trace.note(time.nowMs, client, what, detail)
  }

  function forget(): void {
    if (clientIsGone && hostIsGone) network.exchanges.delete(control)
  }

  /** Runs at the other end, in order with all else that was sent there. */
  function send(byteLength: number, onArrival: () => void): void {
    const latencyMs = 1 + random() * network.weather.maxLatencyMs
    const durationMs = network.weather === weather ? byteLength / bytesPerMs : 0
    lastArrivalMs = Math.max(lastArrivalMs, time.nowMs + latencyMs) + durationMs
    // At a time, not after a delay: a sum that is rounded once more could let a piece overtake the one before it.
    time.at(lastArrivalMs, () => {
      if (!isBroken) onArrival()
    })
  }

  function connect(): void {
    if (random() < weather.swallowed) {
      isBroken = true
      note('request is swallowed')
      return
    }
    if (random() < weather.intermediaryError) {
      const status = random.pick([502, 503, 429])
      const headers = new Headers(random() < 0.5 ? { 'retry-after': `${random.integer(0, 20)}` } : {})
      hostIsGone = false
      send(0, () => incoming.respond(status, headers))
      return
    }
    const isRefused = random() < weather.refused
    send(0, () => {
      const host = route()
      if (!isRefused && host.isUp) {
        hostIsGone = false
        host.accept(incoming)
      } else failAtClient('connection refused')
    })
    planFaults()
  }

  function planFaults(): void {
    const kinds: readonly [number, CutKind][] = [
      [weather.cut, 'reset'],
      [weather.endedEarly, 'end'],
      [weather.halfOpen, 'half-open'],
    ]
    for (const [chance, kind] of kinds) {
      if (random() >= chance) continue
      if (random() < 0.5) time.after(random() * 8000, () => cut(kind))
      else {
        bytesUntilCut = random.integer(1, 1500)
        cutKind = kind
      }
      break
    }
    if (random() < weather.frozen) time.after(random() * 5000, freeze)
  }

  function freeze(): void {
    isFrozen = true
    note('connection freezes')
    time.after(random() * 8000, thaw)
  }

  function thaw(): void {
    if (!isFrozen) return
    isFrozen = false
    read()
    pump()
  }

  function cut(kind: CutKind): void {
    if (isBroken || clientIsGone || network.weather !== weather) return
    note('connection is cut', kind)
    if (kind === 'half-open') {
      isBroken = true
      time.after(resendMs * (1 + random()), () => leaveHost())
      return
    }
    time.after(random() * weather.maxLatencyMs, () => leaveHost())
    // What is under way is lost with the connection.
    isBroken = true
    if (kind === 'end') endAtClient()
    else failAtClient('connection reset')
  }

  function heal(silenceIsNoticed: boolean): void {
    thaw()
    // A client that was cut off before these lines does not know the heartbeat interval.
    if (!isBroken || (silenceIsNoticed && readBytes > announcementBytes)) return
    time.after(resendMs, () => failAtClient('connection timed out'))
  }

  // --- what the client notices

  function failAtClient(message: string): void {
    if (clientIsGone) return
    clientIsGone = true
    forget()
    note('connection fails', message)
    sink.onError(new Error(message))
  }

  function endAtClient(): void {
    if (clientIsGone) return
    clientIsGone = true
    forget()
    note('response ends')
    sink.onEnd()
  }

  function arrive(bytes: Uint8Array): void {
    if (!proxyBuffers) {
      unread.push(bytes)
      read()
      return
    }
    held.push(bytes)
    heldBytes += bytes.byteLength
    if (heldBytes >= proxyHoldsBytes) release()
    else if (held.length === 1) time.after(proxyHoldsMs, release)
  }

  function release(): void {
    if (isBroken || heldBytes === 0) return
    unread.push(...held)
    held = []
    heldBytes = 0
    read()
  }

  function read(): void {
    while (!clientIsGone && !isPaused && !isFrozen) {
      const bytes = unread.shift()
      if (bytes === undefined) {
        if (arrivedEnd === undefined || heldBytes > 0) return
        if (arrivedEnd === 'close') endAtClient()
        else failAtClient('the content is not whole')
        return
      }
      windowBytes -= bytes.byteLength
      readBytes += bytes.byteLength
      network.counts.bytes += bytes.byteLength
      onBytes?.(bytes)
      hand(bytes)
      pump()
    }
  }

  function hand(bytes: Uint8Array): void {
    if (!singleBytes) giveAway(bytes)
    else
      for (let index = 0; index < bytes.byteLength && !clientIsGone; index += 1)
        giveAway(bytes.slice(index, index + 1))
    bytesUntilCut -= bytes.byteLength
    if (bytesUntilCut <= 0) cut(cutKind)
  }

  /** The client may use the bytes only during the call. Code that keeps them must fail here. */
  function giveAway(bytes: Uint8Array): void {
    sink.onData(bytes)
    bytes.fill(0x21)
  }

  // --- what the host notices

  function leaveHost(): void {
    if (hostIsGone) return
    hostIsGone = true
    forget()
    sendBuffer = []
    sendBufferBytes = 0
    listener?.closed()
  }

  /** Later, since an output must not call back from within the call. */
  function leaveHostSoon(): void {
    time.after(0, leaveHost)
  }

  function pump(): void {
    while (!hostIsGone && sendBufferBytes > 0 && windowBytes < network.windowBytes) {
      const bytes = takePiece()
      windowBytes += bytes.byteLength
      send(bytes.byteLength, () => arrive(bytes))
    }
    if (isFull && sendBufferBytes < network.highWaterMarkBytes) {
      isFull = false
      listener?.drained()
    }
    if (ending !== undefined && sendBufferBytes === 0 && !hostIsGone) {
      const how = ending
      ending = undefined
      send(0, () => {
        arrivedEnd = how
        release()
        read()
      })
      leaveHostSoon()
    }
  }

  /** From the front of what waits, in any size: a copy, since what was written is shared by many. */
  function takePiece(): Uint8Array {
    const first = sendBuffer[0] as Uint8Array
    const byteLength = random() < 0.5 ? first.byteLength : random.integer(1, first.byteLength)
    if (byteLength === first.byteLength) sendBuffer.shift()
    else sendBuffer[0] = first.subarray(byteLength)
    sendBufferBytes -= byteLength
    return first.slice(0, byteLength)
  }

  const output: ByteSink = {
    write({ bytes }) {
      if (hostIsGone) return true
      sendBuffer.push(bytes)
      sendBufferBytes += bytes.byteLength
      pump()
      isFull = sendBufferBytes >= network.highWaterMarkBytes
      return !isFull
    },
    get bufferedBytes() {
      return sendBufferBytes
    },
    close() {
      ending = 'close'
      pump()
    },
    cut() {
      ending = 'cut'
      pump()
    },
    abort() {
      if (hostIsGone) return
      sendBuffer = []
      sendBufferBytes = 0
      send(0, () => failAtClient('connection reset by the host'))
      leaveHostSoon()
    },
  }

  const incoming: IncomingRequest = {
    request,
    get isOpen() {
      return !hostIsGone
    },
    respond(status, headers, body, listenToBytes) {
      if (hostIsGone) return
      const head = { status, headers, url: request.url.href }
      onBytes = listenToBytes
      send(0, () => {
        if (clientIsGone) return
        note('response', status)
        sink.onResponse(head)
      })
      if (body === undefined) output.close()
      else listener = body.attach(output)
    },
    die(how) {
      if (how === 'silence') {
        note('host falls silent')
        isBroken = true
      } else send(0, () => failAtClient('connection reset: the host died'))
      hostIsGone = true
      listener = undefined
      forget()
    },
  }

  return {
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      // Never from within the call: the client may be in the midst of its own.
      time.after(0, read)
    },
    abort() {
      if (clientIsGone) return
      clientIsGone = true
      unread = []
      forget()
      send(0, () => leaveHost())
      if (isBroken) time.after(resendMs, () => leaveHost())
    },
  }
}
