import { createEventSource } from '@sse-toolkit/event-source-client'

export function open(url: string, onData: (data: string) => void): () => void {
  const source = createEventSource(url)
  source.on('message', (event) => onData(event.data))
  return () => source.close()
}
