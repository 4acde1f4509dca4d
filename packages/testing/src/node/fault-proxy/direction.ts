import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Runtime } from '../../runtime.ts'
import type { Ending, ResolvedFaults } from './faults.ts'

/** Latency holds bytes back, as a long wire does. Beyond this the wire is full and the sender must wait. */
const maxInFlightBytes = 1024 * 1024
/** A throttled direction may send this much at once; a finer grain would only measure the timer. */
const burstMs = 50

/** What travels: bytes, and in order behind them the end of the sender's half. */
type Parcel =
  | { kind: 'bytes'; bytes: Buffer; sentAt: number }
  | { kind: 'fin' | 'rst'; bytes?: never; sentAt: number }

export interface Direction {
  setFaults(faults: ResolvedFaults): void
  /** Nothing is forwarded any more, no timer is left. What the source still sends is read and dropped. */
  stop(): void
}

/**
 * One direction of a proxied connection:
 *
 *     source --> [ parcel | parcel | fin ] --> destination
 *                  in flight: latency, rate, flow
 *
 * The closing of `source` reaches `destination` only through this queue, so a direction that is dead or slow is so for
 * FIN and RST as well.
 */
export function openDirection(options: {
  source: Socket
  destination: Socket
  faults: ResolvedFaults
  runtime: Runtime
  onForwarded: (byteCount: number) => void
  onCut: (ending: Ending) => void
}): Direction {
  const { source, destination, runtime, onForwarded, onCut } = options
  const inFlight: Parcel[] = []
  let inFlightBytes = 0
  let faults = options.faults
  let bytesUntilCut = faults.cutAfter?.bytes ?? Infinity
  // Once bytes were lost, later ones would be misread as their continuation: the direction stays dead.
  let lostBytes = faults.flow === 'black-hole'
  let stopped = false
  let allowance = 0
  let allowanceAt = runtime.now()
  let wake: (() => void) | undefined

  const accept = (parcel: Parcel): void => {
    if (stopped || lostBytes) return
    inFlight.push(parcel)
    inFlightBytes += parcel.bytes?.length ?? 0
    if (inFlightBytes >= maxInFlightBytes) source.pause()
    wake?.()
  }
  source.on('data', (bytes: Buffer) => accept({ kind: 'bytes', bytes, sentAt: runtime.now() }))
  source.on('end', () => accept({ kind: 'fin', sentAt: runtime.now() }))
  source.on('error', () => accept({ kind: 'rst', sentAt: runtime.now() }))
  destination.on('drain', () => wake?.())
  destination.on('close', () => wake?.())
  if (faults.flow === 'paused') source.pause()
  void forward()

  async function forward(): Promise<void> {
    for (;;) {
      if (stopped) return
      const parcel = inFlight[0]
      if (parcel === undefined || faults.flow === 'paused') {
        await woken()
        continue
      }
      const remainingMs = parcel.sentAt + faults.latencyMs - runtime.now()
      if (remainingMs > 0) {
        await wokenOrAfter(remainingMs)
        continue
      }
      if (parcel.kind !== 'bytes') {
        inFlight.shift()
        if (parcel.kind === 'fin') destination.end()
        else destination.resetAndDestroy()
        continue
      }
      if (!destination.writable) {
        // The destination closed and the path back is dead or slow: the source does not know yet.
        take(parcel, parcel.bytes.length)
        continue
      }
      if (destination.writableNeedDrain) {
        await woken()
        continue
      }
      if (faults.cutAfter !== undefined && bytesUntilCut <= 0) {
        onCut(faults.cutAfter.ending)
        return
      }
      const waitMs = untilAllowed(parcel.bytes.length)
      if (waitMs > 0) {
        await wokenOrAfter(waitMs)
        continue
      }
      const byteCount = Math.min(
        parcel.bytes.length,
        bytesUntilCut,
        Math.floor(allowance),
        faults.writes === 'single-bytes' ? 1 : Infinity,
      )
      const { ending } = faults.cutAfter ?? {}
      allowance -= byteCount
      bytesUntilCut -= byteCount
      destination.write(take(parcel, byteCount))
      onForwarded(byteCount)
      if (ending !== undefined && bytesUntilCut <= 0) {
        onCut(ending)
        return
      }
      if (faults.writes === 'single-bytes') await nextTurn()
    }
  }

  function take(parcel: Parcel & { kind: 'bytes' }, byteCount: number): Buffer {
    const taken = parcel.bytes.subarray(0, byteCount)
    parcel.bytes = parcel.bytes.subarray(byteCount)
    if (parcel.bytes.length === 0) inFlight.shift()
    inFlightBytes -= byteCount
    if (inFlightBytes < maxInFlightBytes && faults.flow !== 'paused') source.resume()
    return taken
  }

  /** A token bucket. Milliseconds until a burst, or the whole of `byteCount`, may go. */
  function untilAllowed(byteCount: number): number {
    if (faults.bytesPerSecond === Infinity) {
      allowance = Infinity
      return 0
    }
    const burst = Math.max(1, (faults.bytesPerSecond * burstMs) / 1000)
    const now = runtime.now()
    allowance = Math.min(burst, allowance + ((now - allowanceAt) * faults.bytesPerSecond) / 1000)
    allowanceAt = now
    const wanted = Math.max(1, Math.min(byteCount, Math.floor(burst)))
    return allowance >= wanted ? 0 : ((wanted - allowance) / faults.bytesPerSecond) * 1000
  }

  function woken(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve
    })
  }

  async function wokenOrAfter(delayMs: number): Promise<void> {
    const timer = runtime.setTimeout(() => wake?.(), Math.ceil(delayMs))
    await woken()
    runtime.clearTimeout(timer)
  }

  function dropInFlight(): void {
    inFlight.length = 0
    inFlightBytes = 0
    source.resume()
  }

  return {
    setFaults(next) {
      faults = next
      bytesUntilCut = next.cutAfter?.bytes ?? Infinity
      // What a faster rate had saved up must not be spent at this one.
      allowance = 0
      allowanceAt = runtime.now()
      if (next.flow === 'black-hole') {
        lostBytes = true
        dropInFlight()
      } else if (next.flow === 'paused') source.pause()
      else if (inFlightBytes < maxInFlightBytes) source.resume()
      wake?.()
    },
    stop() {
      stopped = true
      dropInFlight()
      wake?.()
    },
  }
}
