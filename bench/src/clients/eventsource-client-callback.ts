import { createEventSource } from 'eventsource-client'

export function open(url: string, onData: (data: string) => void): () => void {
  const source = createEventSource({ url, onMessage: (event) => onData(event.data) })
  return () => source.close()
}
