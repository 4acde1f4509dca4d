import { EventSource } from 'eventsource'

export function open(url: string, onData: (data: string) => void): () => void {
  const source = new EventSource(url)
  source.addEventListener('message', (event) => onData(String(event.data)))
  return () => source.close()
}
