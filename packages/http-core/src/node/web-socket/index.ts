export { ChannelError } from '../../errors/channel-error.ts'
export type { ChannelErrorCode } from '../../errors/channel-error.ts'
export { channel } from './channel.ts'
export { checkHandshake, isWebSocketHandshake, webSocketAccept } from './handshake.ts'
export type {
  Channel,
  ChannelCloseStatus,
  ChannelContent,
  ChannelHooks,
  ChannelKind,
  ChannelMessage,
  ChannelOptions,
  SendOptions,
} from './channel-types.ts'
