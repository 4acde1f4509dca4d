import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { admit } from './admission.ts'
import { asksForUpgrade, isAnswering } from './connection-upgrade.ts'
import { Exchange } from './exchange.ts'
import { refuse } from './refusal.ts'
import type { ServerCore } from './server-core.ts'
import { announcesContent } from './unread-content.ts'

/** Serves a request whose connection Node has let go of. If nobody upgrades it, it closes after the response. */
export function serveUpgrade(core: ServerCore, message: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => {
    socket.destroy()
  })
  // While another request is answered, only before Node 24.9: see `mayUpgrade`.
  if (isAnswering(message.socket) || core.closingConnections.has(message.socket)) {
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
  const admitted = admit(core, message)
  if ('status' in admitted) {
    refuse(core, message, response, admitted)
  } else if (!asksForUpgrade(message) && announcesContent(message)) {
    // Before Node 24.9 a server cannot decline an upgrade, and its content is lost.
    refuse(core, message, response, { status: 501, reason: 'an upgrade with content', connection: 'close' })
  } else {
    const upgradable = asksForUpgrade(message) ? { message, response, socket, head } : undefined
    new Exchange(core, message, response, admitted, undefined, upgradable).serve()
  }
}
