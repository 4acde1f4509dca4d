import { createParser } from 'eventsource-parser'
import { request } from 'undici'

/** The code that applications write by hand: no reconnection, no last event ID, no checks. */
export function open(url: string, onData: (data: string) => void): () => void {
  const aborter = new AbortController()
  const parser = createParser({ onEvent: (event) => onData(event.data) })
  const decoder = new TextDecoder()
  void (async () => {
    try {
      const { body } = await request(url, { signal: aborter.signal, bodyTimeout: 0 })
      for await (const bytes of body) parser.feed(decoder.decode(bytes, { stream: true }))
    } catch (error) {
      if (!aborter.signal.aborted) throw error
    }
  })()
  return () => aborter.abort()
}
