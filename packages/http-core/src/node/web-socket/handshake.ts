import { createHash } from 'node:crypto'
import {
  checkChoice,
  checkFunction,
  checkList,
  checkRuntime,
  checkOrigins,
  isToken,
} from '../../options/check-options.ts'
import { decisionOf } from '../../options/decision.ts'
import { ChannelError } from '../../errors/channel-error.ts'
import { HttpError } from '../../errors/http-error.ts'
import { OptionError } from '../../errors/option-error.ts'
import { upgradeNames } from '../upgrade/connection-upgrade.ts'
import type { ChannelHooks, ChannelOptions } from './channel-types.ts'

/** Sixteen bytes in base64 (RFC 6455 section 4.1). */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/
const webSocketVersion = '13'
const numbers = [
  'maxMessageBytes',
  'maxFragments',
  'maxPendingPongs',
  'maxBufferedBytes',
  'pingIntervalMs',
] as const
const hookNames = ['init', 'open', 'receive', 'ping', 'close', 'handshakeFailed'] as const

/**
 * Computes the `Sec-WebSocket-Accept` for a key, with which a server proves that it has read the handshake.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
 */
export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** Whether the request asks for a WebSocket. The handshake may still be invalid: see {@link checkHandshake}. */
export function isWebSocketHandshake(request: Request): boolean {
  return upgradeNames(request.headers.get('upgrade') ?? '').includes('websocket')
}

/**
 * Checks a handshake, including its origin, and chooses the subprotocol. `channel` does the same before it opens a
 * WebSocket.
 *
 * @returns the subprotocol; undefined if none is chosen.
 * @throws {@link HttpError} 403 if the origin is not allowed; 426 if the WebSocket version is not supported.
 * @throws {@link ChannelError} `code: 'invalid-handshake'`
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
 */
export function checkHandshake(
  request: Request,
  options: Pick<ChannelOptions, 'origin' | 'protocol' | 'protocols'> = {},
): string | undefined {
  const { headers } = request
  if (request.method !== 'GET') throw invalid('its method is not GET')
  if (headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) !== 0) {
    throw invalid('it has content')
  }
  if (headers.get('sec-websocket-version') !== webSocketVersion) {
    throw new HttpError(426, undefined, {
      headers: { 'sec-websocket-version': webSocketVersion, upgrade: 'websocket' },
    })
  }
  if (!keyPattern.test(headers.get('sec-websocket-key') ?? ''))
    throw invalid('Sec-WebSocket-Key is not 16 bytes in base64')
  const origin = headers.get('origin')
  if (!mayConnect(origin ?? undefined, request, options.origin ?? 'same')) {
    throw new HttpError(403, 'The origin may not open a WebSocket here.')
  }
  return chooseProtocol(headers.get('sec-websocket-protocol'), options)
}

function mayConnect(
  origin: string | undefined,
  request: Request,
  allowed: NonNullable<ChannelOptions['origin']>,
): boolean {
  if (typeof allowed === 'function') return decisionOf('origin', allowed(origin))
  // Browsers send an Origin with every handshake, so a client without one is not a page.
  if (allowed === '*' || origin === undefined) return true
  if (allowed === 'same') return origin === new URL(request.url).origin
  return allowed.includes(origin)
}

function chooseProtocol(
  field: string | null,
  { protocols = [], protocol }: Pick<ChannelOptions, 'protocol' | 'protocols'>,
): string | undefined {
  const offered = field === null ? [] : field.split(',').map((item) => item.trim())
  if (!offered.every(isToken) || new Set(offered).size !== offered.length) {
    throw invalid('Sec-WebSocket-Protocol is not a list of different tokens')
  }
  const chosen = offered.find((item) => protocols.includes(item))
  if (chosen === undefined && protocol === 'required')
    throw invalid('the server supports none of its protocols')
  return chosen
}

function invalid(reason: string): ChannelError {
  return new ChannelError('invalid-handshake', `Not a WebSocket handshake: ${reason}`)
}

/** @throws {@link OptionError} */
export function checkChannel(hooks: ChannelHooks, options: ChannelOptions): void {
  if (typeof hooks !== 'object' || hooks === null) throw new OptionError('hooks', hooks, 'an object')
  for (const hook of hookNames) checkFunction(`hooks.${hook}`, hooks[hook])
  checkChoice('accepts', options.accepts, ['any', 'websocket', 'http'])
  checkChoice('compression', options.compression, ['off', 'on'])
  checkChoice('protocol', options.protocol, ['optional', 'required'])
  checkList('protocols', options.protocols, isToken, 'tokens such as chat.v1')
  checkOrigins('origin', options.origin, ['same', '*'])
  checkRuntime('runtime', options.runtime)
  for (const option of numbers) {
    const value = options[option]
    const least = option === 'pingIntervalMs' ? 0 : 1
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least && value < 2 ** 31)) {
      throw new OptionError(option, value, `an integer from ${least} to 2^31 - 1`)
    }
  }
}
