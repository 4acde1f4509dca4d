import { EventSource } from '@sse-toolkit/event-source-client'

export function open(url: string, onData: (data: string) => void): () => void {
  const source = new EventSource(url)
  source.addEventListener('message', (event) => onData(event.data))
  return () => source.close()
}
