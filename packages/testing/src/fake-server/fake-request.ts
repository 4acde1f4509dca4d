import { lastEventIdOf } from '../wire-contract/last-event-id.ts'
import type { FakeRequest } from './fake-connection.ts'

/** Makes a connection. @returns What the client calls to leave it; undefined if nobody listens. */
export type Connect<ClientEnd> = (request: FakeRequest, client: ClientEnd) => (() => void) | undefined

/** Resolves a URL as the page does. Outside of pages there is no base, and `http://localhost/` takes its place. */
export function resolveUrl(url: string | URL): URL {
  const { document, location } = globalThis as {
    document?: { baseURI?: string }
    location?: { href?: string }
  }
  const base = document?.baseURI ?? location?.href
  return new URL(url, base === undefined || base === 'about:blank' ? 'http://localhost/' : base)
}

export function createFakeRequest(options: {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly text: () => Promise<string>
}): FakeRequest {
  const { url, method, headers, text } = options
  return {
    url: url.href,
    method,
    headers,
    lastEventId: lastEventIdOf(url, headers),
    text,
  }
}
