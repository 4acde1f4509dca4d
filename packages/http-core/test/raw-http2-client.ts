import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'

/** RFC 9113 section 6. */
export const frameTypes = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
} as const

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
export const END_STREAM = 0x1
const ACK = 0x1
export const END_HEADERS = 0x4

/** One HTTP/2 frame as it came. */
interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/**
 * A client that speaks HTTP/2 frame by frame, so that it can do what a library would not: keep quiet, close one
 * direction, leave TLS or TCP without a word. It acknowledges nothing unless told to.
 */
export interface RawHttp2Client {
  /** The TCP connection under TLS. */
  readonly tcp: Socket
  readonly tls: TLSSocket
  readonly frames: readonly Frame[]
  /** Whether the server has closed the connection. */
  readonly isClosed: boolean
  /** Opens a stream with a GET request (the ids are 1, 3, 5...). */
  get(path: string): void
  send(type: number, flags: number, streamId: number, payload?: Uint8Array): void
  /** Acknowledges SETTINGS and PING from now on, and those that already came. */
  acknowledge(): void
  /** Resolves with the first frame that matches; rejects if the connection ends before. */
  until(matches: (frame: Frame) => boolean): Promise<Frame>
  /** Ends TLS with close_notify, and leaves the TCP connection as it is. */
  sendCloseNotify(): void
}

export async function rawHttp2Client(port: number): Promise<RawHttp2Client> {
  const tcp = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
  // A reset is an end like any other here.
  tcp.on('error', () => {})
  await once(tcp, 'connect')
  const tls = connectTls({ socket: withoutFin(tcp), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  tls.allowHalfOpen = true
  tls.on('error', () => {})
  await once(tls, 'secureConnect')

  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  const notify = (): void => {
    for (const check of waiting) check()
  }
  let acknowledges = false
  let nextStreamId = 1
  let received = Buffer.alloc(0)
  const send = (
    type: number,
    flags: number,
    streamId: number,
    payload: Uint8Array = new Uint8Array(),
  ): void => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head.writeUInt8(type, 3)
    head.writeUInt8(flags, 4)
    head.writeUInt32BE(streamId, 5)
    tls.write(Buffer.concat([head, payload]))
  }
  const acknowledgeFrame = ({ type, flags, payload }: Frame): void => {
    if (flags & ACK) return
    if (type === frameTypes.settings) send(type, ACK, 0)
    if (type === frameTypes.ping) send(type, ACK, 0, payload)
  }
  tls.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
      const length = received.readUIntBE(0, 3)
      const frame: Frame = {
        type: received.readUInt8(3),
        flags: received.readUInt8(4),
        streamId: received.readUInt32BE(5),
        payload: received.subarray(9, 9 + length),
      }
      received = received.subarray(9 + length)
      frames.push(frame)
      if (acknowledges) acknowledgeFrame(frame)
    }
    notify()
  })
  tls.once('end', notify)
  tcp.once('close', notify)
  tls.write(PREFACE)
  send(frameTypes.settings, 0, 0)

  return {
    tcp,
    tls,
    frames,
    get isClosed() {
      return tcp.destroyed || tcp.readableEnded || tls.readableEnded
    },
    get(path) {
      send(frameTypes.headers, END_HEADERS | END_STREAM, nextStreamId, getFields(path))
      nextStreamId += 2
    },
    send,
    acknowledge() {
      acknowledges = true
      for (const frame of frames) acknowledgeFrame(frame)
    },
    until: (matches) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = frames.find(matches)
          if (found === undefined && !tcp.destroyed && !tls.readableEnded) return
          waiting.delete(check)
          if (found === undefined) reject(new Error('The connection ended before the frame came'))
          else resolve(found)
        }
        waiting.add(check)
        check()
      }),
    sendCloseNotify() {
      tls.end()
    },
  }
}

/** RFC 7541: `:method: GET` and `:scheme: https` from the static table, path and authority as literals. */
export function getFields(path: string): Buffer {
  const literal = (index: number, text: string): Buffer =>
    Buffer.concat([Buffer.of(index, text.length), Buffer.from(text, 'latin1')])
  return Buffer.concat([Buffer.of(0x82, 0x87), literal(0x04, path), literal(0x01, 'a.example')])
}

/** TLS over this sends close_notify when it ends, but the TCP connection stays open. */
function withoutFin(tcp: Socket): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      tcp.resume()
    },
    write(chunk: Buffer, _encoding, done) {
      tcp.write(chunk, done)
    },
    final(done) {
      done()
    },
  })
  tcp.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) tcp.pause()
  })
  tcp.once('end', () => duplex.push(null))
  tcp.once('close', () => duplex.destroy())
  return duplex
}
