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

/** The parts of the server that serve upgrades. */
export interface UpgradeParts {
  readonly settings: Pick<Settings, 'upgradeProtocols'>
  readonly closingConnections: WeakSet<Socket>
  readonly admit: Admit
  readonly refuse: Refuse
  readonly serveExchange: ServeExchange
}

/** Serves a request whose connection Node has given away. Without an upgrade, the connection closes after the response. */
export function serveUpgrade(
  { settings, closingConnections, admit, refuse, serveExchange }: UpgradeParts,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on('error', () => {
    socket.destroy()
  })
  // Another response can only be on its way in releases of Node that do not call `mayUpgrade`.
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
    // Releases of Node that do not call `mayUpgrade` cannot ignore the upgrade, and lose the content.
    const status = upgradeNames(message.headers.upgrade ?? '').includes('websocket') ? 400 : 501
    refuse(message, response, { status, reason: 'an upgrade with content', connection: 'close' })
  } else {
    const upgradable = asksForUpgrade(message, settings.upgradeProtocols)
      ? { message, response, socket, head }
      : undefined
    serveExchange(message, response, admitted, undefined, upgradable)
  }
}
