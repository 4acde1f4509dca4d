import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { Admit } from '../request/admission.ts'
import type { Refuse } from '../request/refusal.ts'
import type { ServeExchange } from '../response/exchange-parts.ts'
import type { Settings } from '../lifecycle/settings.ts'
import { asksForUpgrade, isAnswering, upgradeNames } from './connection-upgrade.ts'
import { announcesContent } from '../message/unread-content.ts'

/** What serving an upgrade needs. */
export interface UpgradeParts {
  readonly settings: Pick<Settings, 'upgradeProtocols'>
  readonly closingConnections: WeakSet<Socket>
  readonly admit: Admit
  readonly refuse: Refuse
  readonly serveExchange: ServeExchange
}

/** Serves a request whose connection Node has given away. If it is not upgraded, it closes after the response. */
export function serveUpgrade(
  { settings, closingConnections, admit, refuse, serveExchange }: UpgradeParts,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on('error', () => {
    socket.destroy()
  })
  // While another request is answered, only where Node does not ask first: see `mayUpgrade`.
  if (isAnswering(message.socket) || closingConnections.has(message.socket)) {
    message.socket.destroySoon()
    return
  }
  const response = new ServerResponse(message)
  response.shouldKeepAlive = false
  response.assignSocket(message.socket)
  response.once('finish', () => {
    response.detachSocket(message.socket)
    response.emit('close')
    message.socket.destroySoon()
  })
  const admitted = admit(message)
  if ('status' in admitted) {
    refuse(message, response, admitted)
  } else if (announcesContent(message)) {
    // Where Node does not ask first, a server cannot decline an upgrade, and its content is lost.
    const status = upgradeNames(message.headers.upgrade ?? '').includes('websocket') ? 400 : 501
    refuse(message, response, { status, reason: 'an upgrade with content', connection: 'close' })
  } else {
    const upgradable = asksForUpgrade(message, settings.upgradeProtocols)
      ? { message, response, socket, head }
      : undefined
    serveExchange(message, response, admitted, undefined, upgradable)
  }
}
