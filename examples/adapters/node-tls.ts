/** HTTP/1.1 and HTTP/2 over TLS on one port: what the client chooses by ALPN. */
import { once } from 'node:events'
import { connect, createSecureServer } from 'node:http2'
import { listen } from './listen.ts'
import { createListener } from './node-http.ts'
import { createCertificate } from './self-signed.ts'
import { check } from './story.ts'
import type { RunningExample } from './story.ts'

export async function start(): Promise<RunningExample & { readonly cert: string }> {
  const certificate = createCertificate()
  const server = createSecureServer({ ...certificate, allowHTTP1: true }, createListener())
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  const running = await listen(server, 'https')
  return {
    ...running,
    cert: certificate.cert,
    close: async () => {
      for (const session of sessions) session.destroy()
      await running.close()
    },
  }
}

if (import.meta.main) {
  // As a program it checks the HTTP/2 half, and trusts whatever certificate its own server has made.
  await check(start, async (url) => {
    const { origin, pathname, search } = new URL(url)
    const session = connect(origin, { rejectUnauthorized: false })
    const request = session.request({ ':path': pathname + search }).setEncoding('utf8')
    let text = ''
    request.on('data', (piece: string) => {
      text += piece
    })
    await once(request, 'end')
    session.close()
    return text
  })
}
