import { channel } from 'node:diagnostics_channel'
import type { Channel } from 'node:diagnostics_channel'
import type { ListeningAddress } from '../lifecycle/options.ts'
import type { WireRequest } from '../message/wire.ts'

/** Published on `sse-toolkit.http-core.listening` when the server accepts connections. */
export interface ListeningEvent {
  readonly address: ListeningAddress
}

/** Published on `sse-toolkit.http-core.request.start` before the handler runs. */
export interface RequestStartEvent {
  readonly message: WireRequest
  readonly url: string
}

/** Published on `sse-toolkit.http-core.request.end` when the response has been sent or cut off. */
export interface RequestEndEvent {
  readonly message: WireRequest
  readonly url: string
  readonly status: number
  /** `'aborted'`: the connection closed before the end of the response. */
  readonly outcome: 'completed' | 'aborted'
}

/** Published on `sse-toolkit.http-core.request.refused` when a limit or a rule of HTTP refuses a request. */
export interface RequestRefusedEvent {
  readonly status: number
  readonly reason: string
  readonly remoteAddress: string | undefined
}

/** Published on `sse-toolkit.http-core.request.failed` when the handler, or the body of its response, fails. */
export interface RequestFailedEvent {
  readonly message: WireRequest
  readonly url: string
  readonly error: unknown
}

/** The channels of node:diagnostics_channel. A channel without subscribers costs nothing. */
export const channels: {
  readonly listening: Channel
  readonly requestStart: Channel
  readonly requestEnd: Channel
  readonly requestRefused: Channel
  readonly requestFailed: Channel
} = {
  listening: channel('sse-toolkit.http-core.listening'),
  requestStart: channel('sse-toolkit.http-core.request.start'),
  requestEnd: channel('sse-toolkit.http-core.request.end'),
  requestRefused: channel('sse-toolkit.http-core.request.refused'),
  requestFailed: channel('sse-toolkit.http-core.request.failed'),
}
