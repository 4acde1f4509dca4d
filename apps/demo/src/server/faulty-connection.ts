import { byteSourceSymbol, formatComment } from '@sse-toolkit/sse-server'
import type { ByteSink, ByteSource, SharedBytes } from '@sse-toolkit/sse-server'
import type { Runtime } from './runtime.ts'

/** The slow reader takes this much every {@link SLOW_TICK_MS}: a tenth of what the stream's topics bring. */
const SLOW_BYTES = 64
const SLOW_TICK_MS = 250
/** A fault ends after this time, even if its reader has not noticed it. */
const MAX_FAULT_MS = 60_000

/** The faults of one open connection, on the server's side. */
export interface FaultyConnection {
  /** Breaks it at once: no last event, no end of the body, and what was queued is lost. */
  cut(): void
  /** Half-open: nothing is sent any more, not even heartbeats, and nothing is closed; after a minute it is cut. */
  silence(): void
  /** As if its reader took a few hundred bytes a second, for a minute. */
  slow(): void
}

/**
 * Gives a handle on the connection that will carry a response, by standing between the response's byte source and the
 * server's sink:
 *
 *     hub -> ByteSource -> [here] -> ByteSink -> socket
 *
 * @param greeting - A comment before everything else.
 * @param onOpen - Called when a server attached its sink. A server that reads `body` instead gives no handle.
 * @param onClosed - Called once the connection is gone, if it was opened.
 */
export function withFaults(
  response: Response,
  options: {
    readonly greeting: string
    readonly runtime: Runtime
    readonly onOpen: (connection: FaultyConnection) => void
    readonly onClosed: (connection: FaultyConnection) => void
  },
): Response {
  const { greeting, runtime, onOpen, onClosed } = options
  // Absent from the answer to a HEAD request, and from a refusal.
  const source = (response as { [byteSourceSymbol]?: ByteSource })[byteSourceSymbol]
  if (source === undefined) return response
  const stand: ByteSource = {
    attach(sink) {
      sink.write(bytesOf(Buffer.from(formatComment(greeting))))
      const stage = createFaultStage(sink, runtime)
      const listener = source.attach(stage.sink)
      stage.onDrained(() => listener.drained())
      onOpen(stage.connection)
      return {
        drained: () => stage.drained(),
        closed() {
          stage.stop()
          onClosed(stage.connection)
          listener.closed()
        },
      }
    },
  }
  return Object.defineProperty(new Response(response.body, response), byteSourceSymbol, { value: stand })
}

interface FaultStage {
  /** What the hub writes to. */
  readonly sink: ByteSink
  readonly connection: FaultyConnection
  onDrained(callback: () => void): void
  /** The server's sink has room again. */
  drained(): void
  stop(): void
}

/** While it is slow, what the hub has written waits in `queue`: one write, for it answers false to the first. */
function createFaultStage(sink: ByteSink, runtime: Runtime): FaultStage {
  let mode: 'sound' | 'silent' | 'slow' = 'sound'
  let queue: Uint8Array[] = []
  let queuedBytes = 0
  let tick: unknown
  let end: unknown
  let announceRoom = (): void => {}

  function stop(): void {
    runtime.clearTimeout(tick)
    runtime.clearTimeout(end)
    queue = []
    queuedBytes = 0
  }

  function flush(): void {
    for (const bytes of queue) sink.write(bytesOf(bytes))
    queue = []
    queuedBytes = 0
  }

  function trickle(): void {
    tick = runtime.setTimeout(trickle, SLOW_TICK_MS)
    const [head] = queue
    if (head === undefined) return
    const part = head.subarray(0, SLOW_BYTES)
    if (part.length === head.length) queue.shift()
    else queue[0] = head.subarray(SLOW_BYTES)
    queuedBytes -= part.length
    sink.write(bytesOf(part))
    if (queue.length === 0) announceRoom()
  }

  function recover(): void {
    runtime.clearTimeout(tick)
    mode = 'sound'
    flush()
    announceRoom()
  }

  return {
    stop,
    onDrained(callback) {
      announceRoom = callback
    },
    drained() {
      if (queue.length === 0) announceRoom()
    },
    connection: {
      cut: () => sink.abort(),
      silence() {
        stop()
        mode = 'silent'
        end = runtime.setTimeout(() => sink.abort(), MAX_FAULT_MS)
      },
      slow() {
        if (mode !== 'sound') return
        mode = 'slow'
        trickle()
        end = runtime.setTimeout(recover, MAX_FAULT_MS)
      },
    },
    sink: {
      write(shared) {
        if (mode === 'sound') return sink.write(shared)
        // As a network that has lost the other end takes bytes, too.
        if (mode === 'silent') return true
        queue.push(shared.bytes)
        queuedBytes += shared.bytes.length
        return false
      },
      get bufferedBytes() {
        return sink.bufferedBytes + queuedBytes
      },
      close() {
        if (mode === 'silent') return
        flush()
        sink.close()
      },
      abort: () => sink.abort(),
    },
  }
}

function bytesOf(bytes: Uint8Array): SharedBytes {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`)
  return { bytes, chunk: Buffer.concat([size, bytes, Buffer.from('\r\n')]) }
}
