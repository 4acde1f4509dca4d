import { fetchEventSource } from '@microsoft/fetch-event-source'

/** It is made for pages alone: here it finds the little of one that it asks for. */
const page = { window: globalThis, document: { removeEventListener: () => {} } }

export function open(url: string, onData: (data: string) => void): () => void {
  Object.assign(globalThis, page)
  const aborter = new AbortController()
  void fetchEventSource(url, {
    signal: aborter.signal,
    openWhenHidden: true,
    onmessage: (event) => onData(event.data),
  })
  return () => aborter.abort()
}
