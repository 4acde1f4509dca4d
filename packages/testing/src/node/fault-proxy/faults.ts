import { OptionError } from '../../errors/option-error.ts'

/**
 * What happens to the bytes of one direction.
 *
 * - `forward`: they are passed on.
 * - `paused`: the proxy stops reading. The kernel's buffers fill, and TCP back-pressure reaches the sender. Nothing is
 *   lost: `forward` goes on where it stopped.
 * - `black-hole`: a dead path. The proxy reads the bytes and drops them, FIN and RST included, and leaves the other
 *   socket open. Once a direction has lost bytes it stays dead for that connection, also after `forward`.
 */
export type Flow = 'forward' | 'paused' | 'black-hole'

/**
 * How a connection is cut, on both of its sides.
 *
 * - `fin`: what was forwarded arrives, then FIN.
 * - `destroy`: the sockets are closed at once; what still waited in the proxy is lost.
 * - `rst`: RST; the peers see ECONNRESET.
 */
export type Ending = 'fin' | 'destroy' | 'rst'

/** The faults of one direction. Without a member, there is no such fault. */
export interface DirectionFaults {
  /** Each byte, and the FIN or RST behind it, waits this long. Milliseconds; default 0. */
  latencyMs?: number
  /** Bytes per second, in bursts of at most 50 ms' worth. Default Infinity: no limit. */
  bytesPerSecond?: number
  /** `single-bytes`: each byte is a TCP write of its own, the event loop turns between them. Default `as-received`. */
  writes?: 'as-received' | 'single-bytes'
  /** Default `forward`. */
  flow?: Flow
  /**
   * Cut the whole connection once this many bytes went this way, counted from the moment the fault is set (for a
   * later connection: from its first byte). `bytes: 0` cuts when the first byte arrives.
   */
  cutAfter?: { bytes: number; ending: Ending }
}

/** The faults of both directions; `toClient` and `toServer` override them for one direction. */
export interface Faults extends DirectionFaults {
  toClient?: DirectionFaults
  toServer?: DirectionFaults
}

export type ResolvedFaults = Required<Omit<DirectionFaults, 'cutAfter'>> & Pick<DirectionFaults, 'cutAfter'>

export interface ResolvedFaultPair {
  toClient: ResolvedFaults
  toServer: ResolvedFaults
}

/** @throws {@link OptionError} `code: 'invalid-option'` for a value that is not a fault. */
export function resolveFaults(faults: Faults): ResolvedFaultPair {
  const { toClient, toServer, ...both } = faults
  return {
    toClient: resolveDirection({ ...both, ...toClient }, 'toClient'),
    toServer: resolveDirection({ ...both, ...toServer }, 'toServer'),
  }
}

function resolveDirection(faults: DirectionFaults, direction: string): ResolvedFaults {
  const {
    latencyMs = 0,
    bytesPerSecond = Infinity,
    writes = 'as-received',
    flow = 'forward',
    cutAfter,
  } = faults
  if (!(latencyMs >= 0 && latencyMs <= 2 ** 31 - 1))
    throw new OptionError(`${direction}.latencyMs`, latencyMs, 'milliseconds from 0 to 2^31 - 1')
  if (!(bytesPerSecond > 0)) throw new OptionError(`${direction}.bytesPerSecond`, bytesPerSecond, 'above 0')
  requireOneOf(`${direction}.writes`, writes, ['as-received', 'single-bytes'])
  requireOneOf(`${direction}.flow`, flow, ['forward', 'paused', 'black-hole'])
  if (cutAfter === undefined) return { latencyMs, bytesPerSecond, writes, flow }
  if (!(Number.isSafeInteger(cutAfter.bytes) && cutAfter.bytes >= 0))
    throw new OptionError(`${direction}.cutAfter.bytes`, cutAfter.bytes, 'an integer from 0')
  requireOneOf(`${direction}.cutAfter.ending`, cutAfter.ending, ['fin', 'destroy', 'rst'])
  return { latencyMs, bytesPerSecond, writes, flow, cutAfter }
}

function requireOneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new OptionError(option, value, allowed.join(', '))
}
